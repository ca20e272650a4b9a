/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps of tasks: run, waiting, ended.
 *
 * On the loop's thread (step "deliver" of a request, for a task that awaits one). Before it the
 * task was begun, or what it awaited is done; after it the task waits for something else, or
 * has ended, and those who wait for it are on the ready list. Invariants: the current task is
 * restored on every exit (T2); waits that did not suspend are charged to the turn (T2); a success
 * is never turned into a cancellation (T7).
 */
#include "task/step.h"

#include "task/group.h"
#include "task/unwrap.h"

#define STEP_ENDED ((ferry_step){ 2 })

/* ---- run ---- */

void step_find_stray(struct ferry_task *task)
{
	/* By hand: it waits, or has ended, and just does not say so. */
	if (task->state != TASK_RUNNING || task_has_ended(task))
		return;
	do {
		if (task->at == FERRY_AT_END) {
			ferry_task_finish(task);
			return;
		}
		task->at = ferry_task_stray(task);
	} while (!task->step(task).how);
}

void step_end_in_child(struct ferry_loop *loop)
{
	if (!loop_is_busy(loop))
		ferry_loop_unref(loop);
}

void step_run_outside(struct ferry_loop *loop, struct ferry_task *task, struct activation *here)
{
	loop->left = loop->budget - 1;
	step_run(loop, task, here);
	loop->left = UINT64_MAX;
}

void step_start_later(struct ferry_task *task)
{
	task_schedule(task);
}

bool task_may_nest(struct ferry_loop *loop)
{
	return loop->activation->depth < STEP_DEPTH_MOST && loop_pass(loop);
}

/* It is about to go on. */
static inline void prepare(struct ferry_loop *loop, struct ferry_task *task)
{
	if (!(task->flags & TASK_LISTED))
		loop->adrift--;
	/* What it waited for ended as cancelled because it was: so it is cut short. Behind its body
	 * it waits for its groups, and has learnt by now what came of them. */
	if (RARE(task->flags & TASK_DUE) && !task_is_shielded(task) &&
	    task->state != TASK_SCHEDULED && task->state != TASK_YIELDING &&
	    task->at != FERRY_AT_FINALLY && awaitable_is_done(task->awaited) &&
	    awaitable_outcome(task->awaited) == AWAITABLE_CANCELLED)
		task->flags = (uint16_t)((task->flags & ~TASK_DUE) | TASK_INTERRUPTED);
	task->state = TASK_RUNNING;
}

/* It is not run any more, but has to be found with the others that end. */
static COLD void list_at_close(struct ferry_loop *loop, struct ferry_task *task)
{
	if (task->flags & TASK_LISTED)
		return;
	loop->adrift--;
	task_list(task);
}

/* From the loop: no step runs. */
void task_resume(struct ferry_waiter *node)
{
	struct ferry_task *task = task_of_node(node);
	struct ferry_loop *loop = task_loop(task);
	struct activation here = { task, &loop->no_step, 1 };

	if (RARE(loop->closed)) {
		/* It is there as long as no hook behind this one has been called; of a wait that
		 * was cut not even that is known. */
		if (task->state == TASK_WOKEN && !(task->flags & TASK_INTERRUPTED))
			await_forsake(task->awaited);
		list_at_close(loop, task);
		return;
	}
	prepare(loop, task);
	step_run(loop, task, &here);
}

void task_resume_here(struct ferry_task *task)
{
	struct ferry_loop *loop = task_loop(task);
	struct activation *outer = loop->activation;
	struct activation here = { task, outer, outer->depth + 1 };

	prepare(loop, task);
	if (RARE(loop_is_unbounded(loop)))
		step_run_outside(loop, task, &here);
	else
		step_run(loop, task, &here);
	if (RARE(loop->closed))
		step_end_in_child(loop);
}

/* ---- waiting ---- */

/* It cannot wait for that: it fails, as if it had been cut short there; one that cleans up
 * goes on with that. */
static int cannot_wait(struct ferry_task *task, int error)
{
	ferry_task_fail_errno(task, error);
	if (!(task->flags & TASK_SHIELDED))
		task->flags |= TASK_INTERRUPTED;
	return 0;
}

