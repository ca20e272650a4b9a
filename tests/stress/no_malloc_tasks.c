/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing is allocated for a task, whatever it does: counted, one thing after the other (T5).
 *
 * Each case is a round of a few tasks, or of something that they wait for. It is done often, and
 * once it is warm no round may ask for memory, given back or not. A case says how many tasks end
 * in its round, and with a result, so that none passes by doing nothing. Runs with count_malloc.c
 * preloaded, and skips without.
 */
#include <dlfcn.h>

#include "stress/count_malloc.h"
#include "support/fixture.h"
#include "support/program.h"

#define WARM 16 /* rounds before the count */

#define EAGER FERRY_WITH(.start = FERRY_START_EAGER)
#define LAZY FERRY_WITH(.start = FERRY_START_LAZY)
#define DEFERRED FERRY_WITH(.start = FERRY_START_DEFERRED)

static ferry_loop *loop;
static long returned, left; /* ends of tasks: with a result; all others */

static void check(int error, const char *what)
{
	program_check(error >= 0, "%s: %d", what, error);
}

#define MUST(call) check((call), #call)

/* How most steps here end. */
#define RETURN_AND_END            \
	FERRY_RETURN(returned++); \
	FERRY_FINALLY             \
	FERRY_END

static void run(void)
{
	MUST(ferry_loop_run(loop));
}

/* ---- a task that waits ---- */

struct awaited {
	ferry_awaitable awaitable;
};

struct waiter {
	FERRY_FRAME;
	struct awaited *of; /* NULL: nothing */
	ferry_slot slot;
	unsigned yields;
	bool is_shielded, has_returned;
};

static ferry_step wait_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	while (f->yields) {
		f->yields--;
		FERRY_YIELD();
	}
	if (f->of && f->is_shielded)
		FERRY_SHIELD(f->of);
	else if (f->of)
		FERRY_TRY(f->of);
	FERRY_RETURN(f->has_returned = true);

	FERRY_FINALLY
	*(f->has_returned ? &returned : &left) += 1;
	FERRY_END;
}

#define MANY 4
static struct waiter waiters[MANY];
static ferry_operation operation;

/* All of them wait for that, or for nothing. */
static void begin_all(void *of, const ferry_task_options *options)
{
	for (int i = 0; i < MANY; i++) {
		waiters[i] = (struct waiter){ .of = of };
		ferry_task_begin(&waiters[i].task, loop, wait_step, options);
	}
}

static void make(void)
{
	MUST(ferry_operation_init(&operation, NULL));
}

static void complete(void)
{
	MUST(ferry_operation_complete(&operation, loop, 0));
	run();
}

/* ---- beginning and ending ---- */

static void eager(void)
{
	begin_all(NULL, EAGER);
}

static void lazy(void)
{
	begin_all(NULL, LAZY);
	run();
}

static void deferred(void)
{
	begin_all(NULL, DEFERRED);
	for (int i = 0; i < MANY; i++)
		MUST(i % 2 ? ferry_task_start(&waiters[i].task) :
			     ferry_task_schedule(&waiters[i].task));
	run();
}

static void suspended(void)
{
	make();
	begin_all(&operation, EAGER);
	complete();
}

static void yielding(void)
{
	begin_all(NULL, DEFERRED);
	for (int i = 0; i < MANY; i++) {
		waiters[i].yields = 4;
		MUST(ferry_task_start(&waiters[i].task));
	}
	run();
}

static void nothing(ferry_task *task, void *user)
{
	(void)task, (void)user;
}

static void with_options(void)
{
	make();
	begin_all(&operation,
		  FERRY_WITH(.name = "name", .user = &loop, .context = &loop, .cleanup = nothing));
	for (int i = 0; i < MANY; i++)
		MUST(ferry_task_add_done_callback(&waiters[i].task, nothing, NULL));
	complete();
}

/* ---- cancelling ---- */

static void cancelled(void)
{
	make();
	begin_all(&operation, EAGER);
	for (int i = 0; i < MANY; i++)
		MUST(ferry_task_cancel(&waiters[i].task));
	run();
}

static void cancelled_early(void)
{
	begin_all(NULL, LAZY);
	for (int i = 0; i < MANY; i++)
		MUST(ferry_task_cancel(&waiters[i].task));
	run();
}

static void failed(void)
{
	make();
	begin_all(&operation, EAGER);
	MUST(ferry_operation_complete(&operation, loop, -EIO));
	run();
	for (int i = 0; i < MANY; i++)
		program_check(ferry_task_snapshot(&waiters[i].task).exception, "no exception");
}

