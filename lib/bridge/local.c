/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop-local future: made, completed, delivered, freed.
 *
 * On the loop's thread, but local_arrive(), which is the bridge's waiter and runs on
 * the completer's thread (steps "post" and "copy" of a request, between the completed
 * future and its callbacks). Invariants: callbacks run from the loop, never inside the
 * call that completes (L2); a block is freed when its post was delivered and nobody
 * holds its local, and an outcome that nobody took is disposed of then (F7); one that
 * comes after its loop closed is disposed of by who brings it (L3).
 */
#include "bridge/local.h"

/* ---- made ---- */

struct ferry_local *local_take(struct ferry_loop *loop, enum local_kind kind, size_t more)
{
	unsigned room = block_room(sizeof(struct ferry_local) + more);
	struct ferry_local *local;

	local = block_take(&loop->blocks, sizeof(*local) + more, room);
	if (!local) {
		errno = ENOMEM;
		return NULL;
	}
	future_init(&local->job.future, NULL, FUTURE_BRIDGED, 2);
	local->job.future.bridge = loop;
	local->job.arg = NULL;
	local->fn = NULL;
	local->more = NULL;
	local->refs = 1;
	local->kind = kind & 15;
	local->state = LOCAL_PENDING;
	local->flags = 0;
	local->room = room & 15;
	loop->live_blocks++;
	loop->evict = cancel_pending;
	return local;
}

void local_begin(struct ferry_local *local, bool counted)
{
	struct ferry_loop *loop = local_loop(local);

	cds_list_add_tail(&local->pending, &loop->pending);
	local->flags |= LOCAL_LISTED;
	if (counted) {
		local->flags |= LOCAL_COUNTED;
		loop_expect(loop);
	}
}

int local_refusal(const struct ferry_local *local)
{
	if (!local)
		return -EINVAL;
	if (local_loop(local)->generation != process_generation)
		return -ECHILD;
	return loop_is_mine(local_loop(local)) ? 0 : -EPERM;
}

int ferry_local_new(ferry_loop *loop, ferry_local **ret)
{
	struct ferry_local *local;
	int error = loop_check(loop);

	if (error || !ret)
		return error ? error : -EINVAL;
	local = local_take(loop, LOCAL_PLAIN, 0);
	if (!local)
		return -ENOMEM;
	local_begin(local, false);
	*ret = local;
	return 0;
}

/* ---- freed ---- */

/* Gives the memory back to where it came from. */
static void free_block(struct ferry_local *local)
{
	struct ferry_loop *loop = local_loop(local);

	/* A closed loop has no lists any more, and this may be any thread. */
	if (loop->closed) {
		memory_free(local);
		ferry_loop_unref(loop);
		return;
	}
	loop->live_blocks--;
	block_give(&loop->blocks, local, local->room);
}

/* Nobody holds it and nothing is out: the outcome goes, and the block. */
static void free_local(struct ferry_local *local)
{
	struct ferry_future *future = &local->job.future;
	struct ferry_loop *loop = local_loop(local);

	if (local->kind == LOCAL_WRAP)
		wrap_free(local);
	if (future_owns_nothing(future)) {
		free_block(local);
		return;
	}
	if (future_must_hand_over(future)) {
		struct home *home = future_home(future);

		/* The block goes to a worker of the pool, with the result. */
		if (home->hand_over(home, future)) {
			if (loop->closed)
				ferry_loop_unref(loop);
			else
				loop->live_blocks--;
			return;
		}
	}
	future_drop_outcome(future);
	free_block(local);
}

/* An exception that nobody looked at is told (L6); a result that nobody took counted. */
static void report_unseen(struct ferry_local *local)
{
	struct ferry_loop *loop = local_loop(local);
	struct ferry_future *future = &local->job.future;

	if (local->state == LOCAL_EXCEPTION && !(local->flags & LOCAL_SEEN)) {
		/* Seen from here on, and held: the handler may have turns of the loop. */
		local->flags |= LOCAL_SEEN;
		local->refs++;
		loop->counters.unseen++;
		if (loop->handler)
			loop->handler(loop, future->exception, loop->handler_user);
		local->refs--;
	}
}

static void count_dropped(struct ferry_local *local)
{
	uintptr_t word = future_word(&local->job.future);

	if (word_is_done(word) && word_outcome(word) == WORD_RESULT && !(word & WORD_TAKEN) &&
	    local->job.future.result.disposer)
		local_loop(local)->counters.dropped++;
}

