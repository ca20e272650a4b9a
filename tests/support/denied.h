/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_DENIED_H
#define SUPPORT_DENIED_H
/*
 * System calls that fail from here on, as in a kernel without them (ENOSYS) or under a filter that
 * does not know them (EPERM).
 *
 *   if (!denied(SYS_openat2, ENOSYS)) ... skip: no filter can be set here ...
 *
 * For this thread, and the threads and processes that it makes afterwards; nothing undoes it, so
 * that a plain program does it in a child (fixture_in_child()). Of several answers to one call the
 * last counts. The C library may do something else in the place of a call that fails with ENOSYS.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the C library is older than they are; the numbers are the same everywhere. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif

#if defined __x86_64__
#define DENIED_MACHINE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define DENIED_MACHINE AUDIT_ARCH_AARCH64
#endif

static inline bool denied(long number, int error)
{
#ifdef DENIED_MACHINE
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DENIED_MACHINE, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
#else
	(void)number, (void)error;
	return false;
#endif
}

#endif
