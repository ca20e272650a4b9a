/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_SLOW_MOUNT_H
#define SUPPORT_SLOW_MOUNT_H
/*
 * A mount whose filesystem answers as late as a test wants, or not until it is released. It shows a
 * folder of its own; a process that ends with the test serves it (tests/places/slow_filesystem.c).
 *
 *   struct slow_mount mount;
 *   const char *why = slow_mount_begin(&mount, (struct slow_mount_options){ 0 });
 *   if (why) ... skip: why says what is missing ...
 *   stat(slow_mount_path(&mount, "name"), ...)     what lies in it; valid until the eighth call
 *   slow_mount_below(&mount, "name")               the same file, without the filesystem
 *   slow_mount_delay(&mount, SLOW_READ, 20);       from here on each read takes 20 ms
 *   slow_mount_hang(&mount, SLOW_ANYTHING);        requests are held
 *   slow_mount_await(&mount, SLOW_OPEN, 1);        returns when one open is held, or delayed
 *   slow_mount_release(&mount, SLOW_ANYTHING);     those that were held, and all that come, go on
 *   slow_mount_asked(&mount, SLOW_LOOKUP)          how many look-ups have come
 *   slow_mount_break(&mount);                      the process ends: whoever waits gets an error
 *   slow_mount_end(&mount);                        all of it is gone when this returns
 *
 * It is gone as well when the thread that began it ends, or the test is killed, even inside a call
 * that hangs. Takes root, /dev/fuse and libfuse3. A program that uses it is listed in meson.build
 * with depends: places_depends.
 *
 * Whether the kernel asks at all: with entry_seconds 0 each step of a path is a SLOW_LOOKUP, with
 * attribute_seconds 0 each stat a SLOW_GETATTR, and each directory of the path as well, before a
 * look-up in it. Opening asks always (SLOW_OPEN), and closing too (SLOW_FLUSH, for which close()
 * waits; SLOW_RELEASE, for which nobody does, so that it may come late).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "support/shared_word.h"

enum slow_operation {
	SLOW_LOOKUP,
	SLOW_GETATTR,
	SLOW_SETATTR, /* chmod, chown, utimens, truncate */
	SLOW_READLINK,
	SLOW_SYMLINK,
	SLOW_MKNOD,
	SLOW_MKDIR,
	SLOW_UNLINK,
	SLOW_RMDIR,
	SLOW_RENAME,
	SLOW_LINK,
	SLOW_CREATE,
	SLOW_OPEN,
	SLOW_READ,
	SLOW_WRITE,
	SLOW_FLUSH,
	SLOW_FSYNC,
	SLOW_RELEASE,
	SLOW_COPY, /* copy_file_range */
	SLOW_OPENDIR,
	SLOW_READDIR,
	SLOW_RELEASEDIR,
	SLOW_FSYNCDIR,
	SLOW_ACCESS, /* only with asks_access */
	SLOW_STATFS,
	SLOW_ANYTHING, /* all of them */
};

struct slow_mount_options {
	double entry_seconds;     /* how long the kernel may believe a name, or its absence */
	double attribute_seconds; /* and what stat says */
	bool interruptible;       /* a signal ends what is held or delayed, with EINTR */
	bool asks_access;         /* who may do what is asked by SLOW_ACCESS, and all may */
	bool direct;              /* nothing that was read is kept: each read is a SLOW_READ */
};

/* What both processes look at. */
struct slow_control {
	shared_word changed; /* whenever one of the others is */
	struct slow_mount_options options;
	_Atomic pid_t server;
	_Atomic unsigned signals; /* to callers who waited */
	char folder[256]; /* has "mount" and "below" in it */
	struct {
		_Atomic unsigned delay_ms, hangs; /* set by the test */
		_Atomic unsigned asked, inside;   /* set by the filesystem */
	} of[SLOW_ANYTHING + 1];
};

struct slow_mount {
	struct slow_control *control;
	pid_t keeper;
};

/* ---- while it is there ---- */

static inline const char *slow_mount_place(const struct slow_mount *mount, const char *which,
					   const char *name)
{
	static char paths[8][1024];
	static _Atomic unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s%s%s", mount->control->folder, which,
		 *name ? "/" : "", name);
	return path;
}

/* With "": of the mount itself. */
static inline const char *slow_mount_path(const struct slow_mount *mount, const char *name)
{
	return slow_mount_place(mount, "mount", name);
}

static inline const char *slow_mount_below(const struct slow_mount *mount, const char *name)
{
	return slow_mount_place(mount, "below", name);
}

static inline void slow_mount_delay(struct slow_mount *mount, enum slow_operation operation,
				    unsigned milliseconds)
{
	mount->control->of[operation].delay_ms = milliseconds;
	shared_word_change(&mount->control->changed);
}

