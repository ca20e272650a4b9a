/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Valgrind 3.19 knows no openat2(), without which nothing is answered inline: for those who
 * count instructions syscall() stands before the C library's, and makes it an openat(). Every
 * path that is there counts as cached, and none that is not. <unistd.h> is not included, since
 * it has another declaration of syscall(): all that is passed on is in the same places.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

typedef long system_call(long number, long a, long b, long c, long d, long e, long f);

system_call syscall;
static system_call *next;

static void find_next(void)
{
	*(void **)&next = dlsym(RTLD_NEXT, "syscall");
}

static long open_cached(int directory, const char *path, const struct open_how *how)
{
	int fd = openat(directory, path, (int)how->flags, (mode_t)how->mode);

	if (fd < 0 && errno == ENOENT)
		errno = EAGAIN;
	return fd;
}

long syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_openat2)
		return open_cached((int)a, (const char *)b, (const struct open_how *)c);
	/* The first call comes before there is a second thread. */
	if (!next)
		find_next();
	return next(number, a, b, c, d, e, f);
}