/* The first waits, and the others for it. A cancel ends their waits, and leaves it alone. */
static void shielded(void)
{
	make();
	begin_all(&operation, DEFERRED);
	for (int i = 0; i < MANY; i++) {
		waiters[i].is_shielded = i > 0;
		waiters[i].of = (void *)(i ? &waiters[0].awaitable : &operation.awaitable);
		MUST(ferry_task_start(&waiters[i].task));
	}
	for (int i = 1; i < MANY; i++)
		MUST(ferry_task_cancel(&waiters[i].task));
	run();
	complete();
}

static void shielded_for_long(void)
{
	make();
	begin_all(&operation, EAGER);
	for (int i = 0; i < MANY; i++) {
		MUST(ferry_task_shield(&waiters[i].task));
		MUST(ferry_task_cancel(&waiters[i].task));
		MUST(ferry_task_uncancel(&waiters[i].task));
		MUST(ferry_task_unshield(&waiters[i].task));
	}
	complete();
}

/* ---- children ---- */

struct parent {
	FERRY_FRAME;
	struct waiter child;
	ferry_group group;
	ferry_gather gather;
	ferry_gather_entry entries[MANY];
	ferry_timeout timeout;
	ferry_sleep sleep;
	const ferry_group_options *options;
	int round;
};

static struct parent parent;

static void be_parent(ferry_step_function step)
{
	parent.round = 0;
	ferry_task_begin(&parent.task, loop, step, NULL);
	run();
	parent.options = NULL;
}

static ferry_task *child_begin(struct waiter *child, unsigned yields)
{
	*child = (struct waiter){ .yields = yields };
	return ferry_task_begin(&child->task, loop, wait_step, EAGER);
}

static ferry_step call_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	for (f->round = 0; f->round < MANY; f->round++)
		FERRY_TRY(child_begin(&f->child, f->round % 2));
	RETURN_AND_END;
}

static ferry_step group_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	for (; f->round < 2; f->round++) {
		MUST(ferry_group_init(&f->group, loop, f->options));
		begin_all(NULL, FERRY_WITH(.start = f->round ? FERRY_START_LAZY : FERRY_START_EAGER,
					   .group = &f->group));
		FERRY_TRY(&f->group);
		begin_all(NULL, DEFERRED);
		MUST(ferry_group_init(&f->group, loop, f->options));
		for (int i = 0; i < MANY; i++) {
			waiters[i].yields = 1;
			MUST(ferry_group_add(&f->group, &waiters[i].task));
		}
		FERRY_TRY(&f->group);
	}
	RETURN_AND_END;
}

static void limit(void)
{
	static const ferry_group_options two = { .size = sizeof(two), .limit = 2 };

	parent.options = &two;
}

static ferry_step cancelled_group_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	MUST(ferry_group_init(&f->group, loop, NULL));
	make();
	begin_all(&operation, FERRY_IN(&f->group));
	MUST(ferry_group_cancel(&f->group));
	FERRY_AWAIT(&f->group);
	RETURN_AND_END;
}

static ferry_step gather_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	for (; f->round < 3; f->round++) {
		begin_all(NULL, LAZY);
		for (int i = 0; i < MANY; i++)
			f->entries[i].of = &waiters[i].awaitable;
		FERRY_TRY(ferry_gather_begin(&f->gather, loop, f->entries, MANY,
					     (ferry_gather_until)f->round));
		while (f->round == FERRY_GATHER_COLLECT) {
			FERRY_TRY(ferry_gather_next(&f->gather));
			if (!ferry_gather_given(&f->gather))
				break;
		}
	}
	FERRY_RETURN(returned++);

	FERRY_FINALLY
	MUST(ferry_gather_end(&f->gather));
	FERRY_END;
}

/* ---- by turns ---- */

/* Two who use the same things; each lets the other go on. */
struct user {
	FERRY_FRAME;
	ferry_queue_entry entry;
	ferry_slot slot;
	int which, round;
};

static struct user users[2];
static ferry_event events[2];
static ferry_lock lock;
static ferry_condition condition;
static ferry_semaphore semaphore;
static ferry_queue queue;
static ferry_limiter limiter;
static int whose;

