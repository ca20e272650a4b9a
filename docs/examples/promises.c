/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Promises by number. Called on the loop's thread (add) and on the client library's (the rest).
 *
 * A number has a promise, an answer that waits for one, or neither. Whoever comes second, he who
 * adds or he who answers, finds the first one here under the lock and completes the promise, so it
 * does not matter which of them that is. A promise is taken out before it is completed, so that it
 * is completed once, and its waiters are notified without the lock.
 */
#include "promises.h"

#include <errno.h>
#include <stdlib.h>

struct promises_entry {
	ferry_future *promise; /* our reference; NULL: none is waited for */
	ferry_result result;   /* where early */
	bool early;            /* the answer is here, and waits for its promise */
};

int promises_begin(struct promises *promises, size_t count, bool keeps_early)
{
	struct promises_entry *entries = calloc(count, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	*promises = (struct promises){
		.entries = entries,
		.count = count,
		.keeps_early = keeps_early
	};
	pthread_mutex_init(&promises->lock, NULL);
	return 0;
}

/* What a promise ends with: a result, or an error, which is borrowed. */
struct answer {
	ferry_result result;
	const ferry_error *error;
};

/* End one that was taken out, without the lock. Where a cancel has come first it stays that. */
static void promise_end(struct promises *promises, ferry_future *promise, struct answer answer)
{
	uint64_t *ended = &promises->counters.completed, *refused = &promises->counters.late;
	int error;

	if (answer.error) {
		ended = &promises->counters.failed;
		refused = &promises->counters.unanswered;
		error = ferry_future_set_exception(promise, ferry_error_ref(answer.error));
		if (error < 0)
			ferry_error_unref(answer.error);
	} else {
		error = ferry_future_set_result(promise, answer.result);
	}
	ferry_future_unref(promise);
	pthread_mutex_lock(&promises->lock);
	++*(error == -EALREADY ? refused : ended);
	promises->counters.waiting--;
	pthread_mutex_unlock(&promises->lock);
}

/* ---- add ---- */

/* Under the lock. Nothing is done if it cannot be added. */
static int promise_add(struct promises *promises, struct promises_entry *entry,
		       ferry_future *promise, bool *ret_done, struct answer *ret)
{
	if (entry->promise)
		return -EBUSY;
	promises->counters.added++;
	promises->counters.waiting++;
	*ret_done = entry->early || promises->over;
	if (entry->early) {
		*ret = (struct answer){ .result = entry->result };
		entry->early = false;
		promises->counters.early++;
	} else if (promises->over) {
		*ret = (struct answer){ .error = promises->over }; /* it stays until the end */
	} else {
		entry->promise = ferry_future_ref(promise);
	}
	return 0;
}

int promises_add(struct promises *promises, size_t number, ferry_future *promise)
{
	struct answer answer;
	bool done = false;
	int error;

	if (number >= promises->count)
		return -ERANGE;
	pthread_mutex_lock(&promises->lock);
	error = promise_add(promises, &promises->entries[number], promise, &done, &answer);
	pthread_mutex_unlock(&promises->lock);
	if (error == 0 && done)
		promise_end(promises, ferry_future_ref(promise), answer);
	return error;
}

/* ---- answers ---- */

/* The promise of a number, to be ended; NULL: it has none. */
static ferry_future *promise_take(struct promises_entry *entry)
{
	ferry_future *promise = entry->promise;

	entry->promise = NULL;
	return promise;
}

void promises_complete(struct promises *promises, size_t number, ferry_result result)
{
	struct promises_entry *entry;
	ferry_future *promise = NULL;

	pthread_mutex_lock(&promises->lock);
	entry = number < promises->count ? &promises->entries[number] : NULL;
	if (entry)
		promise = promise_take(entry);
	if (!promise && entry && promises->keeps_early && !entry->early) {
		entry->early = true;
		entry->result = result;
	} else if (!promise) {
		promises->counters.unexpected++;
	}
	pthread_mutex_unlock(&promises->lock);
	if (promise)
		promise_end(promises, promise, (struct answer){ .result = result });
}

void promises_fail(struct promises *promises, size_t number, const ferry_error *error)
{
	ferry_future *promise = NULL;

	pthread_mutex_lock(&promises->lock);
	if (number < promises->count)
		promise = promise_take(&promises->entries[number]);
	pthread_mutex_unlock(&promises->lock);
	if (promise)
		promise_end(promises, promise, (struct answer){ .error = error });
}

void promises_fail_all(struct promises *promises, const ferry_error *error)
{
	pthread_mutex_lock(&promises->lock);
	if (!promises->over)
		promises->over = ferry_error_ref(error);
	pthread_mutex_unlock(&promises->lock);
	/* From here on none is put into the table. */
	for (size_t number = 0; number < promises->count; number++)
		promises_fail(promises, number, error);
}

/* ---- the end ---- */

const ferry_error *promises_over(struct promises *promises)
{
	const ferry_error *error;

	pthread_mutex_lock(&promises->lock);
	error = ferry_error_ref(promises->over);
	pthread_mutex_unlock(&promises->lock);
	return error;
}

struct promises_counters promises_counters(struct promises *promises)
{
	struct promises_counters counters;

	pthread_mutex_lock(&promises->lock);
	counters = promises->counters;
	pthread_mutex_unlock(&promises->lock);
	return counters;
}

void promises_end(struct promises *promises)
{
	if (!promises->entries)
		return;
	promises_fail_all(promises, ferry_error_from_errno(ECANCELED));
	ferry_error_unref(promises->over);
	free(promises->entries);
	pthread_mutex_destroy(&promises->lock);
	promises->entries = NULL;
}
