/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_SLOW_NAMES_H
#define SUPPORT_SLOW_NAMES_H
/*
 * Name services that do not answer: getaddrinfo() and getnameinfo() of a program that was started
 * with LD_PRELOAD=slow_names.so (tests/places/slow_names.c), in meson.build with env: names_slow.
 *
 *   struct slow_names *names = slow_names();
 *   if (!names) ... skip: it was started without ...
 *   slow_names_hang(names);               from here on whoever asks waits
 *   slow_names_await(names, 3);           returns when three wait
 *   slow_names_release(names);            they go on, and so do all who come
 *   names->asked                          how many have come
 *   slow_names_alone();                   tests of one program share them: this one, until it ends
 *
 * Not released, they are answered as ever. Another program is held in the same way: it is given
 * the memory, made by shared_memory(sizeof(struct slow_names), &fd), as FERRY_SLOW_NAMES=fd in its
 * environment.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>

#include "support/shared_word.h"

struct slow_names {
	shared_word changed; /* whenever one of the others is */
	_Atomic unsigned hangs, asked, inside;
};

/* NULL in a program that was started without it. */
static inline struct slow_names *slow_names(void)
{
	struct slow_names *(*of_library)(void);

	*(void **)&of_library = dlsym(RTLD_DEFAULT, "slow_names_of_process");
	return of_library ? of_library() : NULL;
}

/* Criterion runs tests at the same time, each in a process of its own. */
static inline void slow_names_alone(void)
{
	if (slow_names())
		flock(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), LOCK_EX);
}

static inline void slow_names_hang(struct slow_names *names)
{
	names->hangs = 1;
}

static inline void slow_names_release(struct slow_names *names)
{
	names->hangs = 0;
	shared_word_change(&names->changed);
}

static inline void slow_names_await(struct slow_names *names, unsigned count)
{
	for (;;) {
		unsigned seen = names->changed;

		if (names->inside >= count)
			return;
		shared_word_wait(&names->changed, seen, -1);
	}
}

#endif
