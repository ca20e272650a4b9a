/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_EXCEPTIONS_H
#define SUPPORT_EXCEPTIONS_H
/*
 * Exceptions that are counted, and a loop's handler that remembers what it was told.
 *
 *   actor.error = exception_new("a");      the caller's reference
 *   exceptions_alive                       how many exist
 *   ferry_loop_set_exception_handler(loop, exception_hear, NULL);
 *   exceptions_told, exception_told        how often, and the last one's message
 */
#include <ferry.h>
#include <stdio.h>
#include <string.h>

#include "support/fixture.h"

static int exceptions_alive, exceptions_told;
static char exception_told[64];

static inline void exception_free(void *payload)
{
	(void)payload;
	exceptions_alive--;
}

static inline const ferry_error *exception_new(const char *message)
{
	const ferry_error *error;
	int failed = ferry_error_new("test", 1, message, &exceptions_alive, exception_free, &error);

	if (failed)
		fixture_die("no exception", failed);
	exceptions_alive++;
	return error;
}

static inline void exception_hear(ferry_loop *loop, const ferry_error *exception, void *user)
{
	(void)loop;
	(void)user;
	exceptions_told++;
	snprintf(exception_told, sizeof(exception_told), "%s", ferry_error_message(exception));
}

/* The message of what something ended with; "" if with nothing. */
static inline const char *exception_of(const ferry_awaitable *awaitable)
{
	const ferry_error *exception = ferry_awaitable_snapshot(awaitable).exception;

	return exception ? ferry_error_message(exception) : "";
}

/* The same of a task: whoever asks has looked at it. */
static inline const char *exception_of_task(ferry_task *task)
{
	const ferry_error *exception = ferry_task_snapshot(task).exception;

	return exception ? ferry_error_message(exception) : "";
}

/* How often the handler was told since the last time; the message of the last one is that. */
static inline int exceptions_heard(const char *last)
{
	int told = exceptions_told;

	exceptions_told = 0;
	if (told && strcmp(exception_told, last) != 0)
		fprintf(stderr, "the handler was told \"%s\", not \"%s\"\n", exception_told, last);
	return told && !strcmp(exception_told, last) ? told : 0;
}

#endif
