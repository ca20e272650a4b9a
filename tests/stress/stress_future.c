/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many threads at the same futures, at random: attach, detach, cancel, complete, look,
 * wait, take, let go. In each round some of the futures are promises that anybody
 * completes, some are jobs of a pool, a few of them with deadlines that pass.
 *
 * Books: each waiter was notified once or detached; each result was taken once or
 * disposed of once, or stayed its maker's; an outcome, once seen, was never seen to be
 * another (F1-F5, F7, P10).
 */
#include <ferry/pool.h>
#include <pthread.h>
#include <sched.h>

#include "base/atomic.h"
#include "support/program.h"

#define THREADS 4
#define SLOTS 24
#define WATCHERS 8
#define OPERATIONS 96 /* of each thread in each round */

/* Tells a live token from anything else. */
#define TOKEN 0x70ce70ce

struct token {
	int magic, slot;
	int taken;
	_Atomic int disposed;
	bool accepted;
};

struct watcher {
	ferry_waiter waiter;
	_Atomic int notified;
	int slot; /* -1: not attached */
};

struct slot {
	ferry_future *future;
	bool is_job;
	struct token job_token;
};

struct worker {
	uint64_t random;
	int number;
	struct watcher watchers[WATCHERS];
	struct token tokens[OPERATIONS];
	int used; /* tokens */
	bool held[SLOTS];
	bool seen_done[SLOTS];
	ferry_snapshot seen[SLOTS];
	uint64_t attached, detached, late, notified;
};

static struct slot slots[SLOTS];
static struct worker workers[THREADS];
static pthread_barrier_t barrier;
static ferry_pool *pool;
static long rounds;
static uint64_t seed;
static _Atomic uint64_t completions, taken, disposed, errors_made, errors_freed;

static void dispose(const ferry_result *result)
{
	struct token *token = result->pointer;

	program_check(token->magic == TOKEN, "something else is disposed of");
	atomic_add_acq_rel(&token->disposed, 1);
	atomic_add_relaxed(&disposed, 1);
}

static const ferry_disposer disposer = { FERRY_DISPOSE_ANYWHERE, dispose };

static void free_payload(void *payload)
{
	(void)payload;
	atomic_add_relaxed(&errors_freed, 1);
}

/* ---- looking ---- */

static void check_snapshot(const ferry_snapshot *snapshot, int slot)
{
	int outcomes = snapshot->cancelled + (snapshot->exception != NULL) +
		       (snapshot->result.disposer != NULL);

	if (!snapshot->done) {
		program_check(!outcomes && !snapshot->result.pointer, "not done, with an outcome");
		return;
	}
	program_check(outcomes == 1, "done, with %d outcomes", outcomes);
	if (snapshot->result.disposer) {
		const struct token *token = snapshot->result.pointer;

		program_check(token->magic == TOKEN && token->slot == slot,
			      "the result is not one of this future");
	}
	if (snapshot->exception)
		program_check(ferry_error_number(snapshot->exception) > 0, "no error");
}

static bool look(struct worker *self, int slot)
{
	ferry_snapshot snapshot = ferry_future_snapshot(slots[slot].future);
	const ferry_snapshot *before = &self->seen[slot];

	check_snapshot(&snapshot, slot);
	if (self->seen_done[slot])
		program_check(snapshot.done && snapshot.cancelled == before->cancelled &&
				      snapshot.result.pointer == before->result.pointer &&
				      snapshot.exception == before->exception,
			      "an outcome changed");
	if (snapshot.done) {
		self->seen_done[slot] = true;
		self->seen[slot] = snapshot;
		if (snapshot.cancelled)
			program_check(ferry_future_cancel_requested(slots[slot].future) == 1,
				      "cancelled, and not asked for");
	}
	return snapshot.done;
}

/* ---- waiters ---- */

static void notify(ferry_waiter *waiter)
{
	struct watcher *watcher = (struct watcher *)waiter;
	ferry_snapshot snapshot = ferry_future_snapshot(slots[watcher->slot].future);

	program_check(snapshot.done, "notified before it was done");
	check_snapshot(&snapshot, watcher->slot);
	program_check(!atomic_add_acq_rel(&watcher->notified, 1), "notified twice");
}

