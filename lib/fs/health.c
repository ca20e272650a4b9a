/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How mounts behave: accounts by filesystem, places on remote ones, quarantine.
 *
 * The loop's thread only: a request passes here on its way to the pool (step "submit"),
 * and as its post is delivered. Invariants: no more calls of a loop are on the pool for one
 * remote mount than settings allow, but for a probe; a mount is stuck from when a call on
 * it took too long until one returns; each request is in one list, and counted there.
 */
#include "fs/health.h"

#include "base/clock.h"
#include "base/memory.h"
#include "fs/find.h"
#include "fs/quarantine.h"
#include "fs/request.h"
#include "fs/run.h"

/* ---- accounts ---- */

void health_begin_listing(struct fs *fs)
{
	struct health *health;

	cds_list_for_each_entry(health, &fs->all, link)
		health->listed = false;
}

/* Devices of filesystems without one are numbered one after the other. */
static struct health **bucket_of(struct fs *fs, uint64_t device)
{
	return &fs->buckets[device % HEALTH_BUCKETS];
}

static struct health *health_of(struct fs *fs, uint64_t device)
{
	struct health *health = *bucket_of(fs, device);

	while (health && health->device != device)
		health = health->beside;
	return health;
}

struct health *health_list(struct fs *fs, const struct mount_entry *entry)
{
	struct health *health = health_of(fs, entry->device);

	if (!health) {
		health = memory_new_zeroed(sizeof(*health));
		if (!health)
			return NULL;
		health->device = entry->device;
		CDS_INIT_LIST_HEAD(&health->out);
		CDS_INIT_LIST_HEAD(&health->queue);
		cds_list_add_tail(&health->link, &fs->all);
		health->beside = *bucket_of(fs, health->device);
		*bucket_of(fs, health->device) = health;
	}
	health->remote = entry->class == MOUNT_REMOTE;
	health->listed = true;
	return health;
}

static bool is_idle(const struct health *health)
{
	return !health->under_way && !health->waiting;
}

static void health_free(struct fs *fs, struct health *health)
{
	struct health **place = bucket_of(fs, health->device);

	while (*place != health)
		place = &(*place)->beside;
	*place = health->beside;
	fs->linked -= health->stuck && health->linked;
	cds_list_del(&health->link);
	memory_free(health);
}

void health_end_listing(struct fs *fs)
{
	struct health *health, *next;

	cds_list_for_each_entry_safe(health, next, &fs->all, link)
		if (!health->listed && is_idle(health))
			health_free(fs, health);
}

void health_free_all(struct fs *fs)
{
	struct health *health, *next;

	timer_remove(&fs->loop->timers, &fs->timer);
	cds_list_for_each_entry_safe(health, next, &fs->all, link)
		health_free(fs, health);
}

void health_demote(struct fs *fs, struct health *health, uint64_t now_ns)
{
	fs->counters.demoted += !health_is_slow(health, now_ns);
	health->slow_until_ns = now_ns + fs->settings.cool_off_ns;
	/* Settings may have changed since another became slow. */
	if (health->slow_until_ns > fs->slow_until_ns)
		fs->slow_until_ns = health->slow_until_ns;
}

/* ---- places ---- */

static bool is_full(const struct fs *fs, const struct health *health, struct core *core)
{
	unsigned most = fs->settings.most_at_once;

	if (!most)
		most = place_most(core) / 2;
	return health->under_way >= (most ? most : 1);
}

/* One at a time, and never the last worker; what is inside already is a probe as well. */
static bool may_probe(const struct health *health, struct core *core)
{
	return !health->probe &&
	       (!health->under_way || health->under_way + 1 < place_most(core));
}

/* It is done whatever becomes of its local: it does not fail with its mount, but waits. */
static bool is_kept(const struct request *request)
{
	return request->call.operation->traits & OPERATION_KEEPS;
}

static void leave_list(struct request *request)
{
	cds_list_del(&request->among);
	CDS_INIT_LIST_HEAD(&request->among);
}

void health_set_apart(struct fs *fs, struct request *request)
{
	fs->apart += !request->apart;
	request->apart = true;
}

/* It is under way no longer. */
static void end_under_way(struct fs *fs, struct request *request)
{
	leave_list(request);
	fs->counters.under_way--;
	fs->apart -= request->apart;
	request->apart = false;
}

/* Counted first: a job that is refused is told of to call_ended() within. */
static void submit(struct fs *fs, struct core *core, struct request *request,
		   const ferry_job_options *job)
{
	struct health *health = request->health;

	cds_list_add_tail(&request->among, health ? &health->out : &fs->elsewhere);
	fs->counters.pooled++;
	fs->counters.under_way++;
	if (health)
		health->under_way++;
	if (request->call.operation->traits & OPERATION_NAMES)
		health_set_apart(fs, request);
	quarantine_watch(fs, request);
	offload_submit(request->local, core, job);
}

static void wait_for_place(struct fs *fs, struct core *core, struct request *request)
{
	/* The pool may be freed meanwhile: then it refuses. So may the lane's handle. */
	request->core = core_of(core->home.ref(&core->home));
	lane_hold(request->lane);
	cds_list_add_tail(&request->among, &request->health->queue);
	request->health->waiting++;
	fs->counters.waiting++;
}

