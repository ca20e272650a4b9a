/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cancelling a loop-local future, and with it what would have completed it.
 *
 * On the loop's thread, instead of the steps "drain" to "deliver" of a request. Invariants:
 * the local is CANCELLED at once and its future is asked to cancel (L4); its callbacks run
 * from the loop (L2).
 */
#include "bridge/local.h"

/* Whoever would have completed it is asked, or told to forget it. */
static void cancel_source(struct ferry_local *local)
{
	switch ((enum local_kind)local->kind) {
	case LOCAL_PLAIN:
	case LOCAL_CHAIN: /* that one is a local, and cancelled next */
		break;
	case LOCAL_OFFLOAD:
		offload_cancel(local);
		break;
	case LOCAL_WRAP:
		wrap_cancel(local);
		break;
	case LOCAL_WATCH:
		watch_cancel(local);
		break;
	}
}

int ferry_local_cancel(ferry_local *local)
{
	int error = local_check(local);
	struct ferry_local *each, *source;

	if (error)
		return error;
	if (local->state != LOCAL_PENDING)
		return -EALREADY;
	/* Held, and with it what it is chained to. Hooks of the caller's run in the end: by
	 * then all are done and queued, whatever the hooks do, closing the loop included. */
	local->refs++;
	for (each = local;; each = source) {
		local_finish(each, LOCAL_CANCELLED);
		if (callback_is_any(each))
			local_queue(each);
		source = each->kind == LOCAL_CHAIN ? wrap_source(each) : NULL;
		if (!source)
			break;
		chain_forget(each);
		if (source->state != LOCAL_PENDING)
			break;
	}
	cancel_source(each);
	local->refs--;
	local_settle(local);
	return 1;
}

void cancel_pending(struct ferry_loop *loop)
{
	while (!cds_list_empty(&loop->pending))
		ferry_local_cancel(cds_list_first_entry(&loop->pending, struct ferry_local,
							pending));
}
