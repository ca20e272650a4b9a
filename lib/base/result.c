/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Results: the value a function produced, and the two disposers everybody needs;
 * version and clock, which belong to no other file.
 *
 * Called on any thread, by functions on workers (step "work" of a request) and by
 * users. Invariant: plain values, no state; disposing is decided in future/future.c.
 */
#include <ferry/base.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

ferry_result ferry_result_u64(uint64_t value)
{
	ferry_result result = { .disposer = NULL };

	result.u64 = value;
	return result;
}

ferry_result ferry_result_i64(int64_t value)
{
	ferry_result result = { .disposer = NULL };

	result.i64 = value;
	return result;
}

ferry_result ferry_result_pointer(void *pointer, const ferry_disposer *disposer)
{
	ferry_result result = { .disposer = disposer };

	/* The whole eight bytes are written, whatever the size of a pointer. */
	result.u64 = 0;
	result.pointer = pointer;
	return result;
}

static void dispose_free(const ferry_result *result)
{
	free(result->pointer);
}

static void dispose_close(const ferry_result *result)
{
	close((int)result->i64);
}

const ferry_disposer ferry_dispose_free = { FERRY_DISPOSE_ANYWHERE, dispose_free };
const ferry_disposer ferry_dispose_close = { FERRY_DISPOSE_BLOCKING, dispose_close };

unsigned ferry_version(void)
{
	return FERRY_VERSION_MAJOR * 1000000 + FERRY_VERSION_MINOR * 1000 + FERRY_VERSION_PATCH;
}

uint64_t ferry_now_ns(void)
{
	return clock_now();
}

uint64_t ferry_in_ns(uint64_t delay_ns)
{
	uint64_t now = clock_now();

	return delay_ns > FERRY_NO_DEADLINE - now ? FERRY_NO_DEADLINE : now + delay_ns;
}
