/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ten cases. What decides is when a write begins:
 *
 *   in Python                            here                             the write begins
 *   await f()                            FERRY_TRY(f_begin(...))          now, and is waited for
 *   c = f()                              a deferred task                  when it is started
 *   create_task(f())                     a lazy task                      in the next turn
 *   await asyncio.sleep(0)               FERRY_YIELD()                    that is one turn
 *   gather(), TaskGroup                  ferry_gather, ferry_group        as its tasks do
 *   async for                            ferry_iterator                   - (see below)
 *   a function that is not async         a function                       now
 *   @js_like_await                       ferry_eager_begin()              now
 *
 * Whoever wants a write to overlap what he does next has to have it begin now. In Python that
 * takes a trick; here it is what a function does, and what a task does that is started eagerly.
 *
 * Asking for the next item does not overlap by itself, as little as it does in Python: the work has
 * to give way somewhere (case 9). There the end of the first write is noted two seconds earlier
 * than in Python: the iterator is a task of its own here, and each item takes a turn of the loop,
 * in which others see what has ended.
 */
#include "overlap-cases.h"

/* ---- what the cases are made of ---- */

static void note(struct stage *stage, enum event event, int round)
{
	timeline_note(&stage->timeline, event, round);
}

/* def do_cpu_work(i) */
static void work(struct stage *stage, int round)
{
	note(stage, WORK_BEGINS, round);
	stage->work(stage);
	note(stage, WORK_ENDS, round);
}

/* async def write_output_async(i, lock=False) */
struct output {
	FERRY_FRAME;
	struct stage *stage;
	int round;
	ferry_lock *lock; /* NULL: any number may write at a time */
	ferry_await write;
};

static ferry_step output_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct output, f);
	note(f->stage, OUTPUT_BEGINS, f->round);
	note(f->stage, WRITE_BEGINS, f->round);
	if (f->lock) {
		FERRY_TRY(ferry_lock_acquire(f->lock));
		note(f->stage, WRITE_LOCKED, f->round);
	}
	FERRY_TRY(ferry_await_local(&f->write, f->stage->write(f->stage, f->round)));
	if (f->lock)
		ferry_lock_release(f->lock);
	else
		note(f->stage, WRITE_ENDS, f->round);
	note(f->stage, OUTPUT_ENDS, f->round);
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->write);
	FERRY_END;
}

static struct output *output_begin(struct output *output, struct stage *stage, int round,
				   const ferry_task_options *options)
{
	*output = (struct output){ .stage = stage, .round = round };
	ferry_task_begin(&output->task, stage->loop, output_step, options);
	return output;
}

/* lock=True */
static void output_begin_locked(struct output *output, struct stage *stage, int round,
				const ferry_task_options *options)
{
	*output = (struct output){ .stage = stage, .round = round, .lock = &stage->lock };
	ferry_task_begin(&output->task, stage->loop, output_step, options);
}

/* What awaiting a coroutine object does first: it starts it. */
static struct output *started(struct output *output)
{
	ferry_task_start(&output->task);
	return output;
}

static const ferry_task_options deferred = { .size = sizeof(deferred),
					     .start = FERRY_START_DEFERRED };
static const ferry_task_options lazy = { .size = sizeof(lazy), .start = FERRY_START_LAZY };

/* async def to_aiter(gen) */
struct rounds {
	FERRY_FRAME;
	ferry_iterator iterator;
	int round;
};

static ferry_step rounds_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct rounds, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		FERRY_EMIT(&f->iterator, &f->round);
		FERRY_YIELD(); /* without this turn no write would begin before the end */
	}
	FERRY_END;
}

static int rounds_init(struct rounds *rounds, ferry_loop *loop)
{
	ferry_task_init(&rounds->task, loop, rounds_step, NULL);
	return ferry_iterator_init(&rounds->iterator, &rounds->task);
}

/* ---- the frame of all cases ---- */

struct play {
	FERRY_FRAME;
	struct stage *stage;
	int round, error;
	struct output last;            /* the one write that may be under way */
	struct output outputs[ROUNDS]; /* where there may be more */
	ferry_gather_entry entries[ROUNDS];
	ferry_gather gather;
	ferry_group group;
	ferry_task_options in_group;
	struct rounds rounds;
	ferry_await write; /* of case 8 */
	struct eager {
		ferry_eager task;
		struct stage *stage;
		int round;
	} eager; /* of case 10 */
};

