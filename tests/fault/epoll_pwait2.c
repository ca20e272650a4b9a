/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel, or a filter of system calls, that has no epoll_pwait2: timers go by whole
 * milliseconds then, rounded up, so that none fires early and none is waited for by
 * spinning. Each answer is tried in a process of its own, since a filter stays.
 *
 * Needs seccomp; leaves with status 77 where there is none.
 */
#include <errno.h>
#include <ferry.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support/fixture.h"
#include "support/program.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define TIMERS 20
#define UNAVAILABLE 77

/* From here on epoll_pwait2 fails with @error: false if that cannot be. */
static bool refuse(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return false;
	program_check(syscall(SYS_epoll_pwait2, -1, NULL, 0, NULL, NULL, 0) < 0 && errno == error,
		      "the filter lets it pass");
	return true;
}

static uint64_t deadlines[TIMERS];
static unsigned fired;

static void fire(ferry_loop *loop, void *user)
{
	uint64_t now = ferry_now_ns(), deadline = *(uint64_t *)user;

	(void)loop;
	program_check(deadline == deadlines[fired], "timers fire out of order");
	program_check(now >= deadline, "a timer fires %lu ns early",
		      (unsigned long)(deadline - now));
	fired++;
}

static int answer(void *arg)
{
	ferry_loop *loop = fixture_loop();
	uint64_t begun;

	if (!refuse(*(int *)arg))
		return UNAVAILABLE;
	begun = ferry_now_ns();
	/* Each a part of a millisecond after the one before. */
	for (unsigned i = 0; i < TIMERS; i++) {
		deadlines[i] = begun + (i + 1) * 1300001;
		program_check(ferry_loop_call_at(loop, deadlines[i], fire, &deadlines[i], NULL) ==
				      0, "no timer");
	}
	program_check(ferry_loop_run(loop) == 0, "the loop does not run");
	program_check(fired == TIMERS, "%u timers fired", fired);
	/* Rounded up, one sleep is enough for one timer: it is not waited for by spinning. */
	program_check(fixture_loop_counters(loop).sleeps <= 2 * TIMERS, "%lu sleeps",
		      (unsigned long)fixture_loop_counters(loop).sleeps);
	fixture_end(loop, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	static int answers[] = { ENOSYS, EPERM };

	program_begin(argc, argv, "a kernel without epoll_pwait2 (E3)", 1, 1);
	for (unsigned i = 0; i < 2; i++) {
		int status = fixture_in_child(answer, &answers[i]);

		if (status == UNAVAILABLE) {
			puts("skipped: no filter of system calls can be set here");
			return UNAVAILABLE;
		}
		program_check(status == 0, "with %s: status %d", strerror(answers[i]), status);
		printf("ok: timers fire, and never early, with %s\n", strerror(answers[i]));
	}
	return 0;
}
