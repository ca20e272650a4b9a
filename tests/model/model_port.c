/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Posts against a loop that goes to sleep, by every interleaving (L1, L5, P9).
 *
 * A ring that is lost leaves the loop asleep for ever, which the scheduler tells by itself.
 * A ring too many is found by counting: each write needs an arming of its own.
 * model_port --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/bridge.h>

#include "base/atomic.h"
#include "model/jobs.h"
#include "seam/scene.h"

static ferry_loop *new_loop(void)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop *loop;

	options.poll_ns = FERRY_NO_DEADLINE;
	CHECK(ferry_loop_new(&options, &loop) == 0);
	return loop;
}

static void end_loop(ferry_loop *loop)
{
	scene_quiet_begin();
	CHECK(ferry_loop_free(loop) == 0);
	scene_quiet_end();
}

/* ---- calls from other threads ---- */

/* The loop's thread counts; the others only post. */
struct mail {
	ferry_loop *loop;
	unsigned delivered;
	_Atomic unsigned dispatches; /* begun */
};

static void delivered(ferry_loop *loop, void *user)
{
	struct mail *mail = user;

	(void)loop;
	mail->delivered++;
}

/* L1: each write of a poster moved the inbox from armed to rung, and only a dispatch, or
 * the making of the loop, arms it. */
static void check_writes(struct mail *mail)
{
	unsigned writes = machine_writes();

	/* Relaxed: the scheduler runs one at a time. */
	CHECK(writes <= 1 + atomic_load_explicit(&mail->dispatches, memory_order_relaxed));
}

/* Before it begins: what it arms may be rung for before it returns. */
static void count_dispatch(struct mail *mail)
{
	/* Relaxed: as above. */
	atomic_fetch_add_explicit(&mail->dispatches, 1, memory_order_relaxed);
}

static void post_one(void *arg)
{
	struct mail *mail = arg;

	CHECK(ferry_loop_call_soon_threadsafe(mail->loop, delivered, mail) == 0);
	check_writes(mail);
}

static void post_two(void *arg)
{
	post_one(arg);
	post_one(arg);
}

/* A host without hooks: polls the descriptor, dispatches. */
static void host_until(struct mail *mail, unsigned wanted)
{
	while (mail->delivered < wanted) {
		CHECK(machine_poll(ferry_loop_fd(mail->loop), FERRY_NO_DEADLINE));
		count_dispatch(mail);
		CHECK(ferry_loop_dispatch(mail->loop, 0) >= 0);
		check_writes(mail);
	}
	CHECK(mail->delivered == wanted);
}

/* L1: one poster, two posts. */
static void two_posts_to_a_host(void)
{
	struct mail mail = { .loop = new_loop() };
	unsigned poster = scene_start("poster", post_two, &mail);

	host_until(&mail, 2);
	scene_join(poster);
	check_writes(&mail);
	end_loop(mail.loop);
}

/* L1: two posters. */
static void two_posters_to_a_host(void)
{
	struct mail mail = { .loop = new_loop() };
	unsigned first = scene_start("poster", post_one, &mail);
	unsigned second = scene_start("poster", post_one, &mail);

	host_until(&mail, 2);
	scene_join(first);
	scene_join(second);
	check_writes(&mail);
	end_loop(mail.loop);
}

/* L1, L5: what a small budget leaves over keeps the descriptor readable. */
static void two_posts_to_a_host_with_a_small_budget(void)
{
	struct mail mail = { .loop = new_loop() };
	unsigned poster = scene_start("poster", post_two, &mail);

	while (mail.delivered < 2) {
		int handled;

		CHECK(machine_poll(ferry_loop_fd(mail.loop), FERRY_NO_DEADLINE));
		count_dispatch(&mail);
		handled = ferry_loop_dispatch(mail.loop, 1);
		CHECK(handled == 0 || handled == 1);
	}
	scene_join(poster);
	check_writes(&mail);
	end_loop(mail.loop);
}

/* L1: a host with hooks arms in prepare, and is not rung between check and prepare. */
static void two_posters_to_a_host_with_hooks(void)
{
	struct mail mail = { .loop = new_loop() };
	unsigned first = scene_start("poster", post_one, &mail);
	unsigned second = scene_start("poster", post_one, &mail);

	while (mail.delivered < 2) {
		int due = ferry_loop_prepare(mail.loop);

		CHECK(due == 0 || due == 1);
		count_dispatch(&mail);
		if (!due)
			CHECK(machine_poll(ferry_loop_fd(mail.loop), FERRY_NO_DEADLINE));
		CHECK(ferry_loop_check(mail.loop) == 0);
		CHECK(ferry_loop_dispatch(mail.loop, 0) >= 0);
		check_writes(&mail);
	}
	scene_join(first);
	scene_join(second);
	end_loop(mail.loop);
}

