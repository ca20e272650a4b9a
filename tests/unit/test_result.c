/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results and the two disposers everybody needs; version and clock. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ferry/future.h>
#include <time.h>
#include <unistd.h>

TestSuite(result, .timeout = 30);

Test(result, the_version_is_that_of_the_headers)
{
	cr_assert_eq(ferry_version(), FERRY_VERSION_MAJOR * 1000000u + FERRY_VERSION_MINOR * 1000 +
					      FERRY_VERSION_PATCH);
}

static uint64_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

Test(result, now_is_the_monotonic_clock)
{
	uint64_t before = monotonic(), now = ferry_now_ns(), after = monotonic();

	cr_assert_leq(before, now);
	cr_assert_leq(now, after);
}

Test(result, a_delay_becomes_a_deadline)
{
	uint64_t before = ferry_now_ns(), deadline = ferry_in_ns(1000), after = ferry_now_ns();

	cr_assert_leq(before + 1000, deadline);
	cr_assert_leq(deadline, after + 1000);
	cr_assert_leq(ferry_in_ns(0), ferry_now_ns());
}

Test(result, a_delay_that_does_not_fit_never_ends)
{
	uint64_t now = ferry_now_ns();

	cr_assert_eq(ferry_in_ns(FERRY_NO_DEADLINE), FERRY_NO_DEADLINE);
	cr_assert_eq(ferry_in_ns(FERRY_NO_DEADLINE - now + 1), FERRY_NO_DEADLINE);
	cr_assert_geq(ferry_in_ns(FERRY_NO_DEADLINE / 2), FERRY_NO_DEADLINE / 2);
	cr_assert_lt(ferry_in_ns(FERRY_NO_DEADLINE / 2), FERRY_NO_DEADLINE);
}

Test(result, numbers_are_kept_whole_and_nobody_disposes_of_them)
{
	static const uint64_t numbers[] = { 0, 1, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		ferry_result result = ferry_result_u64(numbers[i]);

		cr_assert_eq(result.u64, numbers[i]);
		cr_assert_null(result.disposer);
		result = ferry_result_i64(-(int64_t)(numbers[i] / 2));
		cr_assert_eq(result.i64, -(int64_t)(numbers[i] / 2));
		cr_assert_null(result.disposer);
	}
}

Test(result, a_pointer_goes_with_its_disposer)
{
	int something;
	ferry_result result = ferry_result_pointer(&something, &ferry_dispose_free);

	cr_assert_eq(result.pointer, &something);
	cr_assert_eq(result.disposer, &ferry_dispose_free);
	result = ferry_result_pointer(NULL, NULL);
	cr_assert_null(result.pointer);
	cr_assert_eq(result.u64, 0);
	cr_assert_null(result.disposer);
}

Test(result, memory_is_freed_anywhere)
{
	ferry_result result = ferry_result_pointer(malloc(10), &ferry_dispose_free);

	cr_assert_eq(ferry_dispose_free.kind, FERRY_DISPOSE_ANYWHERE);
	ferry_dispose_free.dispose(&result); /* a sanitizer tells if it leaks */
}

Test(result, a_descriptor_is_closed_where_blocking_is_allowed)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ferry_result result = ferry_result_i64(fd);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ferry_dispose_close.kind, FERRY_DISPOSE_BLOCKING);
	ferry_dispose_close.dispose(&result);
	cr_assert_eq(fcntl(fd, F_GETFD), -1);
	cr_assert_eq(errno, EBADF);
}

Test(result, the_numbers_of_the_disposer_kinds_are_ABI)
{
	cr_assert_eq(FERRY_DISPOSE_ANYWHERE, 0);
	cr_assert_eq(FERRY_DISPOSE_BLOCKING, 1);
	cr_assert_eq(sizeof(ferry_result), 16);
	cr_assert_eq(sizeof(ferry_waiter), 2 * sizeof(void *));
}

Test(result, only_those_given_to_a_disposer_are_counted_F7)
{
	uint64_t before = ferry_disposed_count();
	ferry_future *future = NULL;

	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	cr_assert_eq(ferry_future_set_result(future, ferry_result_u64(1)), 0);
	ferry_future_unref(future);
	cr_assert_eq(ferry_disposed_count(), before, "a number needs no disposer");
	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	cr_assert_eq(ferry_future_set_result(future,
					     ferry_result_pointer(malloc(1), &ferry_dispose_free)),
		     0);
	ferry_future_unref(future);
	cr_assert_eq(ferry_disposed_count(), before + 1);
}
