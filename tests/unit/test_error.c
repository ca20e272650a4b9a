/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors (E2): for an errno, of the library itself, of one's own.
 *
 * An error never changes once made, so that one object may serve any number of futures;
 * an exception shared by all the futures of a broken pool was CPython's bug 101267.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/base.h>
#include <pthread.h>
#include <string.h>

TestSuite(error, .timeout = 60);

static int freed;

static void count_freed(void *payload)
{
	freed++;
	if (payload)
		*(int *)payload += 1;
}

static const ferry_error *make(const char *domain, int code, const char *message, void *payload)
{
	const ferry_error *error = NULL;

	cr_assert_eq(ferry_error_new(domain, code, message, payload, count_freed, &error), 0);
	cr_assert_not_null(error);
	return error;
}

Test(error, every_errno_has_one_of_its_own_for_ever)
{
	for (int code = 1; code <= 1023; code++) {
		const ferry_error *error = ferry_error_from_errno(code);

		cr_assert_not_null(error, "%d", code);
		cr_assert_eq(error, ferry_error_from_errno(code), "always the same");
		cr_assert_str_eq(ferry_error_domain(error), FERRY_DOMAIN_ERRNO);
		cr_assert_eq(ferry_error_number(error), code);
		cr_assert_eq(ferry_error_errno(error), code);
		cr_assert_null(ferry_error_payload(error));
	}
}

Test(error, a_number_that_is_no_errno_has_none)
{
	static const int codes[] = { 0, -1, -EIO, 1024, 1 << 20, INT32_MAX, INT32_MIN };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		cr_assert_null(ferry_error_from_errno(codes[i]), "%d", codes[i]);
}

Test(error, an_errno_is_told_in_the_systems_words)
{
	cr_assert_str_eq(ferry_error_message(ferry_error_from_errno(ENOENT)),
			 strerrordesc_np(ENOENT));
	cr_assert_str_eq(ferry_error_message(ferry_error_from_errno(1000)), "unknown error");
}

Test(error, those_for_ever_are_not_counted)
{
	const ferry_error *error = ferry_error_from_errno(EIO);

	for (int i = 0; i < 1000; i++)
		cr_assert_null(ferry_error_unref(error));
	cr_assert_eq(ferry_error_ref(error), error);
	cr_assert_eq(ferry_error_number(error), EIO);
	cr_assert_null(ferry_error_unref(ferry_error_from_code(FERRY_ERROR_BROKEN)));
	cr_assert_eq(ferry_error_number(ferry_error_from_code(FERRY_ERROR_BROKEN)),
		     FERRY_ERROR_BROKEN);
}

Test(error, the_library_has_six_of_its_own)
{
	static const struct {
		ferry_error_code code;
		int nearest;
	} own[] = {
		{ FERRY_ERROR_CANCELLED, ECANCELED },
		{ FERRY_ERROR_TIMED_OUT, ETIMEDOUT },
		{ FERRY_ERROR_INVALID_STATE, EINVAL },
		{ FERRY_ERROR_BROKEN, ENOTRECOVERABLE },
		{ FERRY_ERROR_TAKEN, ENODATA },
		{ FERRY_ERROR_STUCK, EHOSTDOWN },
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		const ferry_error *error = ferry_error_from_code(own[i].code);

		cr_assert_not_null(error);
		cr_assert_eq(error, ferry_error_from_code(own[i].code));
		cr_assert_eq(own[i].code, i + 1, "the numbers are ABI");
		cr_assert_str_eq(ferry_error_domain(error), FERRY_DOMAIN_FERRY);
		cr_assert_eq(ferry_error_number(error), (int)own[i].code);
		cr_assert_eq(ferry_error_errno(error), own[i].nearest);
		cr_assert_gt(strlen(ferry_error_message(error)), 0);
		cr_assert_null(ferry_error_payload(error));
	}
	cr_assert_null(ferry_error_from_code((ferry_error_code)0));
	cr_assert_null(ferry_error_from_code((ferry_error_code)7));
	cr_assert_null(ferry_error_from_code((ferry_error_code)-1));
	cr_assert_null(ferry_error_from_code((ferry_error_code)INT32_MAX));
}

Test(error, one_of_ones_own_keeps_what_it_was_given)
{
	int payload = 0;
	char message[] = "the disk is on fire";
	const ferry_error *error = make("disk", -7, message, &payload);

	memset(message, 'x', sizeof(message) - 1);
	cr_assert_str_eq(ferry_error_message(error), "the disk is on fire", "it is a copy");
	cr_assert_str_eq(ferry_error_domain(error), "disk");
	cr_assert_eq(ferry_error_number(error), -7);
	cr_assert_eq(ferry_error_payload(error), &payload);
	cr_assert_null(ferry_error_unref(error));
	cr_assert_eq(payload, 1, "its payload is freed once");
}