/* It waits no longer. */
static void leave_queue(struct fs *fs, struct request *request)
{
	leave_list(request);
	request->health->waiting--;
	fs->counters.waiting--;
	lane_let_go(request->lane);
	core_unref(request->core);
	request->core = NULL;
}

static void submit_probe(struct fs *fs, struct core *core, struct request *request,
			 const ferry_job_options *job)
{
	fs->counters.probes++;
	request->health->probe = request;
	health_set_apart(fs, request);
	submit(fs, core, request, job);
}

/* One of a stuck mount may be its probe: else what waits for it would wait for somebody else. */
void health_admit_waiting(struct fs *fs, struct health *health)
{
	const struct ferry_loop *loop = fs->loop;

	/* A hook of one that the pool refuses may fork, and the child free the loop. */
	while (!loop->closed && !cds_list_empty(&health->queue)) {
		struct request *request = cds_list_first_entry(&health->queue, struct request,
							       among);
		struct core *core = request->core;
		ferry_lane *lane = request->lane;
		ferry_job_options job = { .size = sizeof(job), .lane = lane };

		if (health->stuck ? !may_probe(health, core) : is_full(fs, health, core))
			return;
		core->home.ref(&core->home);
		lane_hold(lane);
		leave_queue(fs, request);
		if (health->stuck)
			submit_probe(fs, core, request, &job);
		else
			submit(fs, core, request, &job);
		/* The request may be gone. */
		lane_let_go(lane);
		core_unref(core);
	}
}

void health_admit(struct fs *fs, ferry_pool *pool, struct request *request,
		  const ferry_job_options *job)
{
	struct core *core = pool->core;
	struct health *health = find_health(fs, request);
	int error = offload_hold(request->local, job);

	CDS_INIT_LIST_HEAD(&request->among);
	request->health = health;
	if (error) {
		fs->counters.refused++;
		offload_refuse(request->local, ferry_error_from_errno(-error));
		return;
	}
	if (!health || (!health->stuck && !is_full(fs, health, core))) {
		submit(fs, core, request, job);
	} else if (!health->stuck) {
		wait_for_place(fs, core, request);
	} else if (may_probe(health, core)) {
		submit_probe(fs, core, request, job);
	} else if (is_kept(request)) {
		wait_for_place(fs, core, request);
	} else {
		offload_refuse(request->local, ferry_error_from_code(FERRY_ERROR_STUCK));
	}
}

void health_fail_waiting(struct fs *fs, struct health *health, const ferry_error *error)
{
	const struct ferry_loop *loop = fs->loop;
	CDS_LIST_HEAD(those);

	/* Hooks of the caller's may have others wait, and may take any of these out. */
	cds_list_splice(&health->queue, &those);
	CDS_INIT_LIST_HEAD(&health->queue);
	while (!loop->closed && !cds_list_empty(&those)) {
		struct request *request = cds_list_first_entry(&those, struct request, among);

		if (!is_kept(request)) {
			offload_refuse(request->local, error);
			continue;
		}
		cds_list_del(&request->among);
		cds_list_add_tail(&request->among, &health->queue);
	}
}

/* ---- told by floor 4 ---- */

/* Its local is done before a place came: what it was to do, which is a close, is done all the
 * same; by who asks, if it cannot be handed over. */
static void do_without_local(struct request *request)
{
	request->over = run_close_later(request->core, request->call.fd) == 0;
	/* Lets go of what it holds. */
	future_cancel_silently(&request->local->job.future);
}

/* It was held back, or the pool refused it, and it is done. */
static void call_ended(struct ferry_local *local)
{
	struct request *request = local->job.arg;
	struct fs *fs = local_loop(local)->fs;
	struct health *health = request->health;

	/* Cancelled by a hook while the pool has a full queue's job run by who submits it. */
	if (local->flags & LOCAL_OUT)
		return;
	fs->counters.refused++;
	if (request->core) {
		if (is_kept(request))
			do_without_local(request);
		leave_queue(fs, request);
	} else if (!cds_list_empty(&request->among)) {
		end_under_way(fs, request);
		fs->counters.pooled--;
		if (health)
			health->under_way--;
	}
	if (health && health->probe == request)
		health->probe = NULL;
}

/* Its post is here: it is the pool's no longer. */
static void call_returned(struct ferry_local *local)
{
	struct request *request = local->job.arg;
	const struct ferry_loop *loop = local_loop(local);
	struct fs *fs = loop->fs;
	struct health *health = request->health;

	end_under_way(fs, request);
	if (!health)
		return;
	request->health = NULL;
	health->under_way--;
	if (health->probe == request)
		health->probe = NULL;
	if (quarantine_is_answer(&local->job.future)) {
		health->answered_ns = clock_now();
		if (health->stuck)
			quarantine_end(fs, health);
	}
	health_admit_waiting(fs, health);
	if (!loop->closed && !health->listed && is_idle(health))
		health_free(fs, health);
}

void health_begin(struct fs *fs)
{
	fs->loop->call_returned = call_returned;
	fs->loop->call_ended = call_ended;
	quarantine_begin(fs);
}

void health_configured(struct fs *fs)
{
	/* In the next turn: hooks of what goes on could do anything outside of one. */
	quarantine_look(fs);
}
