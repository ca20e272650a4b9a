/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_SHARED_WORD_H
#define SUPPORT_SHARED_WORD_H
/*
 * A word in memory that several processes share, and that they wait at.
 *
 *   unsigned seen = *word;
 *   ... look at what it stands for ...
 *   shared_word_wait(word, seen, -1);      returns at once if it has changed since
 *   shared_word_change(word);              whoever waits looks again
 *
 * A wait may end early, as with a condition variable.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef _Atomic unsigned shared_word;

/* At most so many nanoseconds; negative: however long it takes. */
static inline void shared_word_wait(shared_word *word, unsigned seen, int64_t most_ns)
{
	struct timespec most = { most_ns / 1000000000, most_ns % 1000000000 };

	syscall(SYS_futex, word, FUTEX_WAIT, seen, most_ns < 0 ? NULL : &most, NULL, 0);
}

static inline void shared_word_change(shared_word *word)
{
	++*word;
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Zeroed memory that children share too, and those who are given the descriptor *@ret; if @ret is
 * NULL, only children do. NULL if there is none. */
static inline void *shared_memory(size_t bytes, int *ret)
{
	int fd = -1, flags = MAP_SHARED | (ret ? 0 : MAP_ANONYMOUS);
	void *memory;

	if (ret) {
		fd = memfd_create("ferry-test", 0);
		if (fd < 0 || ftruncate(fd, (off_t)bytes))
			return NULL;
	}
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (ret)
		*ret = fd;
	return memory;
}

#endif