static void use(ferry_step_function step)
{
	static void *items[1];

	MUST(ferry_event_init(&events[0], loop));
	MUST(ferry_event_init(&events[1], loop));
	MUST(ferry_lock_init(&lock, loop));
	MUST(ferry_condition_init(&condition, &lock));
	MUST(ferry_semaphore_init(&semaphore, loop, 1));
	MUST(ferry_queue_init(&queue, loop, items, 1));
	MUST(ferry_limiter_init(&limiter, loop, 1));
	whose = 0;
	for (int i = 0; i < 2; i++) {
		users[i] = (struct user){ .which = i };
		ferry_task_begin(&users[i].task, loop, step, NULL);
	}
	run();
}

static ferry_step event_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct user, f);
	for (; f->round < MANY; f->round++) {
		if (f->which || f->round)
			FERRY_TRY(&events[f->which]);
		ferry_event_clear(&events[f->which]);
		ferry_event_set(&events[!f->which]);
	}
	RETURN_AND_END;
}

static ferry_step lock_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct user, f);
	for (; f->round < MANY; f->round++) {
		FERRY_TRY(ferry_lock_acquire(&lock));
		FERRY_YIELD();
		MUST(ferry_lock_release(&lock));
	}
	RETURN_AND_END;
}

static ferry_step condition_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct user, f);
	for (; f->round < MANY; f->round++) {
		FERRY_TRY(ferry_lock_acquire(&lock));
		while (whose != f->which)
			FERRY_TRY(ferry_condition_wait(&condition));
		whose = !whose;
		MUST(ferry_condition_notify(&condition, 1));
		MUST(ferry_lock_release(&lock));
	}
	RETURN_AND_END;
}

static ferry_step semaphore_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct user, f);
	for (; f->round < MANY; f->round++) {
		FERRY_TRY(ferry_semaphore_acquire(&semaphore));
		FERRY_YIELD();
		MUST(ferry_semaphore_release(&semaphore, 1));
	}
	RETURN_AND_END;
}

/* One puts more than there is room for, the other gets. */
static ferry_step queue_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct user, f);
	for (; f->round < MANY; f->round++)
		FERRY_TRY(f->which ? ferry_queue_get(&queue, &f->entry) :
				     ferry_queue_put(&queue, &f->entry, f));
	RETURN_AND_END;
}

static ferry_step enter_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct user, f);
	for (; f->round < MANY; f->round++) {
		FERRY_TRY(ferry_limiter_enter(&limiter, &f->slot, 0));
		FERRY_YIELD();
		MUST(ferry_limiter_leave(&f->slot));
	}
	RETURN_AND_END;
}

static void submitted(void)
{
	MUST(ferry_limiter_init(&limiter, loop, 2));
	begin_all(NULL, DEFERRED);
	for (int i = 0; i < MANY; i++) {
		waiters[i].yields = 1;
		ferry_limiter_submit(&limiter, &waiters[i].slot, &waiters[i].task, (unsigned)i % 2);
	}
	run();
}

/* ---- time ---- */

static ferry_step sleep_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	for (; f->round < MANY; f->round++)
		FERRY_TRY(ferry_sleep_until(&f->sleep, loop, ferry_in_ns(1)));
	ferry_sleep_until(&f->sleep, loop, ferry_in_ns(100000000000));
	MUST(ferry_sleep_cancel(&f->sleep));
	RETURN_AND_END;
}

static ferry_step timeout_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	make();
	FERRY_TIMEOUT(&f->timeout, ferry_in_ns(100000000000)) {
		FERRY_TRY(child_begin(&f->child, 1));
	}
	program_check(!f->timeout.expired, "it expired");
	FERRY_TIMEOUT(&f->timeout, ferry_in_ns(1)) {
		FERRY_TRY(&operation);
	}
	program_check(f->timeout.expired, "it did not expire");
	RETURN_AND_END;
}

/* ---- iterations, locals ---- */

static struct giver {
	FERRY_FRAME;
	ferry_iterator it;
	int round;
} giver;

static ferry_step give_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct giver, f);
	for (; f->round < MANY; f->round++) {
		if (f->round % 2)
			FERRY_YIELD();
		FERRY_EMIT(&f->it, f);
	}
	RETURN_AND_END;
}

static void init_giver(void)
{
	giver.round = 0;
	ferry_task_init(&giver.task, loop, give_step, NULL);
	MUST(ferry_iterator_init(&giver.it, &giver.task));
}

static ferry_step ask_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	for (;;) {
		FERRY_TRY(ferry_iterator_next(&giver.it));
		if (giver.it.ended)
			break;
	}
	RETURN_AND_END;
}

static ferry_local *local;

static ferry_local *start_local(ferry_loop *of, void *user)
{
	(void)user;
	MUST(ferry_local_new(of, &local));
	return ferry_local_ref(local);
}