static inline void slow_mount_hang(struct slow_mount *mount, enum slow_operation operation)
{
	mount->control->of[operation].hangs = 1;
	shared_word_change(&mount->control->changed);
}

/* SLOW_ANYTHING: each one, however it was told to hang. */
static inline void slow_mount_release(struct slow_mount *mount, enum slow_operation operation)
{
	mount->control->of[operation].hangs = 0;
	for (int i = 0; operation == SLOW_ANYTHING && i < SLOW_ANYTHING; i++)
		mount->control->of[i].hangs = 0;
	shared_word_change(&mount->control->changed);
}

static inline unsigned slow_mount_asked(struct slow_mount *mount, enum slow_operation operation)
{
	return mount->control->of[operation].asked;
}

/* How many are held or delayed now. */
static inline unsigned slow_mount_inside(struct slow_mount *mount, enum slow_operation operation)
{
	return mount->control->of[operation].inside;
}

/* Returns when at least so many are held or delayed. */
static inline void slow_mount_await(struct slow_mount *mount, enum slow_operation operation,
				    unsigned count)
{
	struct slow_control *control = mount->control;

	for (;;) {
		unsigned seen = control->changed;

		if (control->of[operation].inside >= count)
			return;
		shared_word_wait(&control->changed, seen, -1);
	}
}

/* Returns when the filesystem has heard of a signal to one whose request is held or delayed. */
static inline void slow_mount_await_signal(struct slow_mount *mount)
{
	struct slow_control *control = mount->control;

	for (;;) {
		unsigned seen = control->changed;

		if (control->signals)
			return;
		shared_word_wait(&control->changed, seen, -1);
	}
}

/* ---- its beginning and its end ---- */

/* Beside the folder of the program, where meson has not said where. */
static inline bool slow_mount_program(char *path, size_t bytes)
{
	const char *root = getenv("FERRY_BUILD_ROOT");
	char own[512];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

	own[length > 0 ? length : 0] = 0;
	if (strrchr(own, '/'))
		*strrchr(own, '/') = 0;
	if (root)
		snprintf(path, bytes, "%s/tests/places/slow_filesystem", root);
	else
		snprintf(path, bytes, "%s/../places/slow_filesystem", own);
	return !access(path, X_OK);
}

static inline void slow_mount_end(struct slow_mount *mount)
{
	kill(mount->keeper, SIGTERM);
	while (waitpid(mount->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(mount->control, sizeof(*mount->control));
}

/* As if it had crashed: ENOTCONN or ECONNABORTED for whoever waits, and whoever comes. */
static inline void slow_mount_break(struct slow_mount *mount)
{
	kill(mount->control->server, SIGKILL);
}

static inline pid_t slow_mount_start(const char *program, const char *under, int memory, int ready)
{
	char numbers[3][16];
	pid_t parent = getpid(), child;
	sigset_t all;

	snprintf(numbers[0], sizeof(numbers[0]), "%d", memory);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", ready);
	snprintf(numbers[2], sizeof(numbers[2]), "%d", (int)parent);
	child = fork();
	if (child == 0) {
		/* Waits for him to be ready for it. */
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		if (!prctl(PR_SET_PDEATHSIG, SIGTERM))
			execl(program, program, under, numbers[0], numbers[1], numbers[2],
			      (char *)NULL);
		_exit(127);
	}
	return child;
}

/* NULL, or why there can be none. */
static inline const char *slow_mount_begin(struct slow_mount *mount,
					   struct slow_mount_options options)
{
	const char *under = getenv("TMPDIR");
	char program[640];
	int memory, ready[2], error = 0;
	ssize_t count;

	if (!slow_mount_program(program, sizeof(program)))
		return "there is no slow_filesystem, which takes libfuse3";
	if (geteuid())
		return "no right to mount a filesystem";
	if (access("/dev/fuse", R_OK | W_OK))
		return "there is no /dev/fuse";
	mount->control = shared_memory(sizeof(*mount->control), &memory);
	if (!mount->control || pipe(ready))
		return "no memory or pipe";
	mount->control->options = options;
	fcntl(ready[0], F_SETFD, FD_CLOEXEC);
	mount->keeper = slow_mount_start(program, under ? under : "/tmp", memory, ready[1]);
	close(memory);
	close(ready[1]);
	if (mount->keeper < 0)
		return "no process for a filesystem";
	/* An errno; nothing at all if it could not even be said. */
	while ((count = read(ready[0], &error, sizeof(error))) < 0 && errno == EINTR)
		;
	close(ready[0]);
	if (count == sizeof(error) && !error)
		return NULL;
	slow_mount_end(mount);
	return "a FUSE filesystem cannot be mounted here";
}

#endif
