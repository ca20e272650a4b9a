/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks by the hundred thousand that do everything at random, while others cancel them, other
 * threads submit more of them, and loops close under them; the books balance at the end (T5-T7,
 * F7, L3, L4).
 *
 * Each loop has a thread, which begins walkers: tasks that make so many random steps: they yield,
 * sleep, offload, use what the loop has (a lock, a condition, a semaphore, a limiter, a queue),
 * begin groups, gathers and iterations of others, wait with a deadline or shielded, fail, cancel
 * whom they know. Callers are threads that submit walkers, cancel their futures and drop them.
 * Each frame is freed by its hook, by who begun it, or by who has its future: what is used too
 * late, or left, is seen.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "support/program.h"
#include "support/work.h"

#define SIDES 3
#define CALLERS 2
#define KNOWN 64     /* walkers that others may cancel */
#define HELD_MOST 16 /* futures that a caller holds */
#define CHILDREN 3
#define ALIVE_MOST 2000 /* walkers of a loop, before it is closed */
#define PERMITS 2
#define ROOM 3
#define ITEMS 2
#define MARK UINT64_C(0xa11fea11fea11fe5)

/* ---- the books ---- */

static struct {
	_Atomic long begun, ended;         /* walkers, by whoever frees them */
	_Atomic long errors, errors_freed; /* counted exceptions */
	_Atomic long contexts, contexts_freed;
	_Atomic long items, items_freed; /* of queues */
	_Atomic long loans, loans_freed; /* memory given to functions */
	_Atomic long cancelled, failed, submitted, refused, closes;
} books;

static ferry_pool *pool;
static _Atomic int callers_left;

/* ---- what a loop has ---- */

struct walker;

struct side {
	pthread_t thread;
	uint64_t random;
	long count; /* walkers that it has yet to begin */
	pthread_mutex_t mutex;
	ferry_loop *handle; /* for callers, by the mutex */

	ferry_loop *loop;
	bool is_closing;
	long alive;
	struct walker *known[KNOWN];
	ferry_lock lock;
	struct walker *holder; /* who has the lock, by its own account */
	ferry_condition condition;
	ferry_semaphore semaphore;
	unsigned permits; /* that somebody has */
	ferry_limiter limiter;
	ferry_queue queue;
	void *items[ITEMS];
};

/* ---- walkers ---- */

/* Memory that a function on another thread is given, and that its walker looks at. Not in the
 * frame: closing a loop waits for no function. */
struct loan {
	_Atomic int refs;
	_Atomic bool is_inside;
	uint64_t mark, random;
};

struct emitter {
	FERRY_FRAME;
	ferry_iterator iterator;
	unsigned left;
	int item;
};

struct walker {
	FERRY_FRAME;
	struct side *side;
	uint64_t random, mark;
	unsigned left, depth, what, known;
	bool is_counted; /* among the living of its loop */
	bool has_permit, has_group, has_gather, has_emitter, goes_on;
	struct loan *loan;
	unsigned bodies, cleaned, i;

	ferry_sleep sleep;
	ferry_await answer;
	ferry_slot slot, start_slot;
	ferry_queue_entry entry;
	void *item; /* that it has; NULL: none */
	ferry_timeout timeout;
	ferry_group group;
	ferry_gather gather;
	ferry_gather_entry entries[CHILDREN];
	struct walker *children[CHILDREN]; /* that it frees */
	struct emitter emitter;
};

enum what {
	YIELD,
	SLEEP,
	OFFLOAD,
	LOCK,
	CONDITION,
	NOTIFY,
	SEMAPHORE,
	LIMITER,
	PUT,
	GET,
	GROUP,
	GATHER,
	SCOPE,
	SHIELD,
	LIMITED,
	ITERATE,
	CANCEL,
	FAIL,
	WHATS,
};

static bool chance(struct walker *walker, unsigned of)
{
	return !random_below(&walker->random, of);
}

static void free_error(void *payload)
{
	(void)payload;
	books.errors_freed++;
}

static const ferry_error *new_error(void)
{
	const ferry_error *error;

	program_check(!ferry_error_new("test", 1, "counted", &books, free_error, &error),
		      "no error");
	books.errors++;
	return error;
}

