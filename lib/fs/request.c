/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of the file calls: made, answered inline or given to the pool.
 *
 * On the loop's thread (step "submit" of a request), but the function of the job, which is
 * a worker's (step "work"), and let_go(), which may be anybody's. Invariants: a worker
 * writes only into the block, which lives until its function has returned; what is
 * borrowed, and the root, are let go of exactly once (L4).
 */
#include "fs/request.h"

#include "base/clock.h"
#include "base/options.h"
#include "base/park.h"
#include "fs/health.h"
#include "fs/inline.h"
#include "fs/root.h"

/* ---- on a worker, and after it ---- */

/* A call that was interrupted because it was to be cancelled has been. */
static int returned_of(int returned)
{
	return returned == -EINTR && ferry_job_cancel_requested() > 0 ? -ECANCELED : returned;
}

/* The root, and what is borrowed, go next: not while the loop looks at them. What it set. */
static uint64_t end_lending(struct request *request)
{
	/* Relaxed: only this thread and the one that looks write it. */
	uint64_t begun = atomic_load_relaxed(&request->begun_ns);

	for (;;) {
		begun &= ~(uint64_t)REQUEST_LOOKED_AT;
		/* [look-return] acq_rel, partner: quarantine.c: its look at them happens before. */
		if (atomic_swap_if_acq_rel(&request->begun_ns, &begun, 0))
			return begun;
		if (begun & REQUEST_LOOKED_AT)
			park_yield();
	}
}

static int run(void *arg, ferry_result *out)
{
	struct request *request = arg;
	uint64_t begun = clock_now() & ~(uint64_t)REQUEST_BITS;
	int returned;

	if (helper_has_place(&request->local->job))
		begun |= REQUEST_HAS_PLACE;
	/* Relaxed: for a timer of the loop's to compare; what it may look at was there before. */
	atomic_store_relaxed(&request->begun_ns, begun);
	request->over = true;
	returned = returned_of(request->call.operation->run(request, out));
	if (end_lending(request) & REQUEST_LENT)
		place_reclaim_held_up(request_core(request), request->lane);
	return returned;
}

static const void *given_of(const struct call *call)
{
	if (call->given)
		return call->given;
	if (call->path)
		return call->path;
	return call->data ? call->data : (const void *)(intptr_t)call->fd;
}

/* Nobody can touch what the call was given any more. */
static void let_go(void *arg)
{
	struct request *request = arg;

	if (!request->over && request->call.operation->dropped)
		request->call.operation->dropped(request);
	request->root = ferry_fs_root_unref(request->root);
	if (request->release)
		request->release((void *)given_of(&request->call));
}

/* ---- what was asked for ---- */

/* What a root is not itself opened below, and hosts have none. */
static bool may_have_root(const struct operation *operation)
{
	return !(operation->traits & OPERATION_TEXTS) && !(operation->answers & ANSWER_ROOT);
}

static int check_options(const struct call *call, const ferry_fs_options *options)
{
	unsigned traits = call->operation->traits;

	if (options->release && !options->borrow_path)
		return -EINVAL;
	if ((unsigned)options->policy > FERRY_FS_POOL ||
	    (unsigned)options->freshness > FERRY_FS_STALE)
		return -EINVAL;
	/* Texts of lookups are always copied. */
	if (options->borrow_path && traits & (OPERATION_TEXTS | OPERATION_KEEPS))
		return -EINVAL;
	if (options->root && !may_have_root(call->operation))
		return -EINVAL;
	if (traits & OPERATION_KEEPS && (options->deadline_ns || options->interruptible))
		return -EINVAL;
	return 0;
}

static int check_call(const struct call *call)
{
	unsigned traits = call->operation->traits;

	if (traits & OPERATION_PATH && !call->path)
		return -EINVAL;
	if (traits & OPERATION_OTHER && !call->other)
		return -EINVAL;
	if (traits & OPERATION_FD && call->fd < 0)
		return -EINVAL;
	if (traits & OPERATION_TWO && call->other_fd < 0)
		return -EINVAL;
	if (traits & OPERATION_DATA && call->count && !call->data)
		return -EINVAL;
	return call->count > FERRY_FS_MOST ? -EINVAL : 0;
}

static int read_terms(ferry_loop *loop, ferry_pool *pool, const struct call *call,
		      const ferry_fs_options *given, struct terms *terms)
{
	ferry_fs_options *options = &terms->options;
	const ferry_fs_root_options *root;
	int error = options_read(options, sizeof(*options), given);

	if (!error)
		error = check_options(call, options);
	if (!error)
		error = root_check(options->root, loop);
	if (!error && options->lane && options->lane->core != pool->core)
		error = -EINVAL;
	if (!error && options->interruptible &&
	    (options->interruptible != 1 || !pool->core->options.interrupt_signal))
		error = -EINVAL;
	if (error)
		return error;
	if (!options->lane)
		options->lane = ferry_pool_lane(pool, call->operation->traits & OPERATION_NAMES
							      ? FERRY_LANE_DNS
							      : FERRY_LANE_FS);
	root = options->root ? root_options(options->root) : NULL;
	terms->policy = options->policy;
	if (!terms->policy && root)
		terms->policy = root->policy;
	if (!terms->policy)
		terms->policy = FERRY_FS_AUTO;
	terms->stale_allowed = (options->freshness ? options->freshness
				: root		   ? root->freshness
						   : FERRY_FS_FRESH) == FERRY_FS_STALE;
	return 0;
}

static int check(ferry_loop *loop, ferry_pool *pool, const struct call *call,
		 const ferry_fs_options *given, struct terms *terms)
{
	int error = loop_check(loop);

	if (!error)
		error = submit_check(pool);
	if (!error)
		error = check_call(call);
	return error ? error : read_terms(loop, pool, call, given, terms);
}

