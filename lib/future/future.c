/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The concurrent future: snapshot, completion, cancellation, taking.
 *
 * Any thread calls these: workers and foreign threads complete (step "complete" of a
 * request), anyone looks or cancels. Before it the pool's worker ran the function;
 * after it the waiters are notified: a blocked thread, or the bridge, which posts to
 * its loop. Invariant: the outcome's fields are written before the word says done and
 * never after (F2); whoever moves the word to done owns the waiters (F5).
 */
#include "future/future.h"

#include "base/list.h"
#include "base/memory.h"
#include "base/park.h"
#include "base/probe.h"
#include "base/thread.h"

void future_init(struct ferry_future *future, struct home *home, unsigned flags, uint32_t refs)
{
	/* Relaxed, all: nobody else has seen the future yet. */
	atomic_store_relaxed(&future->word, WORD_PENDING);
	atomic_store_relaxed(&future->refs, refs);
	future->flags = (uint8_t)flags;
	*future_home_place(future) = home;
	future->tail = 0;
	future->lane = 0;
	/* Relaxed: as above. */
	atomic_store_relaxed(&future->generation, (uint8_t)process_generation);
}

/* ---- looking ---- */

const char *ferry_future_name(const ferry_future *future)
{
	const struct future_tail *tail = future ? future_tail((ferry_future *)future) : NULL;

	return tail && tail->name[0] ? tail->name : NULL;
}

ferry_snapshot future_snapshot_of(const struct ferry_future *future, uintptr_t word)
{
	ferry_snapshot snapshot = { .done = word_is_done(word) };

	if (!snapshot.done)
		return snapshot;
	/* The usual outcome first, and each field on its own: this is the hot path. */
	if (word_outcome(word) == WORD_RESULT) {
		snapshot.result.u64 = future->result.u64;
		snapshot.result.disposer = future->result.disposer;
	} else if (word_outcome(word) == WORD_EXCEPTION) {
		snapshot.exception = future->exception;
	} else {
		snapshot.cancelled = 1;
	}
	return snapshot;
}

/*
 * [complete-snapshot] The load in future_word() is acquire; its partner is the release
 * of whoever completed (change() below). What crosses: the outcome's fields and all
 * that the function wrote. Relaxed, a done word could come with a stale pointer.
 */
ferry_snapshot ferry_future_snapshot(const ferry_future *future)
{
	if (!future)
		return (ferry_snapshot){ .done = 0 };
	return future_snapshot_of(future, future_word(future));
}

int ferry_future_cancel_requested(const ferry_future *future)
{
	if (!future)
		return -EINVAL;
	/* Relaxed: a question whose answer may be old; nothing is read because of it. */
	return word_is_asked(atomic_load_relaxed((_Atomic uintptr_t *)&future->word));
}

int ferry_future_take(ferry_future *future, ferry_result *ret)
{
	uintptr_t word;

	if (!future || !ret)
		return -EINVAL;
	word = future_word(future);
	for (;;) {
		struct word_step step = word_take(word);

		if (step.action == WORD_REFUSE) {
			if (!word_is_done(word))
				return -EAGAIN;
			return word_outcome(word) == WORD_RESULT ? -EALREADY : -ENODATA;
		}
		/*
		 * [complete-snapshot] acquire: the result may be read. [take-drop] release,
		 * partner: last-unref's load of TAKEN; the order of the two decides who disposes.
		 */
		if (atomic_swap_if_acq_rel(&future->word, &word, step.next))
			break;
	}
	*ret = future->result;
	return 0;
}

/* ---- forks ---- */

/* What an orphan's generation becomes: it stays an orphan. */
static uint8_t adopted(uint8_t generation)
{
	return UINT8_MAX ^ generation;
}

/*
 * A thread of the parent may have held LIST as the process forked. It is not here, so the
 * child must not wait for it. Whoever is about to take LIST of a future that is older than
 * the process marks it first, if LIST is free: from then on a holder is somebody who is
 * here, and is waited for. All the others find the mark missing, and give up.
 */