static int finish_local(ferry_await *answer, void *user)
{
	(void)user;
	returned += ferry_await_snapshot(answer).result.u64 == 1;
	return 0;
}

static void of_a_local(void)
{
	static ferry_eager of;

	ferry_eager_begin(&of, loop, start_local, finish_local, NULL, NULL);
	MUST(ferry_local_set_result(local, ferry_result_u64(1)));
	ferry_local_unref(local);
	run();
}

/* ---- the count ---- */

static const struct {
	const char *name;
	void (*round)(void);               /* all of it, or what comes first */
	ferry_step_function parent, users; /* their steps, if it has them */
	long returned, left;               /* of its tasks */
} cases[] = {
	{ "eager", eager, .returned = MANY },
	{ "lazy", lazy, .returned = MANY },
	{ "deferred", deferred, .returned = MANY },
	{ "suspended and resumed", suspended, .returned = MANY },
	{ "by turns: yield", yielding, .returned = MANY },
	{ "name, context, cleanup, callback", with_options, .returned = MANY },
	{ "cancelled", cancelled, .left = MANY },
	{ "cancelled before the first step", cancelled_early, .left = MANY },
	{ "failed", failed, .left = MANY },
	{ "shielded", shielded, .returned = 1, .left = MANY - 1 },
	{ "shielded for long", shielded_for_long, .returned = MANY },
	{ "an embedded call", .parent = call_step, .returned = MANY + 1 },
	{ "group", .parent = group_step, .returned = 4 * MANY + 1 },
	{ "group with a limit", limit, .parent = group_step, .returned = 4 * MANY + 1 },
	{ "cancelled group", .parent = cancelled_group_step, .returned = 1, .left = MANY },
	{ "gather", .parent = gather_step, .returned = 3 * MANY + 1 },
	{ "by turns: event", .users = event_step, .returned = 2 },
	{ "by turns: lock", .users = lock_step, .returned = 2 },
	{ "by turns: condition", .users = condition_step, .returned = 2 },
	{ "by turns: semaphore", .users = semaphore_step, .returned = 2 },
	{ "by turns: queue", .users = queue_step, .returned = 2 },
	{ "by turns: limiter", .users = enter_step, .returned = 2 },
	{ "submitted to a limiter", submitted, .returned = MANY },
	{ "sleep", .parent = sleep_step, .returned = 1 },
	{ "timeout", .parent = timeout_step, .returned = 2 },
	{ "iteration", init_giver, .parent = ask_step, .returned = 2 },
	{ "a local", of_a_local, .returned = 1 },
};

static void do_round(unsigned which)
{
	if (cases[which].round)
		cases[which].round();
	if (cases[which].parent)
		be_parent(cases[which].parent);
	if (cases[which].users)
		use(cases[which].users);
}

static unsigned long calls_so_far(count_malloc_read *read_calls)
{
	unsigned long calls[COUNT_KINDS], sum = 0;

	read_calls(calls);
	for (int kind = 0; kind < COUNT_KINDS; kind++)
		sum += calls[kind];
	return sum;
}

static bool allocates(unsigned which, long rounds, count_malloc_read *read_calls)
{
	unsigned long before = 0, calls;

	returned = left = 0;
	for (long i = 0; i < WARM + rounds; i++) {
		if (i == WARM)
			before = calls_so_far(read_calls);
		do_round(which);
	}
	calls = calls_so_far(read_calls) - before;
	program_check(returned == cases[which].returned * (WARM + rounds) &&
			      left == cases[which].left * (WARM + rounds),
		      "%s: in %ld rounds %ld returned, %ld did not", cases[which].name,
		      WARM + rounds, returned, left);
	if (calls)
		fprintf(stderr, "%s: %lu calls in %ld rounds\n", cases[which].name, calls, rounds);
	return calls;
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "tasks allocate nothing", 1000, 100000);
	count_malloc_read *read_calls;
	unsigned long before;
	unsigned failures = 0;

	*(void **)&read_calls = dlsym(RTLD_DEFAULT, "count_malloc_calls");
	if (!read_calls) {
		puts("skipped: runs with libcount_malloc.so preloaded");
		return 77;
	}
	before = calls_so_far(read_calls);
	loop = fixture_loop();
	program_check(calls_so_far(read_calls) > before, "allocations are not counted at all");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		failures += allocates(i, program.count, read_calls);
	program_check(!failures, "%u of the cases above allocate", failures);
	fixture_end(loop, NULL);
	return 0;
}