/* ---- the block ---- */

static size_t rounded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

/* What is put behind the outcome. */
static size_t bytes_of_copies(const struct call *call, const ferry_fs_options *options)
{
	size_t bytes = 0;

	if (call->operation->traits & OPERATION_EXTRA)
		bytes += rounded(call->count);
	if (options->borrow_path)
		return bytes;
	if (call->operation->traits & OPERATION_DATA)
		bytes += rounded(call->count);
	if (call->path)
		bytes += strlen(call->path) + 1;
	if (call->other)
		bytes += strlen(call->other) + 1;
	return bytes;
}

static size_t room_of(const struct call *call)
{
	size_t room = call->operation->room;

	if (call->operation->answers & ANSWER_BYTES && room)
		room += call->count;
	return rounded(room);
}

static void copy_all(struct request *request, const ferry_fs_options *options)
{
	struct call *call = &request->call;
	unsigned traits = call->operation->traits;
	char *to = (char *)request->outcome + room_of(call);

	if (traits & OPERATION_EXTRA || (traits & OPERATION_DATA && !options->borrow_path)) {
		if (call->count && call->data)
			call->data = memcpy(to, call->data, call->count);
		to += rounded(call->count);
	}
	if (options->borrow_path)
		return;
	if (call->path) {
		const char *path = to;

		to = stpcpy(to, call->path) + 1;
		call->path = path;
	}
	if (call->other)
		call->other = strcpy(to, call->other);
}

static void fill_job_options(const struct call *call, const ferry_fs_options *options,
			     ferry_job_options *job)
{
	bool lets_go = options->root || options->release || call->operation->dropped;

	*job = (ferry_job_options){
		.size = sizeof(*job),
		.lane = options->lane,
		.deadline_ns = options->deadline_ns,
		.release = lets_go ? let_go : NULL,
		.interruptible = options->interruptible,
	};
}

/* What among holds, and when it was asked for, is said when it is given to the pool. Field by
 * field: a string instruction that clears them all takes longer to begin. */
static void begin_request(struct request *request, const struct call *call,
			  const ferry_fs_options *options)
{
	request->call = *call;
	request->root = options->root;
	request->release = options->release;
	request->health = NULL;
	request->core = NULL;
	request->lane = options->lane;
	/* Relaxed: nobody else has seen it yet. */
	atomic_store_relaxed(&request->begun_ns, 0);
	request->apart = false;
	request->over = false;
}

static struct request *make(struct fs *fs, const struct call *call, const struct terms *terms,
			    ferry_job_options *job)
{
	const ferry_fs_options *options = &terms->options;
	struct request *request;
	struct ferry_local *local;
	void *payload;

	fill_job_options(call, options, job);
	local = offload_make(fs->loop, job,
			     sizeof(*request) + room_of(call) + bytes_of_copies(call, options),
			     &payload);
	if (!local)
		return NULL;
	request = payload;
	begin_request(request, call, options);
	request->local = local;
	local->flags |= LOCAL_FS;
	if (call->operation->traits & OPERATION_KEEPS)
		local->flags |= LOCAL_KEEP;
	/* A descriptor is always lent: closed and opened again too early, it would have the call go
	 * to another file. */
	if (options->borrow_path || (call->operation->traits & OPERATION_FD &&
				     !(call->operation->traits & OPERATION_KEEPS)))
		local->flags |= LOCAL_BORROWS;
	return request;
}

ferry_local *request_begin(ferry_loop *loop, ferry_pool *pool, const struct call *call,
			   const ferry_fs_options *given)
{
	ferry_job_options job;
	struct terms terms;
	struct attempt attempt = { .pool = pool, .terms = &terms };
	int error = check(loop, pool, call, given, &terms);
	struct fs *fs = error ? NULL : fs_of(loop);

	if (!error && !fs)
		error = -ENOMEM;
	if (error) {
		errno = -error;
		return NULL;
	}
	attempt.fs = fs;
	attempt.request = make(fs, call, &terms, &job);
	if (!attempt.request)
		return NULL;
	fs->counters.calls++;
	if (inline_answers(&attempt)) {
		struct request *request = attempt.request;

		request->over = true;
		offload_answer(request->local, pool, attempt.returned, attempt.result);
		/* The root is held only by those that go on from here. */
		request->root = NULL;
		if (request->release)
			let_go(request);
		return request->local;
	}
	/* So far it was the caller's own. */
	copy_all(attempt.request, &terms.options);
	if (terms.options.root)
		ferry_fs_root_ref(terms.options.root);
	offload_begin(attempt.request->local, pool, run, &job);
	health_admit(fs, pool, attempt.request, &job);
	return attempt.request->local;
}

/* ---- looked at ---- */

struct core *request_core(const struct request *request)
{
	return core_of(future_home(&request->local->job.future));
}

struct request *request_of(ferry_local *local)
{
	if (local_check(local) || !(local->flags & LOCAL_FS))
		return NULL;
	return local->job.arg;
}

const ferry_result *request_result(ferry_local *local, enum answer answer, struct request **ret)
{
	struct request *request = request_of(local);

	if (!request || !(request->call.operation->answers & answer) ||
	    local->state != LOCAL_RESULT)
		return NULL;
	if (ret)
		*ret = request;
	return &local->job.future.result;
}

const void *request_pointer(ferry_local *local, enum answer answer)
{
	const ferry_result *result = request_result(local, answer, NULL);

	/* What lies in the request stays when it was taken. */
	if (!result || (result->disposer && future_word(&local->job.future) & WORD_TAKEN))
		return NULL;
	return result->pointer;
}
