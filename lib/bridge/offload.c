/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Offloading: a function run by a pool, its outcome a local.
 *
 * On the loop's thread (step "submit" of a request); after it the job is the pool's,
 * and comes back as a post. Invariants: one block from the loop's free list holds the
 * future, the job and the local; the bridge's waiter is in the future's word from
 * birth, so completing it posts it with nothing to attach; a cancelled local is done at
 * once, and its block stays until the function has returned (L4).
 */
#include "base/options.h"
#include "bridge/local.h"

static struct local_tail *tail_of(struct ferry_local *local)
{
	return (struct local_tail *)future_tail(&local->job.future);
}

/* ---- deadlines ---- */

/* The job's deadline: if it is still queued it ends here, at once (P10). */
static void expire(struct ferry_timer *timer)
{
	struct ferry_local *local = container(timer, struct local_tail, expiry)->local;

	local_loop(local)->expiries--;
	/* While the loop closes its timers are fired to be freed; the job is evicted. */
	if (!local_loop(local)->closed)
		offload_expire(local, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
}

void offload_end_expiry(struct ferry_local *local)
{
	if (local->kind != LOCAL_OFFLOAD || !local->job.future.tail ||
	    !tail_of(local)->expiry.index)
		return;
	timer_remove(&local_loop(local)->timers, &tail_of(local)->expiry);
	local_loop(local)->expiries--;
}

static int begin_expiry(struct ferry_local *local, uint64_t deadline_ns)
{
	struct local_tail *tail = tail_of(local);
	int error;

	if (!tail)
		return 0;
	tail->local = local;
	tail->expiry = (struct ferry_timer){ .fire = expire };
	if (!deadline_ns || deadline_ns == FERRY_NO_DEADLINE)
		return 0;
	/* Counted first: a host that is told of it shall not go on for it. */
	local_loop(local)->expiries++;
	error = loop_add_timer(local_loop(local), &tail->expiry, deadline_ns);
	local_loop(local)->expiries -= error != 0;
	return error;
}

/* ---- submitting ---- */

/* Something that cannot be a local born failed. */
static struct ferry_local *fail(int error)
{
	errno = -error;
	return NULL;
}

/* The waiter of the bridge is the only one there ever is: it is set, not attached. */
static void attach_bridge(struct ferry_local *local)
{
	struct ferry_waiter *node = &local->job.future.node;

	node->next = NULL;
	node->notify = local_arrive;
	/* Relaxed: nobody else has seen the future yet. */
	atomic_store_relaxed(&local->job.future.word, (uintptr_t)node | WORD_PENDING);
}

struct ferry_local *offload_make(struct ferry_loop *loop, const ferry_job_options *options,
				 size_t more, void **payload)
{
	size_t tail_bytes = job_wants_tail(options) ? sizeof(struct local_tail) : 0;
	struct ferry_local *local = local_take(loop, LOCAL_OFFLOAD, tail_bytes + more);

	if (local)
		local->job.arg = *payload = (char *)(local + 1) + tail_bytes;
	return local;
}

void offload_begin(struct ferry_local *local, struct ferry_pool *pool, ferry_function fn,
		   const ferry_job_options *options)
{
	job_init(&local->job, &pool->core->home, FUTURE_BRIDGED, 2, fn, local->job.arg, options,
		 sizeof(*local));
	attach_bridge(local);
	local_begin(local, true);
}

void offload_answer(struct ferry_local *local, struct ferry_pool *pool, int returned,
		    ferry_result result)
{
	struct ferry_future *future = &local->job.future;

	if (returned) {
		future->exception = job_exception_of(returned, &result);
		local_set_outcome(local, WORD_EXCEPTION);
		local->state = LOCAL_EXCEPTION;
		return;
	}
	future->result = result;
	/* As a job's result: what only a pool can dispose of holds it. */
	if (result.disposer && result.disposer->kind == FERRY_DISPOSE_BLOCKING) {
		future->flags |= FUTURE_JOB;
		*future_home_place(future) = pool->core->home.ref(&pool->core->home);
	}
	local_set_outcome(local, WORD_RESULT);
	local->state = LOCAL_RESULT;
}

/* Release is called, as if it had been accepted and dropped. */
struct ferry_local *offload_refuse(struct ferry_local *local, const ferry_error *error)
{
	struct future_tail *tail = future_tail(&local->job.future);

	/* Nobody else may hold one that was held back. */
	local->refs++;
	local->job.future.exception = error;
	local_set_outcome(local, WORD_EXCEPTION);
	local_end(local, LOCAL_EXCEPTION);
	/* The caller's hook: last, when the local is done, whatever it does. */
	if (tail && tail->dropped)
		tail->dropped(&local->job.future);
	local->refs--;
	local_settle(local);
	return local;
}

struct ferry_local *offload_submit(struct ferry_local *local, struct core *core,
				   const ferry_job_options *options)
{
	bool held = local->flags & LOCAL_HELD;
	int error = held ? 0 : begin_expiry(local, options->deadline_ns);

	/* Set before: a worker may post it before submit returns. */
	local->flags |= LOCAL_OUT;
	if (!error)
		error = submit_job(core, &local->job, options);
	if (!error) {
		local->flags &= (uint16_t)~LOCAL_HELD;
		return local;
	}
	local->flags &= (uint16_t)~LOCAL_OUT;
	return offload_refuse(local, ferry_error_from_errno(-error));
}

int offload_hold(struct ferry_local *local, const ferry_job_options *options)
{
	int error = begin_expiry(local, options->deadline_ns);

	if (!error)
		local->flags |= LOCAL_HELD;
	return error;
}

bool offload_expire(struct ferry_local *local, const ferry_error *error)
{
	/* No worker can begin it; and a hook must not find it among those that wait. One that is
	 * out besides is being run by who submits it, because the queue is full. */
	if ((local->flags & (LOCAL_HELD | LOCAL_OUT)) == LOCAL_HELD) {
		offload_refuse(local, error);
		return true;
	}
	if (!future_expire_silently(&local->job.future, error))
		return false;
	/* The release hook has run, and may have cancelled it; its block is out in any case. */
	if (local->state == LOCAL_PENDING)
		local_end_now(local, LOCAL_EXCEPTION);
	return true;
}

static int check(struct ferry_loop *loop, struct ferry_pool *pool)
{
	int error = loop_check(loop);

	return error ? error : submit_check(pool);
}

ferry_local *ferry_offload(ferry_loop *loop, ferry_pool *pool, ferry_function fn, void *arg,
			   const ferry_job_options *given)
{
	ferry_job_options options;
	struct ferry_local *local;
	void *payload;
	int error = check(loop, pool);

	if (!error && !fn)
		error = -EINVAL;
	if (!error)
		error = submit_read_options(pool->core, given, &options);
	if (error)
		return fail(error);
	local = offload_make(loop, &options, 0, &payload);
	if (!local)
		return NULL;
	local->job.arg = arg;
	if (arg)
		local->flags |= LOCAL_BORROWS;
	offload_begin(local, pool, fn, &options);
	return offload_submit(local, pool->core, &options);
}

void offload_cancel(struct ferry_local *local)
{
	if (!(local->flags & LOCAL_KEEP))
		future_cancel_silently(&local->job.future);
}