/*
 * 1: awaited at once
 *
 *	for i in range(3):
 *		do_cpu_work(i)
 *		await write_output_async(i)
 */

static ferry_step await_at_once(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		FERRY_TRY(output_begin(&f->last, f->stage, f->round, NULL));
	}
	FERRY_END;
}

/*
 * 2: a coroutine, awaited before the next write: it does not begin before that
 *
 *	for i in range(3):
 *		do_cpu_work(i)
 *		if last:
 *			await last
 *		last = write_output_async(i)
 *	await last
 */

static ferry_step await_before_next(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		if (f->round > 0)
			FERRY_TRY(started(&f->last));
		output_begin(&f->last, f->stage, f->round, &deferred);
	}
	FERRY_TRY(started(&f->last));
	FERRY_END;
}

/*
 * 3: all coroutines gathered: they begin when all work is done
 *
 *	for i in range(3):
 *		do_cpu_work(i)
 *		writes.append(write_output_async(i))
 *	await asyncio.gather(*writes)
 */

static ferry_operation *gather_all(struct play *f)
{
	for (int i = 0; i < ROUNDS; i++) {
		ferry_task_schedule(&f->outputs[i].task);
		f->entries[i].of = &f->outputs[i].awaitable;
	}
	return ferry_gather_begin(&f->gather, f->stage->loop, f->entries, ROUNDS, FERRY_GATHER_ALL);
}

static ferry_step gather(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		output_begin(&f->outputs[f->round], f->stage, f->round, &deferred);
	}
	FERRY_TRY(gather_all(f));
	FERRY_END;
}

/*
 * 4, and 5 with lock=True: tasks in a group: the loop has no turn before all work is done
 *
 *	async with asyncio.TaskGroup() as tg:
 *		for i in range(3):
 *			do_cpu_work(i)
 *			tg.create_task(write_output_async(i))
 */

static int group_begin(struct play *f)
{
	f->in_group = lazy;
	f->in_group.group = &f->group;
	return ferry_group_init(&f->group, f->stage->loop, NULL);
}

static ferry_step tasks_in_group(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	f->error = group_begin(f);
	if (f->error)
		FERRY_FAIL(f->error);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		output_begin(&f->outputs[f->round], f->stage, f->round, &f->in_group);
	}
	FERRY_TRY(&f->group);
	FERRY_END;
}

static ferry_step tasks_in_group_locked(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	f->error = group_begin(f);
	if (f->error)
		FERRY_FAIL(f->error);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		output_begin_locked(&f->outputs[f->round], f->stage, f->round, &f->in_group);
	}
	FERRY_TRY(&f->group);
	FERRY_END;
}

/*
 * 6: as 2, with a task: it begins when the loop has a turn, which is when it is awaited
 *
 *		last = asyncio.create_task(write_output_async(i))
 */

static ferry_step task_before_next(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		if (f->round > 0)
			FERRY_TRY(&f->last);
		output_begin(&f->last, f->stage, f->round, &lazy);
	}
	FERRY_TRY(&f->last);
	FERRY_END;
}

/*
 * 7: as 6, and the loop is given that turn
 *
 *		last = asyncio.create_task(write_output_async(i))
 *		await asyncio.sleep(0)
 */

static ferry_step task_and_yield(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		if (f->round > 0)
			FERRY_TRY(&f->last);
		output_begin(&f->last, f->stage, f->round, &lazy);
		FERRY_YIELD();
	}
	note(f->stage, AWAITING_LAST, 0);
	FERRY_TRY(&f->last);
	FERRY_END;
}

/*
 * 8: as 2, with a function that is not async, so that all of it runs now
 *
 *		last = write_output_awaitable(i)
 */

/* def write_output_awaitable(i) */
static ferry_operation *write_output(ferry_await *write, struct stage *stage, int round)
{
	note(stage, OUTPUT_BEGINS, round);
	note(stage, WRITE_BEGINS, round);
	return ferry_await_local(write, stage->write(stage, round));
}

static void note_written(struct stage *stage, int round)
{
	note(stage, WRITE_ENDS, round);
	note(stage, OUTPUT_ENDS, round);
}

static ferry_step fixed_function(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		if (f->round > 0) {
			FERRY_TRY(&f->write);
			note_written(f->stage, f->round - 1);
		}
		write_output(&f->write, f->stage, f->round);
	}
	note(f->stage, AWAITING_LAST, 0);
	FERRY_TRY(&f->write);
	note_written(f->stage, ROUNDS - 1);
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->write);
	FERRY_END;
}