static void adopt(struct ferry_future *future)
{
	uint8_t ours = (uint8_t)process_generation;
	/* Relaxed: the exchange that takes LIST publishes it; others read it after that. */
	uint8_t made = atomic_load_relaxed(&future->generation);
	uintptr_t word;

	if (made == ours || made == adopted(ours))
		return;
	word = future_word(future);
	if (word_is_done(word) || word & WORD_LIST)
		return;
	/* Relaxed: as above. All who write it write the same. */
	atomic_store_relaxed(&future->generation,
			     future_is_assigned(future) ? adopted(ours) : ours);
}

/* Of a word that was loaded with acquire: will LIST never be given back? */
static bool is_held_for_ever(struct ferry_future *future, uintptr_t word)
{
	uint8_t ours = (uint8_t)process_generation;
	/* Relaxed: the mark came before LIST, which was seen with acquire. */
	uint8_t made = atomic_load_relaxed(&future->generation);

	return word & WORD_LIST && made != ours && made != adopted(ours);
}

/* ---- changing the word ---- */

/*
 * One step of the word, repeated until it is applied or refused, or LIST is held for ever.
 * Returns the word that was there; *applied says which. Every change of every future is made
 * here or in attach and take, and all are read-modify-writes, so releases chain.
 *
 * [complete-snapshot] release: the outcome's fields, written before, are visible to
 * whoever loads done with acquire. [attach-complete] acquire: the waiters that other
 * threads linked may be walked. [submit-run], [ask-poll]: nothing more is needed.
 * Weaker: a snapshot reads a stale result, or a completer walks a half-linked list.
 */
#define change(future, transition, applied)                                                     \
	__extension__({                                                                          \
		uintptr_t word = atomic_load_relaxed(&(future)->word);                           \
		unsigned turn = 0;                                                               \
		for (;;) {                                                                       \
			struct word_step step = transition;                                      \
			if (step.action == WORD_REFUSE) {                                        \
				*(applied) = false;                                              \
				break;                                                           \
			}                                                                        \
			if (step.action == WORD_WAIT) {                                          \
				park_spin(&turn);                                                \
				word = future_word(future);                                      \
				if (!is_held_for_ever(future, word))                             \
					continue;                                                \
				*(applied) = false;                                              \
				break;                                                           \
			}                                                                        \
			/* acq_rel: both edges named above. */                                   \
			if (atomic_swap_if_acq_rel(&(future)->word, &word, step.next)) {         \
				*(applied) = true;                                               \
				break;                                                           \
			}                                                                        \
		}                                                                                \
		word;                                                                            \
	})

/*
 * Notifies in the order attached (F5). The node's next is read before its notify,
 * which is the last touch: the waiter may be gone when it returns.
 */
static void notify(struct ferry_waiter *newest)
{
	struct ferry_waiter *waiter = chain_reverse(newest);

	while (waiter) {
		struct ferry_waiter *next = waiter->next;

		waiter->notify(waiter);
		waiter = next;
	}
}

uintptr_t future_set_running(struct ferry_future *future)
{
	bool applied;
	uintptr_t word = change(future, word_set_running(word), &applied);

	return applied ? 0 : word;
}

/* Why a change was not applied, of the word that was there. */
static int refusal(uintptr_t word)
{
	return word_is_done(word) ? -EALREADY : -ECHILD;
}

int future_complete_held(struct ferry_future *future, enum word_outcome outcome,
			 ferry_result result, const ferry_error *exception)
{
	bool applied;
	uintptr_t word;

	adopt(future);
	word = change(future, word_hold(word), &applied);
	if (!applied)
		return refusal(word);
	if (outcome == WORD_RESULT)
		future->result = result;
	else if (outcome == WORD_EXCEPTION)
		future->exception = exception;
	word = change(future, word_publish(word, outcome), &applied);
	notify(word_waiters(word));
	return 0;
}