/* A plain one that nobody can complete any more. */
static bool is_forsaken(const struct ferry_local *local)
{
	return local->kind == LOCAL_PLAIN && !local->refs && local->state == LOCAL_PENDING;
}

static void lose_reference(struct ferry_local *local)
{
	local->refs--;
	if (is_forsaken(local)) {
		cds_list_del(&local->pending);
		local->flags &= (uint16_t)~LOCAL_LISTED;
		callback_drop_all(local);
		local->state = LOCAL_CANCELLED;
	}
}

/* Does nobody need it any more? Then its exception, if nobody saw it, is told. */
static bool may_go(struct ferry_local *local)
{
	if (local->refs || local->state == LOCAL_PENDING ||
	    local->flags & (LOCAL_QUEUED | LOCAL_DROPPED))
		return false;
	if (!local_loop(local)->closed)
		report_unseen(local);
	return true;
}

void local_settle(struct ferry_local *local)
{
	if (!may_go(local))
		return;
	/* One after the other: a chain may be longer than the stack is deep. */
	while (local->kind == LOCAL_CHAIN) {
		struct ferry_local *source = wrap_source(local);

		free_local(local);
		lose_reference(source);
		if (!may_go(source))
			return;
		local = source;
	}
	if (!(local->flags & LOCAL_OUT)) {
		if (!local_loop(local)->closed)
			count_dropped(local);
		free_local(local);
		return;
	}
	local->flags |= LOCAL_DROPPED;
	/*
	 * [last-unref] acq_rel, partner: drop_completer(). While the loop is open the other
	 * side's reference comes with the post; once it is closed the last one frees.
	 */
	if (atomic_sub_acq_rel(&local->job.future.refs, 1) == 1)
		free_local(local);
}

/* On the completer's thread: the loop is closed, so nobody will have the outcome. */
static void drop_completer(struct ferry_local *local)
{
	/* [last-unref] acq_rel, partner: local_settle(). */
	if (atomic_sub_acq_rel(&local->job.future.refs, 1) == 1)
		free_local(local);
}

ferry_local *ferry_local_ref(ferry_local *local)
{
	if (local_check(local))
		return NULL;
	local->refs++;
	return local;
}

ferry_local *ferry_local_unref(ferry_local *local)
{
	if (!local || local_check(local))
		return local;
	lose_reference(local);
	local_settle(local);
	return NULL;
}

ferry_loop *ferry_local_loop(const ferry_local *local)
{
	return local ? local_loop(local) : NULL;
}

/* ---- done ---- */

void local_finish(struct ferry_local *local, enum local_state state)
{
	if (local->flags & LOCAL_LISTED)
		cds_list_del(&local->pending);
	if (local->flags & LOCAL_COUNTED)
		loop_expect_less(local_loop(local));
	local->flags &= (uint16_t)~(LOCAL_LISTED | LOCAL_COUNTED);
	local->state = (uint8_t)state;
	offload_end_expiry(local);
	if (local->flags & LOCAL_HELD) {
		local->flags &= (uint16_t)~LOCAL_HELD;
		local_loop(local)->call_ended(local);
	}
	if (local_loop(local)->closed)
		callback_drop_all(local);
}

static void call_soon(struct ferry_waiter *node)
{
	struct ferry_local *local = container(node, struct ferry_local, soon);

	local->flags &= (uint16_t)~LOCAL_QUEUED;
	if (local_loop(local)->closed)
		callback_drop_all(local);
	callback_call_all(local);
	local_settle(local);
}

void local_queue(struct ferry_local *local)
{
	if (local->flags & LOCAL_QUEUED)
		return;
	local->flags |= LOCAL_QUEUED;
	local->soon.notify = call_soon;
	loop_make_ready(local_loop(local), &local->soon);
}

void local_resume(struct ferry_local *local)
{
	local->flags |= LOCAL_QUEUED;
	local->soon.notify = call_soon;
	chain_prepend(&local_loop(local)->ready, &local->soon);
	local_loop(local)->ready_count++;
}

void local_end(struct ferry_local *local, enum local_state state)
{
	local_finish(local, state);
	if (callback_is_any(local))
		local_queue(local);
	else
		local_settle(local);
}

void local_end_now(struct ferry_local *local, enum local_state state)
{
	local_finish(local, state);
	callback_call_all(local);
	local_settle(local);
}