/* Is it a task of another loop? Then its word is another thread's. */
static bool is_foreign(const struct ferry_loop *loop, const ferry_awaitable *awaitable)
{
	const struct ferry_task *other = container(awaitable, struct ferry_task, awaitable);

	return awaitable_kind(awaitable) == AWAITABLE_TASK && task_loop(other) != loop;
}

/* From here on it is listed, and the dump can tell where it waits, and since when. */
static inline void note_wait(struct ferry_loop *loop, struct ferry_task *task,
			     const ferry_place *place)
{
	task->place = place;
	if (!(task->flags & TASK_SETTLED))
		task->since_ns = loop->busy_since_ns;
}

static COLD void note_awaited(struct ferry_task *task, const ferry_awaitable *awaitable)
{
	group_note_awaited(task, awaitable);
}

/* What it waits for has come, but the turn is over. Nobody can cut it short there, and its
 * frame stays until it has gone on. */
static int go_on_later(struct ferry_task *task, const ferry_awaitable *awaitable,
		       const ferry_place *place)
{
	struct ferry_loop *loop = task_loop(task);

	if (RARE(task->flags & TASK_DUE))
		note_awaited(task, awaitable);
	note_wait(loop, task, place);
	task_drift(task);
	task_make_ready(task, TASK_WOKEN);
	if (loop->cleanups && awaitable_is_done(awaitable)) {
		/* Where it is the last question of an iteration, that lies in the giver's frame. */
		const struct ferry_task *giver =
			iterator_giver(container(awaitable, const ferry_operation, awaitable));

		task_postpone_cleanup_of(loop, giver ? &giver->awaitable : awaitable);
	}
	return 1;
}

/* It is not done, or the turn is over: 1 if it waits, 0 if it goes on after all. */
static __attribute__((noinline)) int wait(struct ferry_task *task, ferry_awaitable *awaitable,
					  const ferry_place *place, enum task_state state)
{
	struct ferry_loop *loop = task_loop(task);

	if (task_current(loop) != task)
		return -EPERM;
	task->awaited = awaitable;
	if (awaitable_is_done(awaitable))
		return go_on_later(task, awaitable, place);
	if (awaitable_is_nothing(awaitable))
		return loop_pass(loop) ? 0 : go_on_later(task, awaitable, place);
	if (awaitable == &task->awaitable)
		return cannot_wait(task, -EDEADLK);
	if (is_foreign(loop, awaitable))
		return cannot_wait(task, -EPERM);
	if (awaitable_kind(awaitable) == AWAITABLE_OPERATION) {
		ferry_operation *operation = container(awaitable, ferry_operation, awaitable);
		const ferry_operation_hooks *hooks = operation->hooks;

		if (await_is_foreign(loop, operation))
			return cannot_wait(task, -EPERM);
		if (hooks && hooks->await) {
			hooks->await(operation);
			if (awaitable_is_done(awaitable))
				return loop_pass(loop) ? 0 : go_on_later(task, awaitable, place);
		}
		/* It is given something: nothing is passed on, and it is not left without. */
		if (hooks && hooks->for_tasks)
			state = TASK_WAITING;
	}
	/* Before it waits: if its group is cancelled what it waits for is asked once, below. */
	if (!(task->flags & TASK_LISTED))
		task_list(task);
	task->state = (uint8_t)state;
	awaitable_append(awaitable, &task->node);
	note_wait(loop, task, place);
	if (RARE(task->flags & TASK_DUE))
		task_deliver(task);
	return 1;
}

static inline int await(struct ferry_task *task, ferry_awaitable *awaitable,
			const ferry_place *place, enum task_state state)
{
	struct ferry_loop *loop = task_loop(task);

	if (awaitable_is_done(awaitable) &&
	    (task_has_prepaid(task, awaitable) || loop_pass(loop))) {
		task->awaited = awaitable;
		task->node.next = NULL;
		if (RARE(task->flags & TASK_DUE))
			note_awaited(task, awaitable);
		return 0;
	}
	return wait(task, awaitable, place, state);
}

int ferry_task_await(ferry_task *task, ferry_awaitable *awaitable, const ferry_place *place)
{
	return await(task, awaitable, place, TASK_WAITING);
}

int ferry_task_await_shielded(ferry_task *task, ferry_awaitable *awaitable,
			      const ferry_place *place)
{
	return await(task, awaitable, place, TASK_WAITING_SHIELDED);
}