Test(error, no_message_means_an_empty_one)
{
	const ferry_error *error = make("disk", 1, NULL, NULL);

	cr_assert_str_eq(ferry_error_message(error), "");
	ferry_error_unref(error);
	error = make("disk", 1, "", NULL);
	cr_assert_str_eq(ferry_error_message(error), "");
	ferry_error_unref(error);
}

Test(error, a_long_message_is_kept_whole)
{
	char *message = malloc(100001);
	const ferry_error *error;

	memset(message, 'm', 100000);
	message[100000] = 0;
	error = make("disk", 1, message, NULL);
	cr_assert_str_eq(ferry_error_message(error), message);
	ferry_error_unref(error);
	free(message);
}

Test(error, a_payload_without_a_way_to_free_it_is_left_alone)
{
	const ferry_error *error = NULL;
	int payload = 0;

	cr_assert_eq(ferry_error_new("disk", 1, NULL, &payload, NULL, &error), 0);
	ferry_error_unref(error);
	cr_assert_eq(payload, 0);
}

Test(error, free_payload_is_called_even_with_a_payload_that_is_NULL)
{
	ferry_error_unref(make("disk", 1, NULL, NULL));
	cr_assert_eq(freed, 1);
}

Test(error, bad_arguments_are_refused_and_the_payload_stays_the_callers_E1)
{
	const ferry_error *const before = ferry_error_from_errno(EPERM), *error = before;
	int payload = 0;

	cr_assert_eq(ferry_error_new(NULL, 1, "m", &payload, count_freed, &error), -EINVAL);
	cr_assert_eq(error, before, "an output is untouched on failure");
	cr_assert_eq(ferry_error_new("disk", 1, "m", &payload, count_freed, NULL), -EINVAL);
	cr_assert_eq(payload, 0);
	cr_assert_eq(freed, 0);
}

Test(error, it_lives_until_its_last_reference_is_dropped)
{
	int payload = 0;
	const ferry_error *error = make("disk", 1, "m", &payload);

	for (int i = 0; i < 3; i++)
		cr_assert_eq(ferry_error_ref(error), error);
	for (int i = 0; i < 3; i++) {
		ferry_error_unref(error);
		cr_assert_eq(payload, 0);
	}
	ferry_error_unref(error);
	cr_assert_eq(payload, 1);
}

Test(error, no_error_is_allowed_where_it_makes_sense)
{
	cr_assert_null(ferry_error_ref(NULL));
	cr_assert_null(ferry_error_unref(NULL));
	cr_assert_eq(ferry_error_errno(NULL), 0);
}

Test(error, the_nearest_errno_of_another_domain_is_EIO)
{
	static const struct {
		const char *domain;
		int code, nearest;
	} cases[] = {
		{ "disk", ENOENT, EIO },
		{ "", 1, EIO },
		{ FERRY_DOMAIN_ERRNO, ENOENT, ENOENT },
		{ FERRY_DOMAIN_ERRNO, 5000, 5000 },
		{ FERRY_DOMAIN_ERRNO, 0, EIO },
		{ FERRY_DOMAIN_ERRNO, -ENOENT, EIO },
		{ FERRY_DOMAIN_FERRY, FERRY_ERROR_CANCELLED, EIO }, /* not one of the four */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const ferry_error *error = make(cases[i].domain, cases[i].code, NULL, NULL);

		cr_assert_eq(ferry_error_errno(error), cases[i].nearest, "case %zu", i);
		ferry_error_unref(error);
	}
}

#define THREADS 4
#define ROUNDS 10000

static void *ref_and_unref(void *arg)
{
	const ferry_error *error = arg;

	for (int i = 0; i < ROUNDS; i++)
		ferry_error_unref(ferry_error_ref(error));
	ferry_error_unref(error);
	return NULL;
}

Test(error, threads_may_share_one_and_the_last_to_let_go_frees_it)
{
	int payload = 0;
	const ferry_error *error = make("disk", 1, "m", &payload);
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		ferry_error_ref(error);
		cr_assert_eq(pthread_create(&threads[i], NULL, ref_and_unref, (void *)error), 0);
	}
	ferry_error_unref(error);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(payload, 1);
}

Test(error, of_no_error_there_is_no_domain_no_number_and_no_payload)
{
	cr_assert_null(ferry_error_domain(NULL));
	cr_assert_eq(ferry_error_number(NULL), 0);
	cr_assert_str_eq(ferry_error_message(NULL), "Success");
	cr_assert_null(ferry_error_payload(NULL));
	cr_assert_eq(ferry_error_errno(NULL), 0);
}