static void *item_new(void)
{
	void *item = malloc(1);

	program_check(item, "no memory");
	books.items++;
	return item;
}

static void item_free(void *item)
{
	if (item)
		books.items_freed++;
	free(item);
}

static void loan_unref(void *arg)
{
	struct loan *loan = arg;

	if (!loan || atomic_fetch_sub(&loan->refs, 1) > 1)
		return;
	loan->mark = 0;
	free(loan);
	books.loans_freed++;
}

static void *context_copy(void *context)
{
	books.contexts++;
	return context;
}

static void context_free(void *context)
{
	(void)context;
	books.contexts_freed++;
}

static const ferry_context_hooks context_hooks = { context_copy, context_free };

/* ---- made and freed ---- */

static struct walker *walker_new(struct side *side, uint64_t random, unsigned depth)
{
	struct walker *walker = calloc(1, sizeof(*walker));

	program_check(walker, "no memory");
	walker->side = side;
	walker->random = random;
	walker->mark = MARK;
	walker->depth = depth;
	walker->left = 1 + random_below(&walker->random, depth ? 3 : 6);
	books.begun++;
	return walker;
}

/* Has the put that it waited for been made, or an item come? Then it is not ours, or is. */
static void settle_entry(struct walker *walker)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(&walker->entry.awaitable);
	bool through = snapshot.done && !snapshot.cancelled && !snapshot.exception;

	if (walker->what == PUT && through)
		walker->item = NULL;
	else if (walker->what == GET && through)
		walker->item = walker->entry.item;
	item_free(walker->item);
	walker->item = NULL;
}

static void walker_free(struct walker *walker);

/* What it has begun is over. */
static void drop_children(struct walker *walker)
{
	for (unsigned i = 0; i < CHILDREN; i++)
		if (walker->children[i]) {
			walker_free(walker->children[i]);
			walker->children[i] = NULL;
		}
	if (walker->has_emitter)
		program_check(!ferry_task_clear(&walker->emitter.task), "an emitter lives");
	walker->has_emitter = false;
}

/* What it holds, whether it has cleaned up or its loop was closed before it did. */
static void let_go(struct walker *walker)
{
	if (walker->what == PUT || walker->what == GET)
		settle_entry(walker);
	walker->what = YIELD;
	program_check(!ferry_await_end(&walker->answer), "a local is waited for");
	loan_unref(walker->loan);
	walker->loan = NULL;
	if (walker->has_gather)
		ferry_gather_end(&walker->gather);
	walker->has_gather = false;
	if (walker->has_group)
		program_check(!ferry_group_clear(&walker->group), "a group lives (T6)");
	walker->has_group = false;
	drop_children(walker);
}

static void walker_free(struct walker *walker)
{
	ferry_snapshot snapshot = ferry_task_snapshot(&walker->task);
	struct side *side = walker->side;

	program_check(snapshot.done, "a walker that lives is freed");
	if (!side->is_closing)
		program_check(walker->cleaned == 1, "what cleans up ran %u times (T7)",
			      walker->cleaned);
	let_go(walker);
	if (side->known[walker->known] == walker)
		side->known[walker->known] = NULL;
	program_check(!ferry_task_clear(&walker->task), "it cannot be cleared");
	books.cancelled += snapshot.cancelled;
	books.failed += snapshot.exception != NULL;
	books.ended++;
	side->alive -= walker->is_counted;
	walker->mark = 0;
	free(walker);
}

static void free_by_hook(ferry_task *task, void *user)
{
	struct walker *walker = user;

	program_check(task == &walker->task && walker->mark == MARK, "a hook of another (T1)");
	walker_free(walker);
}

static ferry_step walk(ferry_task *task);

static ferry_task_options options_of(struct walker *walker,
				     void (*cleanup)(ferry_task *task, void *user))
{
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

	options.start = random_below(&walker->random, 3);
	options.cleanup = cleanup;
	options.user = walker;
	if (chance(walker, 4))
		options.name = "walker";
	if (chance(walker, 8)) {
		options.context = &books;
		options.hooks = &context_hooks;
	}
	return options;
}

static void count_in(struct walker *walker)
{
	walker->side->alive += !walker->is_counted;
	walker->is_counted = true;
}

