/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy: is a call tried on the loop's thread?
 *
 * The loop's thread only (before the step "submit" of a request, instead of all that
 * follow, if it is answered). Invariant (S2): each attempt is timed, and one that waited for
 * too long makes its mount slow; attempts that miss are counted, and who only misses is not
 * tried each time.
 */
#include "fs/inline.h"

#include <sys/resource.h>

#include "base/clock.h"
#include "base/probe.h"
#include "fs/find.h"
#include "fs/health.h"
#include "fs/root.h"

/* An attempt in eight of the last sixteen or so is what a hit must be worth. */
#define HITS_SHIFT 4
#define HITS_WORTH (HITS_ALL / 8)
/* Where nearly all miss, one call in so many is tried all the same. */
#define TRY_AGAIN_EVERY 64
/* A thread that goes to sleep and is woken is away for longer. */
#define APART_NS 5000u

static void note_hit(struct hits *hits)
{
	hits->rate = (uint16_t)(hits->rate + ((HITS_ALL - hits->rate) >> HITS_SHIFT));
}

static void note_miss(struct hits *hits)
{
	hits->rate = (uint16_t)(hits->rate - (hits->rate >> HITS_SHIFT));
}

static bool is_worth_trying(struct hits *hits)
{
	if (hits->rate >= HITS_WORTH)
		return true;
	if (++hits->left_out < TRY_AGAIN_EVERY)
		return false;
	hits->left_out = 0;
	return true;
}

/* What a call's attempts are counted with: reads by themselves, paths with their root. */
static struct hits *hits_of(const struct attempt *attempt)
{
	const struct operation *operation = attempt->request->call.operation;
	struct ferry_fs_root *root = attempt->request->root;

	if (operation->answers & ANSWER_BYTES)
		return &attempt->fs->read_hits;
	return root ? root_hits(root) : &attempt->fs->hits;
}

/* Are so many under way that the pool does them cheaper? Those that hang are none of them. */
static bool is_deep(const struct fs *fs)
{
	return fs->counters.under_way - fs->apart + fs->loop->ready_count >= fs->settings.depth;
}

static bool may_try(const struct attempt *attempt, struct hits *hits)
{
	const struct operation *operation = attempt->request->call.operation;

	if (!operation->attempt || attempt->terms->policy == FERRY_FS_POOL)
		return false;
	/* Nothing is known of mounts yet, or this kernel cannot say what it has. */
	if (!(operation->traits & OPERATION_NAMES) && (!attempt->fs->mounts || attempt->fs->blind))
		return false;
	if (attempt->terms->policy == FERRY_FS_INLINE)
		return true;
	return !is_deep(attempt->fs) && is_worth_trying(hits);
}

/* ---- timed ---- */

/* How often this thread has gone to sleep of itself. */
static long switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) < 0 ? 0 : usage.ru_nvcsw;
}

/* Once in a turn is enough: within one the loop's thread has nothing to wait for. Outside of turns
 * a host may have had it sleep since the last attempt. */
static void begin_watching(struct fs *fs, uint64_t begun)
{
	const struct ferry_loop *loop = fs->loop;

	if (fs->turn == loop->counters.turns &&
	    (loop->in_turn || begun - fs->watched_ns < APART_NS))
		return;
	fs->turn = loop->counters.turns;
	fs->switches = switches();
}

/* An attempt took long. It waited only if the thread went to sleep: on a busy machine others
 * may have had its CPU meanwhile. */
static void note_long(struct attempt *attempt, uint64_t now_ns)
{
	struct fs *fs = attempt->fs;
	long before = fs->switches;

	fs->switches = switches();
	if (fs->switches == before)
		return;
	probe(inline_blocked, attempt->request->call.operation, attempt->request->call.path);
	fs->counters.blocked++;
	/* A read does not ask what mount it is on. */
	if (!attempt->health && attempt->request->call.operation->traits & OPERATION_FD)
		attempt->health = find_by_descriptor(fs, attempt->request->call.fd);
	if (attempt->health)
		health_demote(fs, attempt->health, now_ns);
}

bool inline_answers(struct attempt *attempt)
{
	struct fs *fs = attempt->fs;
	const struct call *call = &attempt->request->call;
	struct hits *hits = hits_of(attempt);
	enum attempt_outcome outcome = ATTEMPT_AVOIDED;
	uint64_t begun = clock_now(), ended;

	fs_look(fs, attempt->pool, begun);
	if (may_try(attempt, hits)) {
		attempt->now_ns = begun;
		begin_watching(fs, begun);
		outcome = call->operation->attempt(attempt);
		ended = clock_now();
		fs->watched_ns = ended;
		if (ended - begun > fs->settings.slow_ns)
			note_long(attempt, ended);
	}
	switch (outcome) {
	case ATTEMPT_ANSWERED:
		probe(inline_hit, call->operation, call->path);
		note_hit(hits);
		fs->counters.hits++;
		return true;
	case ATTEMPT_MISSED:
		probe(inline_miss, call->operation, call->path);
		note_miss(hits);
		fs->counters.misses++;
		return false;
	default:
		fs->counters.avoided++;
		return false;
	}
}
