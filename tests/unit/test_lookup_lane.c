/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Look-ups that do not return, however many, keep no file call from being made. */
#include <criterion/criterion.h>
#include <errno.h>

#include "support/fixture.h"
#include "support/hung_names.h"

#define LOOKUPS 50
#define CALLS 10000
#define AT_ONCE 100

TestSuite(lookup_lane, .timeout = 30);

static void make_calls(ferry_loop *loop, ferry_pool *pool)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *calls[AT_ONCE];

	options.policy = FERRY_FS_POOL;
	for (int i = 0; i < AT_ONCE; i++)
		calls[i] = ferry_fs_stat(loop, pool, "/", &options);
	for (int i = 0; i < AT_ONCE; i++) {
		cr_assert_eq(ferry_loop_run_until(loop, calls[i]), 0);
		cr_assert_not_null(ferry_fs_result_stat(calls[i]));
		ferry_local_unref(calls[i]);
	}
}

Test(lookup_lane, P4_look_ups_that_hang_leave_workers_to_file_calls)
{
	ferry_loop *loop = fixture_loop();
	ferry_pool *pool = fixture_pool(4);
	ferry_local *lookups[LOOKUPS];

	gate_init(&hung_names);
	for (int i = 0; i < LOOKUPS; i++) {
		lookups[i] = ferry_getaddrinfo(loop, pool, "a.name.invalid", NULL, NULL, NULL);
		cr_assert_not_null(lookups[i]);
		cr_assert_not(ferry_local_snapshot(lookups[i]).done);
	}
	gate_await(&hung_names, 2);
	for (int i = 0; i < CALLS; i += AT_ONCE)
		make_calls(loop, pool);
	cr_assert_eq(gate_come(&hung_names), 2);
	gate_open(&hung_names);
	for (int i = 0; i < LOOKUPS; i++) {
		cr_assert_eq(ferry_loop_run_until(loop, lookups[i]), 0);
		cr_assert_not_null(ferry_local_snapshot(lookups[i]).exception);
		ferry_local_unref(lookups[i]);
	}
	fixture_end(loop, pool);
}