/* One that its hook frees. */
static void begin_freed(struct side *side, uint64_t random, unsigned depth, ferry_group *group)
{
	struct walker *walker = walker_new(side, random, depth);
	ferry_task_options options = options_of(walker, free_by_hook);

	options.group = group;
	/* In a group, since else nobody would start it. */
	if (group && chance(walker, 4))
		options.start = FERRY_START_DEFERRED;
	count_in(walker);
	ferry_task_begin(&walker->task, side->loop, walk, &options);
}

/* One that who begins it frees. */
static ferry_task *begin_child(struct walker *walker, unsigned i)
{
	struct walker *child =
		walker_new(walker->side, random_next(&walker->random), walker->depth + 1);
	ferry_task_options options = options_of(child, NULL);

	walker->children[i] = child;
	count_in(child);
	return ferry_task_begin(&child->task, walker->side->loop, walk, &options);
}

/* ---- what they do ---- */

static int borrow(void *arg, ferry_result *out)
{
	struct loan *loan = arg;

	(void)out;
	loan->is_inside = true;
	for (unsigned i = random_below(&loan->random, 3); i; i--)
		sched_yield();
	program_check(loan->mark == MARK, "memory is gone under a function (L4)");
	loan->is_inside = false;
	return random_below(&loan->random, 8) ? 0 : -EIO;
}

static ferry_local *offload(struct walker *walker)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	walker->loan = malloc(sizeof(*walker->loan));
	program_check(walker->loan, "no memory");
	*walker->loan = (struct loan){ 2, false, MARK, random_next(&walker->random) };
	books.loans++;
	options.release = loan_unref;
	if (chance(walker, 8))
		options.deadline_ns = ferry_in_ns(random_below(&walker->random, 50000));
	return ferry_offload(walker->side->loop, pool, borrow, walker->loan, &options);
}

/* Its wait for a function is over, cancelled or not. */
static void check_loan(struct walker *walker)
{
	program_check(!walker->loan || !walker->loan->is_inside,
		      "it goes on under a function (T7)");
}

static void hold(struct walker *walker)
{
	struct side *side = walker->side;

	program_check(!side->holder && ferry_lock_owner(&side->lock) == &walker->task,
		      "two have the lock");
	side->holder = walker;
}

static void unhold(struct walker *walker)
{
	if (walker->side->holder == walker)
		walker->side->holder = NULL;
}

static void give_permit_back(struct walker *walker)
{
	if (!walker->has_permit)
		return;
	walker->has_permit = false;
	walker->side->permits--;
	program_check(!ferry_semaphore_release(&walker->side->semaphore, 1), "no release");
}

static void take_permit(struct walker *walker)
{
	walker->has_permit = true;
	program_check(++walker->side->permits <= PERMITS, "too many have a permit");
}

static void check_limiter(struct side *side)
{
	ferry_limiter_counters counters;

	program_check(!ferry_limiter_stats(&side->limiter, &counters) && counters.inside <= ROOM,
		      "too many are inside");
}

static void begin_group(struct walker *walker)
{
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;
	unsigned children = random_below(&walker->random, 5);

	options.policy = random_below(&walker->random, 3);
	options.limit = random_below(&walker->random, 3);
	program_check(!ferry_group_init(&walker->group, walker->side->loop, &options), "no group");
	walker->has_group = true;
	for (; children; children--)
		begin_freed(walker->side, random_next(&walker->random), walker->depth + 1,
			    &walker->group);
}

static ferry_operation *begin_gather(struct walker *walker)
{
	unsigned count = 1 + random_below(&walker->random, CHILDREN);

	for (unsigned i = 0; i < count; i++)
		walker->entries[i].of = &begin_child(walker, i)->awaitable;
	walker->has_gather = true;
	return ferry_gather_begin(&walker->gather, walker->side->loop, walker->entries, count,
				  random_below(&walker->random, 3));
}

static ferry_task *begin_limited(struct walker *walker)
{
	struct walker *child =
		walker_new(walker->side, random_next(&walker->random), walker->depth + 1);

	walker->children[0] = child;
	count_in(child);
	ferry_task_init(&child->task, walker->side->loop, walk, NULL);
	return ferry_limiter_submit(&walker->side->limiter, &child->start_slot, &child->task,
				    random_below(&walker->random, FERRY_PRIORITY_MOST + 1));
}

