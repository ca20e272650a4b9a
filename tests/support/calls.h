/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_CALLS_H
#define SUPPORT_CALLS_H
/*
 * The calls by which things are opened below a root: the library's come here first. They
 * are counted, the n-th can fail, and something can happen before each.
 *
 *   calls_begin(); ... calls.fails = 3; calls.error = ENOMEM; ... calls_end();
 *
 * openat2() besides can be refused as by a filter of system calls, or be unsure.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static struct {
	bool on;
	unsigned made, fails;       /* how many there were; the one that fails, from 1 */
	int error;                  /* with which */
	void (*before)(unsigned n); /* each; what it calls is not counted */
	unsigned scoped, unsure;    /* openat2(): how many; so many of them yet say EAGAIN */
	int refused, path_refused;  /* its errno, if not 0: of all; of all but "." */
} calls;

static inline void calls_begin(void)
{
	memset(&calls, 0, sizeof(calls));
	calls.on = true;
}

/* How many calls there were. */
static inline unsigned calls_end(void)
{
	calls.on = false;
	return calls.made;
}

static inline bool calls_fail(void)
{
	if (!calls.on)
		return false;
	calls.made++;
	if (calls.before) {
		calls.on = false;
		calls.before(calls.made);
		calls.on = true;
	}
	errno = calls.error;
	return calls.made == calls.fails;
}

/* The system's function of that name. */
#define CALLS_SYSTEM(pointer, name) (*(void **)&(pointer) = dlsym(RTLD_NEXT, name))

int openat(int directory, const char *path, int flags, ...)
{
	static int (*system)(int, const char *, int, ...);
	va_list list;
	unsigned mode;

	va_start(list, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, unsigned) : 0;
	va_end(list);
	if (!system)
		CALLS_SYSTEM(system, "openat");
	return calls_fail() ? -1 : system(directory, path, flags, mode);
}

ssize_t readlinkat(int directory, const char *path, char *text, size_t bytes)
{
	static ssize_t (*system)(int, const char *, char *, size_t);

	if (!system)
		CALLS_SYSTEM(system, "readlinkat");
	return calls_fail() ? -1 : system(directory, path, text, bytes);
}

int fstat(int fd, struct stat *status)
{
	static int (*system)(int, struct stat *);

	if (!system)
		CALLS_SYSTEM(system, "fstat");
	return calls_fail() ? -1 : system(fd, status);
}

int fstatfs(int fd, struct statfs *status)
{
	static int (*system)(int, struct statfs *);

	if (!system)
		CALLS_SYSTEM(system, "fstatfs");
	return calls_fail() ? -1 : system(fd, status);
}

static inline int calls_scoped(const char *path)
{
	calls.scoped++;
	if (calls.unsure) {
		calls.unsure--;
		return EAGAIN;
	}
	return calls.refused ? calls.refused : strcmp(path, ".") ? calls.path_refused : 0;
}

long syscall(long number, ...)
{
	static long (*system)(long, ...);
	va_list list;
	long given[6] = { 0 };

	va_start(list, number);
	/* The sixth lies on the stack, where only these two have one. */
	for (int i = 0; i < 5 + (number == SYS_futex || number == SYS_epoll_pwait2); i++)
		given[i] = va_arg(list, long);
	va_end(list);
	if (!system)
		CALLS_SYSTEM(system, "syscall");
	if (number == SYS_openat2 && calls.on) {
		int error = calls_scoped((const char *)given[1]);

		if (error) {
			errno = error;
			return -1;
		}
	}
	return system(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

#endif