/* ---- the loop's own run ---- */

struct promise {
	ferry_future *future;
	int plain; /* ordered by the completion alone */
};

static void keep(void *arg)
{
	struct promise *promise = arg;

	promise->plain = 1;
	CHECK(ferry_future_set_result(promise->future, ferry_result_u64(7)) == 0);
	ferry_future_unref(promise->future);
}

static void check_kept(ferry_loop *loop, ferry_local *local, struct promise *promise)
{
	ferry_snapshot snapshot;

	CHECK(ferry_loop_run(loop) == 0);
	snapshot = ferry_local_snapshot(local);
	CHECK(snapshot.done && snapshot.result.u64 == 7 && promise->plain == 1);
	ferry_local_unref(local);
}

static void run_with(ferry_loop *loop)
{
	struct promise first, second;
	ferry_local *local;
	unsigned threads[2];

	first.plain = second.plain = 0;
	CHECK(ferry_future_new(NULL, &first.future) == 0);
	CHECK(ferry_future_new(NULL, &second.future) == 0);
	local = ferry_wrap(loop, first.future);
	CHECK(local);
	threads[0] = scene_start("completer", keep, &first);
	check_kept(loop, local, &first);
	local = ferry_wrap(loop, second.future);
	CHECK(local);
	threads[1] = scene_start("completer", keep, &second);
	check_kept(loop, local, &second);
	scene_join(threads[0]);
	scene_join(threads[1]);
	end_loop(loop);
}

/* L1: completions against a loop that runs until nothing is pending. */
static void completions_to_a_running_loop(void)
{
	run_with(new_loop());
}

/* L1: the same with a loop that polls before it sleeps. */
static void completions_to_a_loop_that_polls(void)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop *loop;

	machine_set_cpus(2);
	options.poll_ns = 1;
	CHECK(ferry_loop_new(&options, &loop) == 0);
	run_with(loop);
}

static void tick(ferry_loop *loop, void *user)
{
	struct mail *mail = user;

	mail->delivered++;
	if (mail->delivered < 3)
		CHECK(ferry_loop_call_at(loop, ferry_in_ns(100), tick, mail, NULL) == 0);
}

/* L1, L5: a completion against timers that end the sleep. */
static void a_completion_beside_timers(void)
{
	struct mail mail = { .loop = new_loop() };
	struct promise promise = { .plain = 0 };
	ferry_local *local;
	unsigned completer;

	CHECK(ferry_future_new(NULL, &promise.future) == 0);
	CHECK(ferry_loop_call_at(mail.loop, ferry_in_ns(100), tick, &mail, NULL) == 0);
	local = ferry_wrap(mail.loop, promise.future);
	CHECK(local);
	completer = scene_start("completer", keep, &promise);
	check_kept(mail.loop, local, &promise);
	CHECK(mail.delivered == 3);
	scene_join(completer);
	end_loop(mail.loop);
}

/* ---- polling before a timer ---- */

struct appointment {
	ferry_future *future; /* what keeps the loop polling */
	uint64_t due_ns, kept_ns;
};

static void keep_appointment(ferry_loop *loop, void *user)
{
	struct appointment *appointment = user;

	(void)loop;
	appointment->kept_ns = ferry_now_ns();
	CHECK(ferry_future_set_result(appointment->future, ferry_result_u64(0)) == 0);
}

/* When a timer fires of a loop that polls for so long: how late that is. */
static uint64_t appointment_after(uint64_t poll_ns, uint64_t delay_ns)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	struct appointment appointment;
	ferry_loop_counters counters;
	ferry_local *local;
	ferry_loop *loop;

	machine_set_cpus(2);
	options.poll_ns = poll_ns;
	CHECK(ferry_loop_new(&options, &loop) == 0);
	CHECK(ferry_future_new(NULL, &appointment.future) == 0);
	local = ferry_wrap(loop, appointment.future);
	CHECK(local);
	appointment.due_ns = ferry_in_ns(delay_ns);
	CHECK(ferry_loop_call_at(loop, appointment.due_ns, keep_appointment, &appointment, NULL) ==
	      0);
	CHECK(ferry_loop_run(loop) == 0);
	CHECK(ferry_loop_stats(loop, &counters) == 0);
	CHECK(counters.polls == 1 && counters.poll_hits == 0);
	CHECK(appointment.kept_ns >= appointment.due_ns);
	ferry_local_unref(local);
	ferry_future_unref(appointment.future);
	end_loop(loop);
	return appointment.kept_ns - appointment.due_ns;
}

/* What it polled is a part of the time until the timer, not more of it. */
static void a_loop_that_polls_before_a_timer(void)
{
	CHECK(appointment_after(1, 1000000) == 0);
	/* The poll lasts until then, and a little longer. */
	CHECK(appointment_after(1000000, 1000) < 1000000);
}