/*
 * 9: as 5, the rounds from an iterator that gives the loop a turn after each
 *
 *	async with asyncio.TaskGroup() as tg:
 *		async for i in to_aiter(range(3)):
 *			do_cpu_work(i)
 *			tg.create_task(write_output_async(i, lock=True))
 */

static ferry_step tasks_and_iterator(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	f->error = group_begin(f);
	if (!f->error)
		f->error = rounds_init(&f->rounds, f->stage->loop);
	if (f->error)
		FERRY_FAIL(f->error);
	for (;;) {
		FERRY_TRY(ferry_iterator_next(&f->rounds.iterator));
		if (f->rounds.iterator.ended)
			break;
		f->round = *(int *)f->rounds.iterator.item;
		work(f->stage, f->round);
		output_begin_locked(&f->outputs[f->round], f->stage, f->round, &f->in_group);
	}
	FERRY_TRY(&f->group);
	FERRY_END;
}

/*
 * 10: as 2, with a task that runs now, up to its first wait
 *
 *		last = js_like_await(write_output_async)(i)
 */

static ferry_local *start_writing(ferry_loop *loop, void *user)
{
	struct eager *eager = user;

	(void)loop;
	note(eager->stage, OUTPUT_BEGINS, eager->round);
	note(eager->stage, WRITE_BEGINS, eager->round);
	return eager->stage->write(eager->stage, eager->round);
}

static int finish_writing(ferry_await *write, void *user)
{
	struct eager *eager = user;
	const ferry_error *exception = ferry_await_snapshot(write).exception;

	if (exception)
		return -ferry_error_errno(exception);
	note_written(eager->stage, eager->round);
	return 0;
}

static ferry_task *write_eagerly(struct eager *eager, struct stage *stage, int round)
{
	eager->stage = stage;
	eager->round = round;
	return ferry_eager_begin(&eager->task, stage->loop, start_writing, finish_writing, eager,
				 NULL);
}

static ferry_step eager_adapter(ferry_task *task)
{
	FERRY_BEGIN(task, struct play, f);
	for (f->round = 0; f->round < ROUNDS; f->round++) {
		work(f->stage, f->round);
		if (f->round > 0)
			FERRY_TRY(&f->eager.task);
		write_eagerly(&f->eager, f->stage, f->round);
	}
	note(f->stage, AWAITING_LAST, 0);
	FERRY_TRY(&f->eager.task);
	FERRY_END;
}

/* ---- all of them ---- */

const struct example examples[EXAMPLES] = {
	{ 1, "awaited at once", "await write_output_async(i)", await_at_once, SERIAL },
	{ 2, "coroutine, awaited before the next", "last = write_output_async(i)",
	  await_before_next, SERIAL },
	{ 3, "gather", "await asyncio.gather(*writes)", gather, TOGETHER },
	{ 4, "group", "tg.create_task(write_output_async(i))", tasks_in_group, TOGETHER },
	{ 5, "group, with a lock", "tg.create_task(write_output_async(i, lock=True))",
	  tasks_in_group_locked, SERIAL },
	{ 6, "lazy task", "last = asyncio.create_task(write_output_async(i))", task_before_next,
	  SERIAL },
	{ 7, "lazy task and a turn", "await asyncio.sleep(0)", task_and_yield, OVERLAPS },
	{ 8, "a function, not async", "last = write_output_awaitable(i)", fixed_function,
	  OVERLAPS },
	{ 9, "async for, with a lock", "async for i in to_aiter(range(3))", tasks_and_iterator,
	  PARTLY },
	{ 10, "eager task", "last = js_like_await(write_output_async)(i)", eager_adapter,
	  OVERLAPS },
};

int example_play(const struct example *example, struct stage *stage)
{
	struct play play = { .stage = stage };
	ferry_snapshot seen;
	int error = ferry_lock_init(&stage->lock, stage->loop);

	if (error < 0)
		return error;
	stage->timeline.count = 0;
	note(stage, STARTING, 0);
	ferry_task_begin(&play.task, stage->loop, example->step, NULL);
	error = ferry_loop_await(stage->loop, &play.awaitable);
	note(stage, DONE, 0);
	seen = ferry_task_snapshot(&play.task);
	if (error == 0 && seen.exception)
		error = -ferry_error_errno(seen.exception);
	/* What a case that failed left behind ends before its frame does. */
	if (error && ferry_loop_cancel_tasks(stage->loop) > 0)
		ferry_loop_run(stage->loop);
	return error;
}