static ferry_step emit(ferry_task *task)
{
	FERRY_BEGIN(task, struct emitter, f);
	for (; f->left; f->left--) {
		if (f->left % 2)
			FERRY_YIELD();
		f->item++;
		FERRY_EMIT(&f->iterator, &f->item);
	}
	FERRY_RETURN();
	FERRY_END;
}

static void begin_emitter(struct walker *walker)
{
	struct emitter *emitter = &walker->emitter;

	walker->has_emitter = true;
	emitter->left = random_below(&walker->random, 4);
	emitter->item = 0;
	ferry_task_init(&emitter->task, walker->side->loop, emit, NULL);
	program_check(!ferry_iterator_init(&emitter->iterator, &emitter->task), "no iterator");
}

static void cancel_somebody(struct walker *walker)
{
	struct walker *other = walker->side->known[random_below(&walker->random, KNOWN)];

	if (other) {
		int error = ferry_task_cancel(&other->task);

		program_check(!error || error == -EALREADY, "cancel: %d", error);
	}
	if (chance(walker, 16))
		program_check(!ferry_task_cancel(&walker->task), "no cancel");
}

static void enter(struct walker *walker)
{
	count_in(walker);
	program_check(++walker->bodies == 1 && !walker->cleaned, "a body runs twice");
	program_check(ferry_current_task(walker->side->loop) == &walker->task,
		      "it is not the current task (T2)");
	walker->known = random_below(&walker->random, KNOWN);
	walker->side->known[walker->known] = walker;
}

/* Those that it has to wait for are asked to end; where it is shielded nobody else asks them. */
static void cancel_children(struct walker *walker)
{
	for (unsigned i = 0; i < CHILDREN; i++)
		if (walker->children[i])
			ferry_task_cancel(&walker->children[i]->task);
	if (walker->has_emitter)
		ferry_task_cancel(&walker->emitter.task);
}

