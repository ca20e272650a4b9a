/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PROMISES_H
#define PROMISES_H
/*
 * Promises by number: what a client library will answer on a thread of its own, where all that it
 * says of the question is a number.
 *
 *   promises_add()        the answer to a number is to complete a promise
 *   promises_complete()   the answer to a number has come
 *   promises_fail()       it will not come
 *   promises_fail_all()   none will, neither to those there are nor to those that are added later
 *
 * Any thread may call each of them. Nothing here waits but for a lock that is held for a few
 * instructions, and never while somebody else's code is called.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ferry/future.h>

/* What became of them; at any time added = completed + failed + late + unanswered + waiting. */
struct promises_counters {
	uint64_t added;
	uint64_t completed;  /* the answer came, to somebody who waits for it */
	uint64_t failed;     /* it will not come, and he was told why */
	uint64_t late;       /* it came, and nobody wanted it any more: the promise was cancelled */
	uint64_t unanswered; /* it will not come, and nobody wanted it any more */
	uint64_t waiting;
	uint64_t early;      /* answers that were there before their promise was */
	uint64_t unexpected; /* answers that nothing was promised of */
};

struct promises {
	pthread_mutex_t lock; /* of all that follows */
	struct promises_entry *entries; /* array [count] */
	size_t count;
	bool keeps_early;
	const ferry_error *over; /* why none is kept any more; NULL: they are */
	struct promises_counters counters;
};

/*
 * Numbers go from 0 to below @count. @keeps_early is for numbers that are only known once the
 * question is under way, so that the answer may be the first to come: it is kept for the promise.
 * Without it such an answer is unexpected, and dropped.
 *
 * 0 or -ENOMEM. All zero it can be given to promises_end(), and to nothing else.
 */
int promises_begin(struct promises *promises, size_t count, bool keeps_early);

/*
 * Have @promise completed by the answer to @number. If that has come already, or none will come any
 * more, it is done when this returns.
 *
 * The table takes a reference of its own. 0; -ERANGE, -EBUSY if an answer to @number is waited for:
 * then nothing was done.
 */
int promises_add(struct promises *promises, size_t number, ferry_future *promise);

/* The answer has come, and is @result, which needs no disposer. What nobody wants is counted. */
void promises_complete(struct promises *promises, size_t number, ferry_result result);

/* The answer will not come. @error is borrowed. */
void promises_fail(struct promises *promises, size_t number, const ferry_error *error);

/* No answer will come any more. @error is borrowed; that of the first such call counts. */
void promises_fail_all(struct promises *promises, const ferry_error *error);

/* Why no answer will come any more, a new reference; NULL: they come. */
const ferry_error *promises_over(struct promises *promises);

/* What became of them so far, in one look. */
struct promises_counters promises_counters(struct promises *promises);

/* Free the table; nobody else may use it any more. Those that are left fail as cancelled. */
void promises_end(struct promises *promises);

#endif