static void attach(struct worker *self, struct watcher *watcher, int slot)
{
	int said;

	watcher->slot = slot;
	said = ferry_future_attach(slots[slot].future, &watcher->waiter);
	if (said == 0) {
		self->attached++;
		return;
	}
	program_check(said == -EALREADY, "attach said %d", said);
	program_check(look(self, slot), "attach says done, and it is not");
	watcher->slot = -1;
}

/* The node is ours again when this returns. */
static void await_notify(struct worker *self, struct watcher *watcher)
{
	while (!atomic_load_acquire(&watcher->notified))
		sched_yield();
	self->notified++;
	atomic_store_relaxed(&watcher->notified, 0);
	watcher->slot = -1;
}

static void detach(struct worker *self, struct watcher *watcher)
{
	int said = ferry_future_detach(slots[watcher->slot].future, &watcher->waiter);

	if (said == 1) {
		program_check(!atomic_load_acquire(&watcher->notified), "detached and notified");
		self->detached++;
		watcher->slot = -1;
		return;
	}
	program_check(said == 0, "detach said %d", said);
	self->late++;
	await_notify(self, watcher);
}

/* ---- completing ---- */

static struct token *new_token(struct worker *self, int slot)
{
	struct token *token = &self->tokens[self->used++];

	token->magic = TOKEN;
	token->slot = slot;
	token->taken = 0;
	token->accepted = false;
	atomic_store_relaxed(&token->disposed, 0);
	return token;
}

static int complete(struct worker *self, int slot)
{
	ferry_future *future = slots[slot].future;
	const ferry_error *error = NULL;
	struct token *token;
	int said;

	switch (random_below(&self->random, 4)) {
	case 0:
	case 1:
		token = new_token(self, slot);
		said = ferry_future_set_result(future, ferry_result_pointer(token, &disposer));
		token->accepted = said == 0;
		return said;
	case 2:
		if (ferry_error_new("stress", 1 + slot, "by stress", NULL, free_payload, &error))
			program_fail("no memory");
		atomic_add_relaxed(&errors_made, 1);
		said = ferry_future_set_exception(future, error);
		if (said)
			ferry_error_unref(error);
		return said;
	default:
		return ferry_future_set_cancelled(future);
	}
}

static void try_to_complete(struct worker *self, int slot)
{
	int said = complete(self, slot);

	program_check(said == (slots[slot].is_job ? -EPERM : said ? -EALREADY : 0),
		      "completing said %d", said);
	if (said == 0)
		atomic_add_relaxed(&completions, 1);
	if (said != -EPERM)
		program_check(look(self, slot), "completed, and not done");
}

static int job(void *arg, ferry_result *out)
{
	struct slot *slot = arg;

	if (ferry_job_cancel_requested())
		return -ECANCELED;
	slot->job_token.accepted = true;
	*out = ferry_result_pointer(&slot->job_token, &disposer);
	return 0;
}

/* ---- waiting ---- */

