/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wrapping: the outcome of a concurrent future, or of another local, as a local.
 *
 * On the loop's thread (step "copy" of a request that did not begin as an offload);
 * before it a completer posted the waiter, or the source local called back. Invariant:
 * one snapshot of the source gives the whole outcome; the source is held until the
 * local is freed, since result and exception stay the source's.
 */
#include "bridge/local.h"

static ferry_future *future_of(const struct ferry_local *local)
{
	return local->job.arg;
}

static ferry_local *source_of(const struct ferry_local *local)
{
	return local->job.arg;
}

/* What an exception of a concurrent future is on a loop. */
static const struct {
	const char *domain;
	int code;
	enum local_state state;
} conversions[] = {
	{ FERRY_DOMAIN_FERRY, FERRY_ERROR_CANCELLED, LOCAL_CANCELLED },
	{ FERRY_DOMAIN_ERRNO, ECANCELED, LOCAL_CANCELLED },
	{ FERRY_DOMAIN_FERRY, FERRY_ERROR_TIMED_OUT, LOCAL_EXCEPTION },
	{ FERRY_DOMAIN_FERRY, FERRY_ERROR_INVALID_STATE, LOCAL_EXCEPTION },
};

static enum local_state convert(const ferry_error *error)
{
	for (size_t i = 0; i < sizeof(conversions) / sizeof(*conversions); i++)
		if (ferry_error_number(error) == conversions[i].code &&
		    !strcmp(ferry_error_domain(error), conversions[i].domain))
			return conversions[i].state;
	return LOCAL_EXCEPTION;
}

/* Copies one snapshot: what the local's state is to be. */
static enum local_state copy(struct ferry_local *local, const ferry_snapshot *snapshot)
{
	if (snapshot->cancelled)
		return LOCAL_CANCELLED;
	if (!snapshot->exception) {
		local->job.future.result = snapshot->result;
		return LOCAL_RESULT;
	}
	local->job.future.exception = snapshot->exception;
	return local->kind == LOCAL_WRAP ? convert(snapshot->exception) : LOCAL_EXCEPTION;
}

void wrap_deliver(struct ferry_local *local, bool now)
{
	ferry_snapshot snapshot = ferry_future_snapshot(future_of(local));

	(now ? local_end_now : local_end)(local, copy(local, &snapshot));
}

ferry_local *ferry_wrap(ferry_loop *loop, ferry_future *future)
{
	struct ferry_local *local;
	int error = loop_check(loop);

	if (!error && !future)
		error = -EINVAL;
	/* Nobody would ever complete it here: the loop would wait for it for ever. */
	if (!error && future_is_orphan(future) && !word_is_done(future_word(future)))
		error = -ECHILD;
	if (error) {
		errno = -error;
		return NULL;
	}
	local = local_take(loop, LOCAL_WRAP, 0);
	if (!local)
		return NULL;
	local->job.arg = ferry_future_ref(future);
	local_begin(local, true);
	local->flags |= LOCAL_OUT;
	local->job.future.node.notify = local_arrive;
	error = ferry_future_attach(future, &local->job.future.node);
	if (error)
		local->flags &= (uint16_t)~LOCAL_OUT;
	if (error == -ECHILD) {
		/* As one that its user cancelled and let go. */
		local->refs = 0;
		local_end(local, LOCAL_CANCELLED);
		errno = ECHILD;
		return NULL;
	}
	if (error)
		wrap_deliver(local, false);
	return local;
}

void wrap_cancel(struct ferry_local *local)
{
	/* 0: the completer has the node, and will post it. */
	if (ferry_future_detach(future_of(local), &local->job.future.node) == 1)
		local->flags &= (uint16_t)~LOCAL_OUT;
	ferry_future_cancel(future_of(local));
}

void wrap_free(struct ferry_local *local)
{
	ferry_future_unref(future_of(local));
}

struct ferry_local *wrap_source(const struct ferry_local *local)
{
	return source_of(local);
}

int wrap_take(struct ferry_local *local, ferry_result *ret)
{
	while (local->kind == LOCAL_CHAIN)
		local = source_of(local);
	return ferry_future_take(local->kind == LOCAL_WRAP ? future_of(local) : &local->job.future,
				 ret);
}

/* ---- local to local ---- */

static void source_done(ferry_local *source, void *user)
{
	struct ferry_local *local = user;
	ferry_snapshot snapshot = ferry_local_snapshot(source);

	local_end(local, copy(local, &snapshot));
}

/* Would it wait for itself? Only a target that is waited for can be on the way back. */
static bool is_circular(const struct ferry_local *source, const struct ferry_local *target)
{
	while (callback_is_any(target) && source->kind == LOCAL_CHAIN && source != target)
		source = source_of(source);
	return source == target;
}

int ferry_local_chain(ferry_local *source, ferry_local *target)
{
	int error = local_check(source);

	if (!error)
		error = local_check(target);
	if (error)
		return error;
	if (source == target || local_loop(source) != local_loop(target))
		return -EINVAL;
	if (target->state != LOCAL_PENDING)
		return -EALREADY;
	if (target->kind != LOCAL_PLAIN || is_circular(source, target))
		return -EINVAL;
	if (local_loop(source)->closed)
		return -ESHUTDOWN;
	if (source->state == LOCAL_PENDING)
		error = ferry_local_add_done_callback(source, source_done, target);
	if (error)
		return error;
	target->kind = LOCAL_CHAIN;
	target->job.arg = ferry_local_ref(source);
	/* Nothing to wait for: the copy is made here, and only the callbacks take a turn. */
	if (source->state != LOCAL_PENDING)
		source_done(source, target);
	return 0;
}

void chain_forget(struct ferry_local *local)
{
	ferry_local_remove_done_callback(source_of(local), source_done, local);
}