static ferry_step walk(ferry_task *task)
{
	FERRY_BEGIN(task, struct walker, f);
	enter(f);
	for (; f->left; f->left--) {
		f->what = random_below(&f->random, WHATS);
		if (f->depth == 2 && f->what >= GROUP && f->what <= ITERATE)
			f->what = SLEEP;
		if (f->what == YIELD) {
			FERRY_YIELD();
		} else if (f->what == SLEEP) {
			FERRY_TRY(ferry_sleep_until(&f->sleep, f->side->loop,
						    ferry_in_ns(random_below(&f->random, 20000))));
		} else if (f->what == OFFLOAD) {
			FERRY_AWAIT(ferry_await_local(&f->answer, offload(f)));
			check_loan(f);
		} else if (f->what == LOCK) {
			FERRY_TRY(ferry_lock_acquire(&f->side->lock));
			hold(f);
			FERRY_YIELD();
			unhold(f);
			program_check(!ferry_lock_release(&f->side->lock), "no release");
		} else if (f->what == CONDITION) {
			FERRY_TRY(ferry_lock_acquire(&f->side->lock));
			FERRY_TIMEOUT(&f->timeout, ferry_in_ns(random_below(&f->random, 20000))) {
				FERRY_AWAIT(ferry_condition_wait(&f->side->condition));
			}
			hold(f);
			unhold(f);
			program_check(!ferry_lock_release(&f->side->lock), "no release");
		} else if (f->what == NOTIFY) {
			ferry_condition_notify(&f->side->condition, 1);
		} else if (f->what == SEMAPHORE) {
			FERRY_TRY(ferry_semaphore_acquire(&f->side->semaphore));
			take_permit(f);
			FERRY_YIELD();
			give_permit_back(f);
		} else if (f->what == LIMITER) {
			FERRY_TRY(ferry_limiter_enter(&f->side->limiter, &f->slot,
						      random_below(&f->random, 2)));
			check_limiter(f->side);
			FERRY_YIELD();
			if (chance(f, 8))
				FERRY_RETURN(); /* it is left all the same */
			program_check(ferry_limiter_leave(&f->slot) == 1, "no place to leave");
		} else if (f->what == PUT) {
			f->item = item_new();
			FERRY_AWAIT(ferry_queue_put(&f->side->queue, &f->entry, f->item));
		} else if (f->what == GET) {
			FERRY_AWAIT(ferry_queue_get(&f->side->queue, &f->entry));
		} else if (f->what == GROUP) {
			begin_group(f);
			if (chance(f, 8))
				FERRY_RETURN(); /* it is waited for all the same */
			FERRY_AWAIT(&f->group);
			program_check(ferry_group_members(&f->group) == 0, "a child lives (T6)");
		} else if (f->what == GATHER) {
			FERRY_AWAIT(begin_gather(f));
		} else if (f->what == SCOPE) {
			FERRY_TIMEOUT(&f->timeout, ferry_in_ns(random_below(&f->random, 20000))) {
				FERRY_TRY(begin_child(f, 0));
			}
		} else if (f->what == SHIELD) {
			FERRY_SHIELD(begin_child(f, 0));
		} else if (f->what == LIMITED) {
			FERRY_AWAIT(begin_limited(f));
		} else if (f->what == ITERATE) {
			begin_emitter(f);
			for (f->goes_on = true; f->goes_on;) {
				FERRY_TRY(ferry_iterator_next(&f->emitter.iterator));
				f->goes_on = !f->emitter.iterator.ended;
				if (f->goes_on)
					program_check(f->emitter.iterator.item == &f->emitter.item,
						      "an item of somebody else");
			}
		} else if (f->what == CANCEL) {
			cancel_somebody(f);
		} else if (f->what == FAIL && chance(f, 2)) {
			FERRY_FAIL(new_error());
		} else if (f->what == FAIL) {
			FERRY_FAIL(chance(f, 4) ? -ECANCELED : -EIO);
		}
		if (f->what >= GATHER && f->what <= ITERATE) {
			cancel_children(f);
			for (f->i = 0; f->i < CHILDREN; f->i++)
				if (f->children[f->i])
					FERRY_AWAIT(f->children[f->i]);
		}
		let_go(f);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	program_check(++f->cleaned == 1, "it cleans up twice (T7)");
	check_loan(f);
	unhold(f);
	give_permit_back(f);
	if (chance(f, 2))
		ferry_limiter_leave(&f->slot);
	cancel_children(f);
	for (f->i = 0; f->i < CHILDREN; f->i++)
		if (f->children[f->i])
			FERRY_AWAIT(f->children[f->i]);
	if (f->has_emitter)
		FERRY_AWAIT(&f->emitter);
	if (chance(f, 4))
		FERRY_YIELD();
	let_go(f);
	FERRY_END;
}

/* ---- a loop's thread ---- */

static void side_open(struct side *side)
{
	side->loop = fixture_loop();
	side->is_closing = false;
	side->holder = NULL;
	side->permits = 0;
	memset(side->known, 0, sizeof(side->known));
	if (random_below(&side->random, 2))
		ferry_loop_set_task_factory(side->loop, ferry_lazy_factory, NULL);
	program_check(!ferry_lock_init(&side->lock, side->loop) &&
			      !ferry_condition_init(&side->condition, &side->lock) &&
			      !ferry_semaphore_init(&side->semaphore, side->loop, PERMITS) &&
			      !ferry_limiter_init(&side->limiter, side->loop, ROOM) &&
			      !ferry_queue_init(&side->queue, side->loop, side->items, ITEMS),
		      "a loop has nothing");
	pthread_mutex_lock(&side->mutex);
	side->handle = ferry_loop_ref(side->loop);
	pthread_mutex_unlock(&side->mutex);
}

/* With whatever is out. */
static void side_close(struct side *side)
{
	ferry_loop *handle;

	pthread_mutex_lock(&side->mutex);
	handle = side->handle;
	side->handle = NULL;
	pthread_mutex_unlock(&side->mutex);
	side->is_closing = true;
	program_check(!ferry_loop_free(side->loop), "a loop cannot be freed");
	program_check(side->alive == 0, "%ld walkers live on (T5)", side->alive);
	for (; side->queue.count; side->queue.count--)
		item_free(side->items[side->queue.first++ % ITEMS]);
	ferry_loop_unref(handle);
	books.closes++;
}

/* All are cancelled, those that nobody else would wake included, and end. */
static void run_out(struct side *side)
{
	bool is_last = !atomic_load(&callers_left);

	/* Twice: what callers have submitted arrives while it runs. */
	for (int i = 0; i < 2; i++) {
		program_check(ferry_loop_cancel_tasks(side->loop) >= 0, "no cancel");
		program_check(ferry_loop_run(side->loop) == 0, "a loop cannot run");
	}
	if (!is_last)
		return;
	program_check(side->alive == 0 && fixture_loop_counters(side->loop).tasks == 0,
		      "%ld walkers are left (T5)", side->alive);
	program_check(side->permits == 0 && side->semaphore.permits == PERMITS, "a permit is lost");
	program_check(!ferry_lock_owner(&side->lock) && !side->holder, "a lock is not free");
	check_limiter(side);
	program_check(side->limiter.inside == 0 && side->limiter.queued == 0, "a place is lost");
}

static void *run_side(void *arg)
{
	struct side *side = arg;
	int handled;

	side_open(side);
	while (side->count > 0 || atomic_load(&callers_left)) {
		for (unsigned i = random_below(&side->random, 16); i && side->count > 0; i--) {
			begin_freed(side, random_next(&side->random), 0, NULL);
			side->count--;
		}
		handled = ferry_loop_run_once(side->loop, ferry_in_ns(100000));
		program_check(handled >= 0, "a loop cannot run");
		if (!handled)
			continue;
		switch (random_below(&side->random, 256)) {
		case 0:
			side_close(side);
			side_open(side);
			break;
		case 1:
		case 2:
			run_out(side);
			break;
		default:
			if (side->alive > ALIVE_MOST)
				run_out(side);
			break;
		}
	}
	if (random_below(&side->random, 2))
		run_out(side);
	side_close(side);
	return NULL;
}

/* ---- callers ---- */

struct caller {
	pthread_t thread;
	uint64_t random;
	long count;
	struct side *sides;
	struct held {
		ferry_future *future;
		struct walker *walker; /* to be freed when that is done; NULL: it has a hook */
	} held[HELD_MOST];
};

/* Done, so the frame is ours again. */
static void free_submitted(struct walker *walker)
{
	program_check(walker->mark == MARK, "a frame is gone before its future is done (T7)");
	walker->mark = 0;
	books.ended++;
	free(walker);
}

/* The frame is freed by who has the future, on another thread. */
static void let_go_by_hook(ferry_task *task, void *user)
{
	struct walker *walker = user;

	program_check(task == &walker->task && walker->mark == MARK, "a hook of another (T1)");
	let_go(walker);
}

static ferry_step stroll(ferry_task *task)
{
	FERRY_BEGIN(task, struct walker, f);
	for (; f->left; f->left--) {
		if (f->left % 2)
			FERRY_YIELD();
		else
			FERRY_AWAIT(ferry_await_local(&f->answer, offload(f)));
		check_loan(f);
		let_go(f);
	}
	FERRY_RETURN(ferry_task_set_result(task, ferry_result_u64(f->mark)));

	FERRY_FINALLY
	f->cleaned++;
	check_loan(f);
	FERRY_YIELD();
	FERRY_END;
}

static void end_held(struct caller *caller, struct held *held)
{
	ferry_snapshot snapshot;

	if (!held->future)
		return;
	if (random_below(&caller->random, 2))
		ferry_future_cancel(held->future);
	if (held->walker) {
		program_check(!ferry_future_wait(held->future, FERRY_NO_DEADLINE), "no wait");
		snapshot = ferry_future_snapshot(held->future);
		program_check(snapshot.cancelled || snapshot.exception ||
				      snapshot.result.u64 == MARK,
			      "a result of somebody else");
		free_submitted(held->walker);
	}
	held->future = ferry_future_unref(held->future);
}

/* The one that it has now, or had just now. */
static ferry_loop *loop_of(struct side *side)
{
	ferry_loop *loop = NULL;

	while (!loop) {
		pthread_mutex_lock(&side->mutex);
		loop = ferry_loop_ref(side->handle);
		pthread_mutex_unlock(&side->mutex);
		if (!loop)
			sched_yield();
	}
	return loop;
}

static void submit(struct caller *caller)
{
	struct side *side = &caller->sides[random_below(&caller->random, SIDES)];
	struct held *held = &caller->held[random_below(&caller->random, HELD_MOST)];
	bool strolls = random_below(&caller->random, 2);
	ferry_loop *loop = loop_of(side);
	ferry_task_options options;
	struct walker *walker;
	int error;

	end_held(caller, held);
	walker = walker_new(side, random_next(&caller->random), 0);
	options = options_of(walker, strolls ? let_go_by_hook : free_by_hook);
	error = ferry_task_submit(&walker->task, loop, strolls ? stroll : walk, &options, NULL,
				  &held->future);
	program_check(!error || error == -ESHUTDOWN, "submit: %d", error);
	books.submitted++;
	held->walker = strolls ? walker : NULL;
	if (error) {
		books.refused++;
		held->future = NULL;
		free_submitted(walker);
	} else if (!random_below(&caller->random, 4)) {
		ferry_future_cancel(held->future);
	}
	ferry_loop_unref(loop);
}

static void *call(void *arg)
{
	struct caller *caller = arg;

	for (; caller->count; caller->count--)
		submit(caller);
	for (unsigned i = 0; i < HELD_MOST; i++)
		end_held(caller, &caller->held[i]);
	atomic_fetch_sub(&callers_left, 1);
	return NULL;
}

/* ---- the whole ---- */

static void play(uint64_t seed, long count)
{
	static struct side sides[SIDES];
	static struct caller callers[CALLERS];
	uint64_t random = seed;

	memset(sides, 0, sizeof(sides));
	memset(callers, 0, sizeof(callers));
	pool = fixture_pool(3);
	atomic_store(&callers_left, CALLERS);
	for (int i = 0; i < SIDES; i++) {
		sides[i].random = random_next(&random);
		sides[i].count = (count + i) / SIDES;
		pthread_mutex_init(&sides[i].mutex, NULL);
		program_check(!pthread_create(&sides[i].thread, NULL, run_side, &sides[i]),
			      "no thread");
	}
	for (int i = 0; i < CALLERS; i++) {
		callers[i].random = random_next(&random);
		callers[i].count = count / 8 + 1;
		callers[i].sides = sides;
		program_check(!pthread_create(&callers[i].thread, NULL, call, &callers[i]),
			      "no thread");
	}
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i].thread, NULL);
	for (int i = 0; i < SIDES; i++) {
		pthread_join(sides[i].thread, NULL);
		pthread_mutex_destroy(&sides[i].mutex);
	}
	work_close(pool);
}