static void wait_for_some(struct worker *self)
{
	static const ferry_wait_until modes[] = { FERRY_ALL_COMPLETED, FERRY_FIRST_COMPLETED,
						  FERRY_FIRST_EXCEPTION };
	ferry_future *some[5], *given = NULL;
	uint64_t deadline = ferry_in_ns(random_below(&self->random, 4) * 5000);
	ferry_as_completed *iteration;
	size_t count = 0;
	int said;

	for (int tries = 0; tries < 5; tries++) {
		int slot = (int)random_below(&self->random, SLOTS);

		if (self->held[slot])
			some[count++] = slots[slot].future;
	}
	if (!count)
		return;
	switch (random_below(&self->random, 4)) {
	case 0:
		said = ferry_future_wait(some[0], deadline);
		program_check(said == -ETIMEDOUT ||
				      (said == 0 && ferry_future_snapshot(some[0]).done),
			      "wait said %d", said);
		break;
	case 1:
		said = ferry_wait_any(some, count, deadline);
		program_check(said == -ETIMEDOUT ||
				      (said >= 0 && ferry_future_snapshot(some[said]).done),
			      "wait_any said %d", said);
		break;
	case 2:
		said = ferry_wait_all(some, count, modes[random_below(&self->random, 3)], deadline);
		program_check(said == -ETIMEDOUT || (said > 0 && (size_t)said <= count),
			      "wait_all said %d", said);
		break;
	default:
		if (ferry_as_completed_new(some, count, &iteration))
			program_fail("no memory");
		while ((said = ferry_as_completed_next(iteration, deadline, &given)) == 1)
			program_check(count-- && ferry_future_snapshot(given).done,
				      "as_completed gave what is not done, or too many");
		program_check(said == -ETIMEDOUT || (said == 0 && count == 0),
			      "as_completed said %d", said);
		ferry_as_completed_free(iteration);
	}
}

/* ---- taking, letting go ---- */

static void take(struct worker *self, int slot)
{
	ferry_result result;
	int said = ferry_future_take(slots[slot].future, &result);

	if (said == 0) {
		struct token *token = result.pointer;

		program_check(token->magic == TOKEN && token->slot == slot, "another's result");
		token->taken++;
		atomic_add_relaxed(&taken, 1);
	} else {
		program_check(said == -EAGAIN || said == -EALREADY || said == -ENODATA,
			      "take said %d", said);
		program_check(said == -EAGAIN || look(self, slot), "take says done, and it is not");
	}
}

static void let_go(struct worker *self, int slot)
{
	/* Somebody must wait for each job to the end of the round. */
	if (slots[slot].is_job && self->number == 0)
		return;
	for (int i = 0; i < WATCHERS; i++)
		if (self->watchers[i].slot == slot)
			return;
	self->held[slot] = false;
	ferry_future_unref(slots[slot].future);
}

