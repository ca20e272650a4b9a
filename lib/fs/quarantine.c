/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quarantine: a remote mount on which a call takes too long is stuck, and its calls fail at
 * once, until it answers. Long before that a call that is held up keeps no worker from others:
 * its place is lent, and taken back as it returns.
 *
 * The loop's thread only, from a timer that runs while calls are on the pool (beside the
 * step "work" of their requests). Invariant: a mount that is stuck has at most one probe
 * besides the calls that were inside when it got stuck; only remote mounts get stuck. A place is
 * lent once for each call, and while that is inside.
 */
#include "fs/quarantine.h"

#include "base/clock.h"
#include "base/probe.h"
#include "fs/find.h"
#include "fs/health.h"
#include "fs/request.h"

static uint64_t begun_of(const struct request *request)
{
	/* Relaxed: a time to compare, which orders nothing. */
	return atomic_load_relaxed((_Atomic uint64_t *)&request->begun_ns);
}

/* Keeps what its call was given from being let go of; false: it has returned, or is about to. */
static bool begin_look(struct request *request)
{
	uint64_t begun = begun_of(request);

	/* [look-return] acq_rel, as in request.c: who lost to the worker looks at nothing. */
	while (begun && !atomic_swap_if_acq_rel(&request->begun_ns, &begun,
						begun | REQUEST_LOOKED_AT))
		;
	return begun;
}

/* @more: bits that it has from now on. */
static void end_look(struct request *request, unsigned more)
{
	/* [look-return] release, partner: request.c: what was looked at may go. Weaker: the root
	 * would be freed while it is read. */
	atomic_store_release(&request->begun_ns,
			     (begun_of(request) | more) & ~(uint64_t)REQUEST_LOOKED_AT);
}

/* ---- in and out ---- */

/* What did not begin yet fails now; what is inside is let go of as it returns. */
static void fail_queued(struct fs *fs, struct health *health, const ferry_error *error)
{
	const struct ferry_loop *loop = fs->loop;
	struct request *request, *next;
	size_t count = health->under_way;

	cds_list_for_each_entry(request, &health->out, among)
		health_set_apart(fs, request);
	/* Callbacks may begin new ones, which come last, and take none out. */
	cds_list_for_each_entry_safe(request, next, &health->out, among) {
		if (!count--)
			break;
		/* A close does not fail with its mount. */
		if (!begun_of(request) && !(request->call.operation->traits & OPERATION_KEEPS))
			offload_expire(request->local, error);
		/* A hook may have forked, and this be the child, which freed the loop. */
		if (loop->closed)
			break;
	}
}

static void begin(struct fs *fs, struct health *health)
{
	const ferry_error *error = ferry_error_from_code(FERRY_ERROR_STUCK);
	const struct ferry_loop *loop = fs->loop;

	if (health->stuck)
		return;
	probe(stuck, health->device, health->under_way);
	health->stuck = true;
	fs->linked += health->linked;
	fs->counters.stuck++;
	fail_queued(fs, health, error);
	if (!loop->closed)
		health_fail_waiting(fs, health, error);
}

void quarantine_end(struct fs *fs, struct health *health)
{
	probe(recovered, health->device, health->waiting);
	health->stuck = false;
	fs->linked -= health->linked;
	fs->counters.recovered++;
}

bool quarantine_is_answer(const struct ferry_future *future)
{
	uintptr_t word = future_word(future);
	int error;

	if (!(word & WORD_RAN) || word_outcome(word) == WORD_CANCELLED)
		return false;
	if (word_outcome(word) == WORD_RESULT)
		return true;
	/* These say that somebody lost patience. */
	error = ferry_error_errno(future->exception);
	return error != EINTR && error != ETIMEDOUT && error != ECANCELED;
}

/* ---- watched ---- */

static uint64_t after(uint64_t begun_ns, uint64_t wait_ns)
{
	return begun_ns > UINT64_MAX - wait_ns ? UINT64_MAX : begun_ns + wait_ns;
}

/* When one that began then takes too long. */
static uint64_t due_of(const struct fs *fs, uint64_t begun_ns)
{
	return after(begun_ns, fs->settings.stuck_ns);
}

/* What waits for a server: a disk that is slow is no better for more that ask it. */
static bool may_lend(const struct request *request)
{
	return request->health || request->call.operation->traits & OPERATION_NAMES;
}

/* Its worker stays for as long as it is looked at, and so does the pool. */
static bool lend_place(struct fs *fs, struct request *request)
{
	bool lent;

	if (!begin_look(request))
		return true;
	lent = place_lend_held_up(request_core(request), request->lane);
	end_look(request, lent ? REQUEST_LENT : 0);
	fs->counters.lent += lent;
	return lent;
}

/* Lends its place if it is held up. True: it may have to later; when that could be, or, if no more
 * may be lent now, when to try again. */