void local_set_outcome(struct ferry_local *local, enum word_outcome outcome)
{
	/* Relaxed: this thread is the only one that knows of it. */
	atomic_store_relaxed(&local->job.future.word,
			     WORD_DONE | (uintptr_t)outcome << WORD_OUTCOME_SHIFT);
}

/* ---- delivered ---- */

/* The job's own snapshot becomes the local's: the fields are shared. */
static void deliver_job(struct ferry_local *local)
{
	static const enum local_state states[] = {
		[WORD_RESULT] = LOCAL_RESULT,
		[WORD_EXCEPTION] = LOCAL_EXCEPTION,
		[WORD_CANCELLED] = LOCAL_CANCELLED,
	};

	local_end_now(local, states[word_outcome(future_word(&local->job.future))]);
}

bool local_is_borrowing(const struct ferry_local *local)
{
	return local->kind == LOCAL_OFFLOAD && local->flags & LOCAL_OUT &&
	       local->flags & LOCAL_BORROWS && !word_is_done(future_word(&local->job.future));
}

/* The post is here, and with it the completer's reference. */
static void deliver(struct ferry_waiter *node)
{
	struct ferry_local *local = container(node, struct ferry_local, job.future.node);

	local->flags &= (uint16_t)~LOCAL_OUT;
	if (local->flags & LOCAL_FS && !local_loop(local)->closed) {
		/* Held: hooks of calls that go on in its place may let go of it. */
		local->refs++;
		local_loop(local)->call_returned(local);
		local->refs--;
	}
	if (local->flags & LOCAL_DROPPED) {
		if (!local_loop(local)->closed)
			count_dropped(local);
		free_local(local);
	} else if (local->state != LOCAL_PENDING) {
		if (local->flags & LOCAL_AWAITED)
			callback_tell_of_return(local);
		local_settle(local);
	} else if (local->kind == LOCAL_WRAP) {
		wrap_deliver(local, true);
	} else {
		deliver_job(local);
	}
}

void local_arrive(struct ferry_waiter *node)
{
	struct ferry_local *local = container(node, struct ferry_local, job.future.node);

	node->notify = deliver;
	if (!loop_post(local_loop(local), node))
		drop_completer(local);
}

/* ---- completed by the caller ---- */

static int check_own(const struct ferry_local *local)
{
	int error = local_check(local);

	if (error)
		return error;
	if (local->state != LOCAL_PENDING)
		return -EALREADY;
	return local->kind == LOCAL_PLAIN ? 0 : -EINVAL;
}

int ferry_local_set_result(ferry_local *local, ferry_result result)
{
	int error = check_own(local);

	if (!error && result.disposer && result.disposer->kind == FERRY_DISPOSE_BLOCKING)
		error = -EINVAL;
	if (error)
		return error;
	local->job.future.result = result;
	local_set_outcome(local, WORD_RESULT);
	local_end(local, LOCAL_RESULT);
	return 0;
}

int ferry_local_set_exception(ferry_local *local, const ferry_error *error)
{
	int refused = check_own(local);

	if (!refused && !error)
		refused = -EINVAL;
	if (refused)
		return refused;
	local->job.future.exception = error;
	local_set_outcome(local, WORD_EXCEPTION);
	local_end(local, LOCAL_EXCEPTION);
	return 0;
}

/* ---- looked at ---- */

ferry_snapshot ferry_local_snapshot(ferry_local *local)
{
	ferry_snapshot snapshot = { .done = 0 };

	if (local_check(local))
		return snapshot;
	snapshot.done = local->state != LOCAL_PENDING;
	/* The usual outcome first, and each field on its own: this is the hot path. */
	if (local->state == LOCAL_RESULT) {
		snapshot.result.u64 = local->job.future.result.u64;
		snapshot.result.disposer = local->job.future.result.disposer;
	} else if (local->state == LOCAL_EXCEPTION) {
		snapshot.exception = local->job.future.exception;
		local->flags |= LOCAL_SEEN;
	} else {
		snapshot.cancelled = local->state == LOCAL_CANCELLED;
	}
	return snapshot;
}

int ferry_local_take(ferry_local *local, ferry_result *ret)
{
	int error = local_check(local);

	if (error || !ret)
		return error ? error : -EINVAL;
	if (local->state == LOCAL_PENDING)
		return -EAGAIN;
	if (local->state != LOCAL_RESULT)
		return -ENODATA;
	if (local->kind == LOCAL_WRAP || local->kind == LOCAL_CHAIN)
		return wrap_take(local, ret);
	return ferry_future_take(&local->job.future, ret);
}