static void operate(struct worker *self)
{
	struct watcher *watcher = &self->watchers[random_below(&self->random, WATCHERS)];
	int slot = (int)random_below(&self->random, SLOTS), said;

	if (!self->held[slot])
		return;
	switch (random_below(&self->random, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		if (watcher->slot < 0)
			attach(self, watcher, slot);
		else
			detach(self, watcher);
		break;
	case 5:
	case 6:
	case 7:
		look(self, slot);
		break;
	case 8:
		said = ferry_future_cancel(slots[slot].future);
		program_check(said == 0 || said == 1 || said == -EALREADY, "cancel said %d", said);
		if (said == 1)
			atomic_add_relaxed(&completions, 1);
		program_check(ferry_future_cancel_requested(slots[slot].future) == 1 ||
				      said == -EALREADY, "the ask was lost");
		break;
	case 9:
		said = ferry_future_set_running(slots[slot].future);
		program_check(slots[slot].is_job ? said == -EPERM
						 : said == 0 || said == -EALREADY ||
							   said == -ECANCELED,
			      "set_running said %d", said);
		break;
	case 10:
	case 11:
		try_to_complete(self, slot);
		break;
	case 12:
		wait_for_some(self);
		break;
	case 13:
	case 14:
		take(self, slot);
		break;
	default:
		let_go(self, slot);
		break;
	}
}

/* ---- rounds ---- */

static void make_slots(uint64_t *random)
{
	for (int i = 0; i < SLOTS; i++) {
		ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
		struct slot *slot = &slots[i];
		int said;

		slot->is_job = i % 4 == 0;
		slot->job_token.magic = TOKEN;
		slot->job_token.slot = i;
		slot->job_token.taken = 0;
		slot->job_token.accepted = false;
		atomic_store_relaxed(&slot->job_token.disposed, 0);
		if (i % 8 == 0)
			options.deadline_ns = ferry_in_ns(random_below(random, 20000));
		said = slot->is_job ? ferry_pool_submit(pool, job, slot, &options, &slot->future)
				    : ferry_future_new(NULL, &slot->future);
		program_check(said == 0, "no future: %d", said);
		for (int thread = 1; thread < THREADS; thread++)
			ferry_future_ref(slot->future);
	}
}

/* What nobody completed is ended here, so that every round ends. */
static void end_slots(struct worker *self)
{
	for (int i = 0; i < SLOTS; i++) {
		if (!self->held[i])
			continue;
		if (!slots[i].is_job && ferry_future_set_cancelled(slots[i].future) == 0)
			atomic_add_relaxed(&completions, 1);
		if (ferry_future_wait(slots[i].future, FERRY_NO_DEADLINE))
			program_fail("the last wait failed");
		look(self, i);
	}
}

static void check_token(struct token *token)
{
	int gone = token->taken + atomic_load_acquire(&token->disposed);

	if (token->accepted)
		program_check(gone == 1, "a result was taken or disposed of %d times", gone);
	else
		program_check(gone == 0, "a refused result was used");
}

static void check_books(void)
{
	for (int thread = 0; thread < THREADS; thread++)
		for (int i = 0; i < workers[thread].used; i++)
			check_token(&workers[thread].tokens[i]);
	for (int i = 0; i < SLOTS; i++) {
		struct token *token = &slots[i].job_token;

		if (!slots[i].is_job)
			continue;
		/* The pool's worker may be the last to let go, a moment later. */
		while (token->accepted && !token->taken && !atomic_load_acquire(&token->disposed))
			sched_yield();
		check_token(token);
	}
}

static void *work(void *arg)
{
	struct worker *self = arg;

	for (long round = 0; round < rounds; round++) {
		pthread_barrier_wait(&barrier);
		if (self->number == 0)
			make_slots(&self->random);
		pthread_barrier_wait(&barrier);
		self->used = 0;
		for (int i = 0; i < SLOTS; i++) {
			self->held[i] = true;
			self->seen_done[i] = false;
		}
		for (int i = 0; i < OPERATIONS; i++)
			operate(self);
		end_slots(self);
		for (int i = 0; i < WATCHERS; i++)
			if (self->watchers[i].slot >= 0)
				await_notify(self, &self->watchers[i]);
		for (int i = 0; i < SLOTS; i++)
			if (self->held[i])
				ferry_future_unref(slots[i].future);
		pthread_barrier_wait(&barrier);
		if (self->number == 0)
			check_books();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "many threads at the same futures",
					       40000, 2000000);
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	uint64_t attached = 0, detached = 0, late = 0, notified = 0;
	pthread_t threads[THREADS];

	rounds = program.count;
	seed = program.seed;
	options.min_threads = options.max_threads = 2;
	program_check(ferry_pool_new(&options, &pool) == 0, "no pool");
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		workers[i].random = seed + (uint64_t)i * 0x100000001b3;
		for (int n = 0; n < WATCHERS; n++) {
			workers[i].watchers[n].waiter.notify = notify;
			workers[i].watchers[n].slot = -1;
		}
		program_check(!pthread_create(&threads[i], NULL, work, &workers[i]), "no thread");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		attached += workers[i].attached;
		detached += workers[i].detached;
		late += workers[i].late;
		notified += workers[i].notified;
	}
	program_check(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0,
		      "jobs are left");
	ferry_pool_free(pool);
	printf("%" PRIu64 " attached = %" PRIu64 " detached + %" PRIu64 " notified (%" PRIu64
	       " of them too late to detach)\n"
	       "%" PRIu64 " promises completed, %" PRIu64 " results taken, %" PRIu64
	       " disposed of\n",
	       attached, detached, notified, late, atomic_load_relaxed(&completions),
	       atomic_load_relaxed(&taken), atomic_load_relaxed(&disposed));
	program_check(attached == detached + notified, "waiters are lost");
	program_check(atomic_load_relaxed(&disposed) == ferry_disposed_count(),
		      "the library counted %" PRIu64 " disposals", ferry_disposed_count());
	program_check(atomic_load_relaxed(&errors_made) == atomic_load_relaxed(&errors_freed),
		      "errors are lost");
	return 0;
}
