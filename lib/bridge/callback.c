/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Done-callbacks of a local.
 *
 * On the loop's thread (step "deliver" of a request), after the outcome became the
 * local's. Invariant (L2): each is called once, from the loop, in the order added; one
 * that is added to a done local waits for a turn. The first needs no memory: it lies in
 * the local, and so does the ready entry that has it called.
 */
#include "bridge/local.h"

struct callback {
	struct ferry_waiter node; /* next in the local's ring; or on the ready list */
	struct ferry_local *local;
	ferry_local_callback fn;  /* NULL: taken back */
	void *user;
};
#define CALLBACK_ROOM 0
_Static_assert(sizeof(struct callback) <= BLOCK_LEAST, "a callback fits the smallest block");

static struct callback *callback_of(struct ferry_waiter *node)
{
	return container(node, struct callback, node);
}

static struct callback *callback_new(struct ferry_local *local, ferry_local_callback fn,
				     void *user)
{
	struct callback *callback;

	callback = block_take(&local_loop(local)->blocks, sizeof(*callback), CALLBACK_ROOM);
	if (callback)
		*callback = (struct callback){ { NULL, NULL }, local, fn, user };
	return callback;
}

static void callback_free(struct callback *callback)
{
	block_give(&local_loop(callback->local)->blocks, callback, CALLBACK_ROOM);
}

bool callback_is_any(const struct ferry_local *local)
{
	return local->fn || local->more;
}

/* Takes the oldest of the ring; NULL if it is empty. */
static struct callback *take_oldest(struct ferry_local *local)
{
	struct callback *last = local->more, *oldest;

	if (!last)
		return NULL;
	oldest = callback_of(last->node.next);
	if (oldest == last)
		local->more = NULL;
	else
		last->node.next = oldest->node.next;
	return oldest;
}

static void append(struct ferry_local *local, struct callback *callback)
{
	if (local->more) {
		callback->node.next = local->more->node.next;
		local->more->node.next = &callback->node;
	} else {
		callback->node.next = &callback->node;
	}
	local->more = callback;
}

/* Charges the turn for one more callback: false if the turn is over. */
static bool charge(struct ferry_loop *loop)
{
	if (loop_is_stopped(loop) || !loop->left)
		return false;
	loop->left--;
	return true;
}

void callback_call_all(struct ferry_local *local)
{
	ferry_local_callback fn = local->fn;
	struct callback *callback, *last = local->more;
	bool paid = true; /* the turn was charged for one of them */

	/* Held while they run: one of them may drop the last reference. */
	local->refs++;
	if (fn) {
		local->fn = NULL;
		fn(local, local->user);
		paid = false;
	}
	for (bool is_last = !last; !is_last; paid = false) {
		struct callback called;

		if (!paid && !charge(local_loop(local))) {
			local_resume(local);
			break;
		}
		callback = take_oldest(local);
		is_last = callback == last;
		called = *callback;
		callback_free(callback);
		if (called.fn)
			called.fn(local, called.user);
	}
	local->refs--;
}

void callback_drop_all(struct ferry_local *local)
{
	struct callback *callback;

	local->fn = NULL;
	while ((callback = take_oldest(local)))
		callback_free(callback);
}

/* Added to a local that was done: a ready entry of its own. */
static void call_late(struct ferry_waiter *node)
{
	struct callback called = *callback_of(node);

	callback_free(callback_of(node));
	if (called.fn && !local_loop(called.local)->closed)
		called.fn(called.local, called.user);
	ferry_local_unref(called.local);
}

/* The local is done, and its first place is free: it is queued with the local itself. */
static bool add_first_late(struct ferry_local *local, ferry_local_callback fn, void *user)
{
	if (callback_is_any(local) || local->flags & LOCAL_QUEUED)
		return false;
	local->fn = fn;
	local->user = user;
	local_queue(local);
	return true;
}

int ferry_local_add_done_callback(ferry_local *local, ferry_local_callback fn, void *user)
{
	struct callback *callback;
	int error = local_check(local);

	if (!error && !fn)
		error = -EINVAL;
	if (!error && local_loop(local)->closed)
		error = -ESHUTDOWN;
	if (error)
		return error;
	if (local->state == LOCAL_PENDING && !callback_is_any(local)) {
		local->fn = fn;
		local->user = user;
		return 0;
	}
	if (local->state != LOCAL_PENDING && add_first_late(local, fn, user))
		return 0;
	callback = callback_new(local, fn, user);
	if (!callback)
		return -ENOMEM;
	if (local->state == LOCAL_PENDING) {
		append(local, callback);
	} else {
		local->refs++;
		callback->node.notify = call_late;
		loop_make_ready(local_loop(local), &callback->node);
	}
	return 0;
}

static bool is_equal(const struct callback *callback, ferry_local_callback fn, const void *user)
{
	return callback->fn == fn && callback->user == user;
}

/* Those that wait on the ready list on their own: they are called with nothing. */
static int remove_late(struct ferry_local *local, ferry_local_callback fn, void *user)
{
	int removed = 0;

	for (struct ferry_waiter *node = local_loop(local)->ready.first; node; node = node->next)
		if (node->notify == call_late && callback_of(node)->local == local &&
		    is_equal(callback_of(node), fn, user)) {
			callback_of(node)->fn = NULL;
			removed++;
		}
	return removed;
}

/* Nobody is being called yet: they go at once, lest they gather in a local that waits for
 * long. The ring goes round once, so the order of the others stays. */
static int remove_waiting(struct ferry_local *local, ferry_local_callback fn, void *user)
{
	const struct callback *last = local->more;
	int removed = 0;

	for (bool is_last = !last; !is_last;) {
		struct callback *callback = take_oldest(local);

		is_last = callback == last;
		if (is_equal(callback, fn, user)) {
			callback_free(callback);
			removed++;
		} else {
			append(local, callback);
		}
	}
	return removed;
}

int ferry_local_remove_done_callback(ferry_local *local, ferry_local_callback fn, void *user)
{
	int error = local_check(local), removed = 0;
	struct callback *last;

	if (error || !fn)
		return error ? error : -EINVAL;
	if (local->fn == fn && local->user == user) {
		local->fn = NULL;
		removed++;
	}
	if (local->state == LOCAL_PENDING)
		return removed + remove_waiting(local, fn, user);
	/* Marked, and skipped when its turn comes: the order of the others stays. */
	last = local->more;
	for (struct callback *callback = last ? callback_of(last->node.next) : NULL; callback;
	     callback = callback == last ? NULL : callback_of(callback->node.next))
		if (is_equal(callback, fn, user)) {
			callback->fn = NULL;
			removed++;
		}
	return removed + remove_late(local, fn, user);
}