int ferry_task_yield(ferry_task *task, const ferry_place *place)
{
	static ferry_awaitable a_turn = { AWAITABLE_DONE };
	struct ferry_loop *loop = task_loop(task);

	if (task_current(loop) != task)
		return -EPERM;
	task->awaited = &a_turn;
	task->state = TASK_YIELDING;
	note_wait(loop, task, place);
	task_drift(task);
	loop_make_ready(loop, &task->node);
	if (RARE(task->flags & TASK_DUE))
		task_deliver(task);
	return 1;
}

/* ---- ended ---- */

/* Those who waited look at it, and none of them may have it alone. So the task keeps it, as it
 * does for a hook behind which its futures are completed. */
static COLD uintptr_t failed_word(struct ferry_task *task, bool has_cleanup)
{
	if (!awaitable_has_several(&task->awaitable) && !(has_cleanup && task->attachments))
		return awaitable_done(AWAITABLE_EXCEPTION, task->exception);
	task->flags |= TASK_KEEPS | TASK_SEEN;
	return awaitable_done(AWAITABLE_BORROWED, task->exception);
}

static inline uintptr_t done_word(struct ferry_task *task, bool has_cleanup)
{
	if (RARE(task->flags & TASK_FAILED))
		return failed_word(task, has_cleanup);
	if (task->flags & TASK_CANCELLED)
		return awaitable_done(AWAITABLE_CANCELLED, NULL);
	return awaitable_done(AWAITABLE_RESULT, NULL);
}

/* To its futures, if there are any. Another thread may free the frame then: its last touch. An
 * exception that they or its group now have need not be dropped by anybody. */
static void hand_over(struct ferry_task *task)
{
	struct ferry_loop *loop = task_loop(task);
	ferry_attachment *futures = task->attachments;
	uintptr_t word = task->awaitable.word;
	uint64_t number = task_number(task);
	const ferry_error *held = task_take_exception(task);

	awaitable_forget_exception(&task->awaitable);
	unwrap_complete_behind(loop, futures, word, number);
	ferry_error_unref(held);
}

/* Not as a rule: it was listed, or waited for, or did not just return, or has more to it. */
static COLD ferry_step finish_otherwise(struct ferry_loop *loop, struct ferry_task *task)
{
	struct task_extra extra = { .cleanup = NULL };
	bool has_extra = task->attachments, is_awaited = awaitable_last(&task->awaitable);
	bool is_taken = false;
	uintptr_t word;

	if (has_extra && task_wait_for_groups(task))
		return FERRY_SUSPENDED;
	/* What hooks and those who wait for its futures do from here on is not its own doing; and
	 * it may be gone. */
	if (loop->activation->task == task)
		loop->activation->task = NULL;
	if (has_extra)
		extra = task_end_attachments(task);
	if (task->flags & TASK_LISTED)
		task_unlist(task);
	word = done_word(task, extra.cleanup);
	awaitable_complete(loop, &task->awaitable, word);
	if (task->scope != &loop->scope)
		is_taken = group_child_ended(group_of_scope(task->scope), task, word);
	/* Its group may go before it does. */
	task->scope = &loop->scope;
	if (extra.cleanup)
		task_queue_cleanup(task, extra.cleanup, extra.user);
	else if (!is_awaited && (is_taken || (has_extra && task->attachments)))
		hand_over(task);
	else if (has_extra && task->attachments)
		unwrap_complete_behind(loop, task->attachments, word, task_number(task));
	return STEP_ENDED;
}

/* It had been listed. */
static __attribute__((noinline)) ferry_step finish_listed(struct ferry_task *task)
{
	struct ferry_loop *loop = task_loop(task);

	task_unlist(task);
	task->scope = &loop->scope;
	task->awaitable.word = awaitable_done(AWAITABLE_RESULT, NULL);
	return STEP_ENDED;
}

ferry_step ferry_task_finish(ferry_task *task)
{
	struct ferry_loop *loop = task_loop(task);

	if (RARE(task->attachments || task->flags & TASK_SETTLED ||
		 awaitable_last(&task->awaitable)) ||
	    (task->scope != &loop->scope && !group_count_out(group_of_scope(task->scope))))
		return finish_otherwise(loop, task);
	if (task->flags & TASK_LISTED)
		return finish_listed(task);
	task->scope = &loop->scope;
	task->awaitable.word = awaitable_done(AWAITABLE_RESULT, NULL);
	return STEP_ENDED;
}
