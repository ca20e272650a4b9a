/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_PROGRAM_H
#define SUPPORT_PROGRAM_H
/*
 * What every plain test program does: options, random numbers, giving up.
 *
 *   struct program program = program_begin(argc, argv, "what it shows", 100000, 1000000);
 *   uint64_t random = program.seed + thread_number;
 *   ... random_below(&random, 7) ...
 *   program_check(balance == 0, "%ld results were lost", balance);
 *
 * Prints its seed, so that a run can be done again with --seed. A hang becomes a
 * failure: the alarm ends the program.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/alone.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define PROGRAM_SLOW 10
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#undef PROGRAM_SLOW
#define PROGRAM_SLOW 10
#endif
#ifndef PROGRAM_SLOW
#define PROGRAM_SLOW 1 /* how much less is done under a sanitizer */
#endif

struct program {
	const char *name;
	uint64_t seed;
	long count;
	bool is_long;
};

/* Prints a line and ends the whole program with status 1. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void program_fail(const char *format,
										 ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("FAILED: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	fflush(NULL);
	_exit(1);
}

#define program_check(condition, ...)              \
	do {                                       \
		if (!(condition))                  \
			program_fail(__VA_ARGS__); \
	} while (0)

static inline unsigned long long program_number(const char *text, const char *option)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-') {
		fprintf(stderr, "%s needs a number, not \"%s\"\n", option, text);
		exit(2);
	}
	return number;
}

/* Reads --seed, --count and --help; sets the alarm. */
static inline struct program program_begin(int argc, char **argv, const char *shows, long ordinary,
					   long at_length)
{
	const char *wanted = getenv("FERRY_TEST_LONG");
	struct program program = { .name = argv[0],
				   .is_long = wanted && *wanted && *wanted != '0' };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	program.seed = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	program.count = program.is_long ? at_length : ordinary / PROGRAM_SLOW;
	if (program.count < 1)
		program.count = 1;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
			program.seed = program_number(argv[++i], "--seed");
		} else if (!strcmp(argv[i], "--count") && i + 1 < argc) {
			program.count = (long)program_number(argv[++i], "--count");
		} else {
			bool help = !strcmp(argv[i], "--help");

			fprintf(help ? stdout : stderr,
				"usage: %s [--seed N] [--count N]\n%s\n"
				"--count is %ld by default, and %ld with FERRY_TEST_LONG=1.\n",
				argv[0], shows, ordinary / PROGRAM_SLOW, at_length);
			exit(help ? 0 : 2);
		}
	}
	printf("%s: --seed %" PRIu64 " --count %ld\n", shows, program.seed, program.count);
	fflush(stdout);
	alone_begin();
	alarm(program.is_long ? 3600 : 60 * PROGRAM_SLOW);
	return program;
}

/* The next number of the sequence that *state stands for. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* 0 to @limit - 1. */
static inline unsigned random_below(uint64_t *state, unsigned limit)
{
	return (unsigned)((random_next(state) >> 32) * limit >> 32);
}

#endif