static void balance(void)
{
	program_check(books.begun == books.ended, "%ld walkers, %ld ended", books.begun,
		      books.ended);
	program_check(books.errors == books.errors_freed, "%ld exceptions, %ld freed", books.errors,
		      books.errors_freed);
	program_check(books.contexts == books.contexts_freed, "%ld contexts, %ld freed",
		      books.contexts, books.contexts_freed);
	program_check(books.items == books.items_freed, "%ld items, %ld freed", books.items,
		      books.items_freed);
	program_check(books.loans == books.loans_freed, "%ld loans, %ld released (L4)", books.loans,
		      books.loans_freed);
	program_check(books.cancelled && books.failed && books.errors && books.items &&
			      books.loans && books.closes >= SIDES,
		      "too little happened: %ld cancelled, %ld failed, %ld closed of %ld",
		      books.cancelled, books.failed, books.closes, books.begun);
}

int main(int argc, char **argv)
{
	struct program program =
		program_begin(argc, argv, "the books of tasks balance", 200000, 10000000);
	int descriptors;

	/* Once for what stays: streams, thread caches, tables of the C library. */
	play(program.seed, program.count / 100 + 100);
	balance();
	descriptors = fixture_descriptors();
	play(program.seed + 1, program.count);
	balance();
	program_check(fixture_descriptors() == descriptors, "%d descriptors, and then %d",
		      descriptors, fixture_descriptors());
	printf("%ld walkers, %ld cancelled, %ld failed, %ld submitted, %ld refused, %ld loops\n",
	       books.begun, books.cancelled, books.failed, books.submitted, books.refused,
	       books.closes);
	return 0;
}
