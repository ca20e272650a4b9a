/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FAULT_TRIAL_H
#define FAULT_TRIAL_H
/*
 * An operation is tried with its first call of a kind failing, its second, ... until it
 * goes through without a failure; once with one failure, and once with all after it.
 *
 *   static void prepare(struct scene *scene)                          nothing fails
 *   static int act(struct scene *scene)                               the n-th fails
 *   static void judge(struct scene *scene, int result, unsigned n)    nothing fails; n is 0
 *                                                                     if nothing failed
 *   TRIAL("what is shown (E3)", FAULT_MEMORY, -ENOMEM, prepare, act, judge);
 *
 * judge() ends all that prepare() began; then neither memory nor a descriptor of the
 * library's may be left, nor one of the process.
 */
#include <ferry.h>
#include <sched.h>
#include <string.h>

#include "seam/faults.h"
#include "support/fixture.h"
#include "support/program.h"

struct scene;

struct trial {
	const char *shows;
	enum fault_kind kind;
	int error;
	void (*prepare)(struct scene *scene);
	int (*act)(struct scene *scene);
	void (*judge)(struct scene *scene, int result, unsigned n);
};

/* The last worker frees its pool when the shutdown has returned: the alarm ends a leak. */
static inline void trial_settle(long memory, long descriptors, int open)
{
	program_check(fault_descriptors() == descriptors && fixture_descriptors() == open,
		      "a descriptor is lost");
	while (fault_memory() != memory)
		sched_yield();
}

/* How many failures until it went through. */
static inline unsigned trial_run(const struct trial *trial, struct scene *scene, size_t bytes)
{
	unsigned failures = 0, n, failed = 1;

	for (int persistent = 0; persistent < 2; persistent++) {
		failed = 1;
		for (n = 1; failed; n++) {
			long memory = fault_memory(), descriptors = fault_descriptors();
			int open = fixture_descriptors(), result;

			program_check(n < 1000, "%s: never goes through", trial->shows);
			memset(scene, 0, bytes);
			trial->prepare(scene);
			fault_begin(trial->kind, n, trial->error, persistent);
			result = trial->act(scene);
			failed = fault_end();
			trial->judge(scene, result, failed ? n : 0);
			trial_settle(memory, descriptors, open);
			failures += failed != 0;
		}
	}
	printf("ok: %s: %u failures\n", trial->shows, failures);
	fflush(stdout);
	return failures;
}

/* At least one failure, or the operation does not do what is tried here. */
#define TRIAL(what, which, with, before, during, after)                                        \
	do {                                                                                   \
		static const struct trial trial_ = { what, which, with, before, during, after }; \
		struct scene scene_;                                                           \
		program_check(trial_run(&trial_, &scene_, sizeof(scene_)),                     \
			      "%s: nothing failed", what);                                     \
	} while (0)

#endif
