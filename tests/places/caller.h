/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PLACES_CALLER_H
#define PLACES_CALLER_H
/*
 * Another thread that opens a file, since it may have to wait for that.
 *
 *   struct caller caller;
 *   caller_begin(&caller, path, O_RDONLY);
 *   ... caller.result is CALLER_WAITS ...
 *   caller_end(&caller) == 0            when it came back; or a negative errno. The file is closed
 *   must(stat(path, &status));          ends the test if that fails
 *   open_cached(path)                   0, or -EAGAIN if the filesystem would have to be asked
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "support/program.h"

#define SKIPPED 77
#define CALLER_WAITS 1

#define must(call) program_check((call) >= 0, "line %d: %s: %s", __LINE__, #call, strerror(errno))

struct caller {
	pthread_t thread;
	const char *path;
	int flags;
	_Atomic int result;
	_Atomic pid_t number;
};

static inline void *caller_main(void *given)
{
	struct caller *caller = given;
	int fd;

	caller->number = (pid_t)syscall(SYS_gettid);
	fd = open(caller->path, caller->flags);
	caller->result = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return NULL;
}

static inline void caller_begin(struct caller *caller, const char *path, int flags)
{
	*caller = (struct caller){ .path = path, .flags = flags, .result = CALLER_WAITS };
	program_check(!pthread_create(&caller->thread, NULL, caller_main, caller), "no thread");
}

static inline int caller_end(struct caller *caller)
{
	pthread_join(caller->thread, NULL);
	return caller->result;
}

/* -ENOSYS or -EINVAL if the kernel does not know how. */
static inline int open_cached(const char *path)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { O_PATH | O_CLOEXEC, 0, 0x20 /* RESOLVE_CACHED */ };
	int fd = (int)syscall(437 /* openat2 */, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

#endif