static bool lend_if_late(struct fs *fs, struct request *request, uint64_t now, uint64_t *next)
{
	uint64_t begun = begun_of(request), due = after(begun ? begun : now, fs->settings.lend_ns);

	if (!may_lend(request) || (begun && !(begun & REQUEST_HAS_PLACE)) || begun & REQUEST_LENT)
		return false;
	if (begun && due <= now) {
		if (lend_place(fs, request))
			return false;
		due = after(now, fs->settings.lend_ns);
	}
	if (due < *next)
		*next = due;
	return due != UINT64_MAX;
}

/* Is it inside its call for too long? If not, when it could be. */
static bool is_late(const struct fs *fs, const struct request *request, uint64_t now,
		    uint64_t *next)
{
	uint64_t begun = begun_of(request), since = begun ? begun : now, due;

	/* A mount that answers others is not stuck. */
	if (request->health && request->health->answered_ns > since)
		since = request->health->answered_ns;
	due = due_of(fs, since);
	if (begun && due <= now)
		return true;
	if (due < *next)
		*next = due;
	return false;
}

static void look_at(struct fs *fs, struct health *health, uint64_t now, uint64_t *next)
{
	struct request *request;

	cds_list_for_each_entry(request, &health->out, among)
		lend_if_late(fs, request, now, next);
	if (health->stuck)
		return;
	cds_list_for_each_entry(request, &health->out, among)
		if (is_late(fs, request, now, next)) {
			begin(fs, health);
			return;
		}
}

/*
 * One that was taken for a call on a local mount is late: it may have been led elsewhere by a
 * link, or to a mount that is new. Once only: if it is on a local mount that is how it is.
 */
static void relocate(struct fs *fs, struct request *request, uint64_t now, uint64_t *next)
{
	struct health *health;

	if (!begin_look(request))
		return;
	health = find_health(fs, request);
	if (!health) {
		health = find_late(fs, request);
		if (health && !health->linked) {
			health->linked = true;
			fs->linked += health->stuck;
		}
	}
	end_look(request, 0);
	health_set_apart(fs, request);
	cds_list_del(&request->among);
	CDS_INIT_LIST_HEAD(&request->among);
	if (!health)
		return;
	request->health = health;
	health->under_way++;
	cds_list_add_tail(&request->among, &health->out);
	lend_if_late(fs, request, now, next);
	/* Its mount may have answered others since it began. */
	if (is_late(fs, request, now, next))
		begin(fs, health);
}

/* Any of them may be late: behind one that is queued in a full lane others run. */
static void look_elsewhere(struct fs *fs, uint64_t now, uint64_t *next)
{
	const struct ferry_loop *loop = fs->loop;
	struct request *request, *following;
	bool looked = false;

	cds_list_for_each_entry_safe(request, following, &fs->elsewhere, among) {
		if (lend_if_late(fs, request, now, next) || !is_late(fs, request, now, next))
			continue;
		if (!looked && !(request->call.operation->traits & OPERATION_NAMES)) {
			looked = true;
			fs_read_mounts_now(fs);
		}
		relocate(fs, request, now, next);
		if (loop->closed)
			return;
	}
}

static void disarm(struct fs *fs)
{
	fs->loop->expiries -= fs->timer.index != 0;
	timer_remove(&fs->loop->timers, &fs->timer);
}

static void arm(struct fs *fs, uint64_t when_ns)
{
	/* Without memory for it the next call tries again. */
	if (when_ns == UINT64_MAX)
		return;
	fs->timer_ns = when_ns;
	/* Counted first: a host that is told of it shall not go on for it. */
	fs->loop->expiries++;
	fs->loop->expiries -= loop_add_timer(fs->loop, &fs->timer, when_ns) != 0;
}

static void fire(struct ferry_timer *timer)
{
	struct fs *fs = container(timer, struct fs, timer);
	struct ferry_loop *loop = fs->loop;
	uint64_t now = clock_now(), next = UINT64_MAX;
	struct health *health, *following;

	loop->expiries--;
	if (loop->closed)
		return;
	/* Callbacks may begin calls, and none of these goes meanwhile. */
	cds_list_for_each_entry_safe(health, following, &fs->all, link) {
		health_admit_waiting(fs, health);
		if (!loop->closed)
			look_at(fs, health, now, &next);
		if (loop->closed)
			return;
	}
	look_elsewhere(fs, now, &next);
	if (loop->closed)
		return;
	/* What they began has it armed already, perhaps for later than the rest needs it. */
	if (fs->timer.index) {
		disarm(fs);
		if (fs->timer_ns < next)
			next = fs->timer_ns;
	}
	arm(fs, next);
}

void quarantine_begin(struct fs *fs)
{
	fs->timer.fire = fire;
}

void quarantine_look(struct fs *fs)
{
	disarm(fs);
	if (fs->counters.under_way || fs->counters.waiting)
		arm(fs, clock_now());
}

void quarantine_watch(struct fs *fs, const struct request *request)
{
	uint64_t now, when;

	if (fs->timer.index && !may_lend(request))
		return;
	now = clock_now();
	when = due_of(fs, now);
	if (may_lend(request) && after(now, fs->settings.lend_ns) < when)
		when = after(now, fs->settings.lend_ns);
	if (fs->timer.index && fs->timer_ns <= when)
		return;
	disarm(fs);
	arm(fs, when);
}
