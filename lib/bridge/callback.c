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
	struct ferry_waiter node; /* in the local's ring; or on the ready list */
	struct ferry_local *local;
	ferry_local_callback fn; /* NULL: taken back */
	void *user;
};
#define CALLBACK_ROOM 0
_Static_assert(sizeof(struct callback) <= BLOCK_LEAST, "a callback fits the smallest block");

static struct callback *callback_of(struct ferry_waiter *node)
{
	return container(node, struct callback, node);
}

static void callback_free(struct callback *callback)
{
	block_give(&local_loop(callback->local)->blocks, callback, CALLBACK_ROOM);
}

/* The notify of one in the ring: its turn has come. */
static void call_waiting(struct ferry_waiter *node)
{
	struct callback called = *callback_of(node);

	callback_free(callback_of(node));
	if (called.fn)
		called.fn(called.local, called.user);
}

static struct callback *callback_new(struct ferry_local *local, ferry_local_callback fn, void *user)
{
	struct callback *callback;

	callback = block_take(&local_loop(local)->blocks, sizeof(*callback), CALLBACK_ROOM);
	if (callback)
		*callback = (struct callback){ { NULL, call_waiting }, local, fn, user };
	return callback;
}

bool callback_is_any(const struct ferry_local *local)
{
	return local->fn || local->more;
}

/* Takes the oldest of a ring, of which the last is given; NULL if it is empty. */
static struct ferry_waiter *take_oldest(struct ferry_waiter **ring)
{
	struct ferry_waiter *last = *ring, *oldest;

	if (!last)
		return NULL;
	oldest = last->next;
	if (oldest == last)
		*ring = NULL;
	else
		last->next = oldest->next;
	return oldest;
}

static void append(struct ferry_waiter **ring, struct ferry_waiter *node)
{
	if (*ring) {
		node->next = (*ring)->next;
		(*ring)->next = node;
	} else {
		node->next = node;
	}
	*ring = node;
}

/* True if it was there. It goes round once, so the order of the others stays. */
static bool take_out(struct ferry_waiter **ring, struct ferry_waiter *node)
{
	const struct ferry_waiter *last = *ring;
	bool found = false;

	for (bool is_last = !last; !is_last;) {
		struct ferry_waiter *each = take_oldest(ring);

		is_last = each == last;
		if (each == node)
			found = true;
		else
			append(ring, each);
	}
	return found;
}

/* Charges the turn for one more callback: false if the turn is over. */
static bool charge(struct ferry_loop *loop)
{
	if (loop_is_stopped(loop) || !loop->left)
		return false;
	loop_handle(loop);
	return true;
}

void callback_call_all(struct ferry_local *local)
{
	ferry_local_callback fn = local->fn;
	struct ferry_waiter *node;
	bool paid = true; /* the turn was charged for one of them */

	/* Held while they run: one of them may drop the last reference. */
	local->refs++;
	if (fn) {
		local->fn = NULL;
		fn(local, local->user);
		paid = false;
	}
	/* None is added any more: what is added to a done local has an entry of its own. */
	for (; local->more; paid = false) {
		if (!paid && !charge(local_loop(local))) {
			local_resume(local);
			break;
		}
		node = take_oldest(&local->more);
		node->notify(node);
	}
	local->refs--;
}

void callback_drop_all(struct ferry_local *local)
{
	struct ferry_waiter *node;

	local->fn = NULL;
	while ((node = take_oldest(&local->more)))
		if (node->notify == call_waiting)
			callback_free(callback_of(node));
		else
			/* A higher floor's, which sees that the loop has closed. */
			loop_make_ready(local_loop(local), node);
}

void callback_attach(struct ferry_local *local, struct ferry_waiter *node)
{
	append(&local->more, node);
}

bool callback_detach(struct ferry_local *local, struct ferry_waiter *node)
{
	return take_out(&local->more, node);
}

/* ---- the return of its function ---- */

/* The place of the first callback is free, and has the last of those who wait. */
static struct ferry_waiter *returns_of(const struct ferry_local *local)
{
	return local->flags & LOCAL_AWAITED ? local->user : NULL;
}

/* The loop has something to wait for as long as there are any. */
static void set_returns(struct ferry_local *local, struct ferry_waiter *ring)
{
	bool had = local->flags & LOCAL_AWAITED;

	local->user = ring;
	if (had == (ring != NULL))
		return;
	local->flags ^= LOCAL_AWAITED;
	if (ring)
		loop_expect(local_loop(local));
	else
		loop_expect_less(local_loop(local));
}

void callback_await_return(struct ferry_local *local, struct ferry_waiter *node)
{
	struct ferry_waiter *ring = returns_of(local);

	append(&ring, node);
	set_returns(local, ring);
}

void callback_forget_return(struct ferry_local *local, struct ferry_waiter *node)
{
	struct ferry_waiter *ring = returns_of(local);

	take_out(&ring, node);
	set_returns(local, ring);
}

void callback_tell_of_return(struct ferry_local *local)
{
	struct ferry_waiter *ring, *node;

	/* Held: whoever is told may let go of it, or keep others from being told. */
	local->refs++;
	while ((ring = returns_of(local))) {
		node = take_oldest(&ring);
		set_returns(local, ring);
		node->notify(node);
	}
	local->refs--;
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
	if (callback_is_any(local) || local->flags & (LOCAL_QUEUED | LOCAL_AWAITED))
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
		append(&local->more, &callback->node);
	} else {
		local->refs++;
		callback->node.notify = call_late;
		loop_make_ready(local_loop(local), &callback->node);
	}
	return 0;
}

static bool is_equal(struct ferry_waiter *node, ferry_local_callback fn, const void *user)
{
	return node->notify == call_waiting && callback_of(node)->fn == fn &&
	       callback_of(node)->user == user;
}

/* Those that wait on the ready list on their own: they are called with nothing. */
static int remove_late(struct ferry_local *local, ferry_local_callback fn, void *user)
{
	int removed = 0;

	for (struct ferry_waiter *node = local_loop(local)->ready.first; node; node = node->next)
		if (node->notify == call_late && callback_of(node)->local == local &&
		    callback_of(node)->fn == fn && callback_of(node)->user == user) {
			callback_of(node)->fn = NULL;
			removed++;
		}
	return removed;
}

/* Nobody is being called yet: they go at once, lest they gather in a local that waits for
 * long. The ring goes round once, so the order of the others stays. */
static int remove_waiting(struct ferry_local *local, ferry_local_callback fn, void *user)
{
	const struct ferry_waiter *last = local->more;
	int removed = 0;

	for (bool is_last = !last; !is_last;) {
		struct ferry_waiter *node = take_oldest(&local->more);

		is_last = node == last;
		if (is_equal(node, fn, user)) {
			callback_free(callback_of(node));
			removed++;
		} else {
			append(&local->more, node);
		}
	}
	return removed;
}

int ferry_local_remove_done_callback(ferry_local *local, ferry_local_callback fn, void *user)
{
	int error = local_check(local), removed = 0;
	struct ferry_waiter *node;

	if (error || !fn)
		return error ? error : -EINVAL;
	if (local->fn == fn && local->user == user) {
		local->fn = NULL;
		removed++;
	}
	if (local->state == LOCAL_PENDING)
		return removed + remove_waiting(local, fn, user);
	/* Marked, and skipped when its turn comes: the order of the others stays. */
	node = local->more;
	while (node) {
		node = node->next;
		if (is_equal(node, fn, user)) {
			callback_of(node)->fn = NULL;
			removed++;
		}
		if (node == local->more)
			break;
	}
	return removed + remove_late(local, fn, user);
}