/* ---- offloads ---- */

static int add_one(void *arg, ferry_result *out)
{
	++*(int *)arg;
	*out = ferry_result_u64(1);
	return 0;
}

static void offload_two(ferry_lane *(*new_lane)(ferry_pool *pool))
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_loop *loop = new_loop();
	ferry_local *locals[2];
	int arguments[2] = { 0, 0 };
	ferry_lane *lane = new_lane ? new_lane(pool) : NULL;

	options.lane = lane;
	for (unsigned i = 0; i < 2; i++) {
		locals[i] = ferry_offload(loop, pool, add_one, &arguments[i], &options);
		CHECK(locals[i]);
	}
	CHECK(ferry_loop_run(loop) == 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(ferry_local_snapshot(locals[i]).result.u64 == 1 && arguments[i] == 1);
		ferry_local_unref(locals[i]);
	}
	ferry_lane_free(lane);
	end_loop(loop);
	jobs_end(pool);
}

/* L1: the whole way there and back. */
static void offloads_to_a_running_loop(void)
{
	offload_two(NULL);
}

static ferry_lane *brief(ferry_pool *pool)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.brief = 1;
	CHECK(ferry_lane_new(pool, &options, &lane) == 0);
	return lane;
}

/* P9: a ring that a brief lane puts off is paid before the worker sleeps. */
static void offloads_in_a_brief_lane(void)
{
	offload_two(brief);
}

static void cancelled(ferry_local *local, void *user)
{
	CHECK(ferry_local_snapshot(local).done);
	++*(unsigned *)user;
}

/* L4: a cancel against the completion on the way. */
static void an_offload_is_cancelled_as_it_comes_back(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_loop *loop = new_loop();
	unsigned called = 0;
	int argument = 0;
	ferry_local *local = ferry_offload(loop, pool, add_one, &argument, NULL);

	CHECK(local && ferry_local_add_done_callback(local, cancelled, &called) == 0);
	CHECK(ferry_loop_run_once(loop, scene_pick(2) ? FERRY_NO_DEADLINE : 0) >= 0);
	(void)ferry_local_cancel(local);
	ferry_local_unref(local);
	CHECK(ferry_loop_run(loop) == 0);
	CHECK(called == 1);
	end_loop(loop);
	jobs_end(pool);
}

/* ---- writes that fail ---- */

static void fail_writes(int error)
{
	struct mail mail = { .loop = new_loop() };
	unsigned poster;

	machine_fail_writes(1, error);
	poster = scene_start("poster", post_two, &mail);
	host_until(&mail, 2);
	scene_join(poster);
	end_loop(mail.loop);
}

/* L1: an interrupted write is tried again. */
static void a_write_is_interrupted(void)
{
	fail_writes(-EINTR);
}

/* L1: one that fails for good is reported, and the next post tries again. */
static void a_write_fails(void)
{
	struct mail mail = { .loop = new_loop() };
	unsigned poster, reported = 0;
	ferry_loop_counters counters;

	machine_fail_writes(1, -EIO);
	poster = scene_start("poster", post_two, &mail);
	while (mail.delivered < 2) {
		int handled;

		CHECK(machine_poll(ferry_loop_fd(mail.loop), FERRY_NO_DEADLINE));
		while ((handled = ferry_loop_dispatch(mail.loop, 0)) == -EIO)
			reported++;
		CHECK(handled >= 0);
	}
	scene_join(poster);
	CHECK(ferry_loop_stats(mail.loop, &counters) == 0);
	CHECK(reported == 1 || (reported == 0 && counters.ring_failures == 0));
	end_loop(mail.loop);
}

static const struct scene scenes[] = {
	{ "posts", two_posts_to_a_host, 6, 9 },
	{ "posters", two_posters_to_a_host, 5, 7 },
	{ "budget", two_posts_to_a_host_with_a_small_budget, 6, 9 },
	{ "hooks", two_posters_to_a_host_with_hooks, 4, 6 },
	{ "run", completions_to_a_running_loop, 4, 5 },
	{ "poll", completions_to_a_loop_that_polls, 3, 4 },
	{ "timers", a_completion_beside_timers, 4, 5 },
	{ "poll-timer", a_loop_that_polls_before_a_timer, EVERY, EVERY },
	{ "offload", offloads_to_a_running_loop, 3, 4 },
	{ "brief", offloads_in_a_brief_lane, 3, 4 },
	{ "cancel", an_offload_is_cancelled_as_it_comes_back, 3, 4 },
	{ "interrupt", a_write_is_interrupted, 6, 8 },
	{ "write-fails", a_write_fails, EVERY, EVERY },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