void future_finish(struct ferry_future *future, enum word_outcome outcome, ferry_result result,
		   const ferry_error *exception)
{
	bool applied;
	uintptr_t word;

	/*
	 * Somebody took LIST to expire it before it ran, and may be writing; once it runs
	 * nobody begins to. [attach-complete] acquire: if LIST is free again, that write is
	 * over.
	 */
	if (future_word(future) & WORD_LIST) {
		future_complete_held(future, outcome, result, exception);
		return;
	}
	if (outcome == WORD_RESULT)
		future->result = result;
	else if (outcome == WORD_EXCEPTION)
		future->exception = exception;
	word = change(future, word_complete(word, outcome), &applied);
	notify(word_waiters(word));
}

/* Called by the one who ended it before it ran. */
static void drop_unrun(struct ferry_future *future)
{
	struct future_tail *tail = future_tail(future);

	if (tail && tail->dropped)
		tail->dropped(future);
}

static void tell_of_cancel(struct ferry_future *future)
{
	struct future_tail *tail = future_tail(future);

	if (tail && tail->on_cancel)
		tail->on_cancel(future, tail->user);
}

/*
 * A job's block may be freed by its worker as soon as the word says done, so whoever
 * completes one that is queued does what is left to do through a reference of its
 * own: callers hold one (F4).
 */
static int cancel(struct ferry_future *future, bool silently)
{
	bool applied;
	uintptr_t word = change(future, word_cancel(word), &applied);

	if (!applied)
		return word_phase(word) == WORD_RUNNING_ASKED ? 0 : refusal(word);
	tell_of_cancel(future);
	if (word_phase(word) == WORD_RUNNING) {
		probe(cancel, future, 1);
		return 0;
	}
	probe(cancel, future, 0);
	drop_unrun(future);
	if (!silently)
		notify(word_waiters(word));
	return 1;
}

int ferry_future_cancel(ferry_future *future)
{
	return future ? cancel(future, false) : -EINVAL;
}

int future_cancel_silently(struct ferry_future *future)
{
	return cancel(future, true);
}

static bool expire(struct ferry_future *future, const ferry_error *error, bool silently)
{
	bool applied;
	uintptr_t word;

	adopt(future);
	change(future, word_hold_pending(word), &applied);
	if (!applied)
		return false;
	/* If it has begun to run in spite of LIST, its completer waits and writes over this. */
	future->exception = error;
	word = change(future, word_expire(word), &applied);
	if (word_phase(word) != WORD_PENDING)
		return false;
	drop_unrun(future);
	if (!silently)
		notify(word_waiters(word));
	return true;
}

bool future_expire(struct ferry_future *future, const ferry_error *error)
{
	return expire(future, error, false);
}

bool future_expire_silently(struct ferry_future *future, const ferry_error *error)
{
	return expire(future, error, true);
}

/* ---- waiters ---- */

/* Not looked into: one that is detached too late is the completer's, and may be gone. */
static bool is_waiter(const ferry_waiter *waiter)
{
	return waiter && !((uintptr_t)waiter & ~WORD_WAITERS);
}

int ferry_future_attach(ferry_future *future, ferry_waiter *waiter)
{
	uintptr_t word;
	bool applied;

	if (!future || !is_waiter(waiter) || !waiter->notify)
		return -EINVAL;
	/*
	 * [attach-complete] The release in the exchange publishes the node's fields, its
	 * link included, which is set afresh for each try.
	 */
	word = change(future,
	       (word_is_done(word) ? (void)0 : (void)(waiter->next = word_waiters(word)),
		word_attach(word, waiter)),
	       &applied);
	return applied ? 0 : refusal(word);
}

int ferry_future_detach(ferry_future *future, ferry_waiter *waiter)
{
	struct ferry_waiter *newest, **link;
	bool applied, found = false;
	uintptr_t word;

	if (!future || !is_waiter(waiter))
		return -EINVAL;
	adopt(future);
	word = change(future, word_hold(word), &applied);
	if (!applied)
		return word_is_done(word) ? 0 : -ECHILD;
	newest = word_waiters(word);
	for (link = &newest; *link && *link != waiter;)
		link = &(*link)->next;
	if (*link) {
		*link = waiter->next;
		waiter->next = NULL;
		found = true;
	}
	change(future, word_give_back(word, newest), &applied);
	return found ? 1 : -ENOENT;
}
