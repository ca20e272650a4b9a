/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, P11 where a handler cannot be installed, a signal not be sent, a timer not be made or
 * set: the pool is not made; the others cost an interrupt at most, and no job.
 */
#include "fault/trial.h"
#include "support/quiet.h"

#define NOTHING ((void *)(uintptr_t)0x10) /* an output that nobody wrote */

struct scene {
	ferry_pool *made;
};

/* ---- the handler ---- */

static void prepare_nothing(struct scene *scene)
{
	scene->made = NOTHING;
}

static int act_new(struct scene *scene)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.interrupt_signal = SIGUSR2;
	return ferry_pool_new(&options, &scene->made);
}

static void judge_new(struct scene *scene, int result, unsigned n)
{
	static bool installed;

	/* To look whose it is, and then to install ours, once. */
	program_check(result == (n ? -EPERM : 0), "the pool: %d", result);
	program_check(n <= 2 && (!installed || n <= 1), "more was asked for");
	if (result) {
		program_check(scene->made == NOTHING, "an output was written");
		return;
	}
	installed = true;
	work_close(scene->made);
}

/* ---- the rest ---- */

struct victim {
	struct quiet quiet;
	_Atomic pid_t thread;
};

static int is_hunted(void *arg, ferry_result *out)
{
	struct victim *victim = arg;

	(void)out;
	victim->thread = (pid_t)syscall(SYS_gettid);
	return quiet_read_once(&victim->quiet);
}

/* Submits one, returns when it is blocked. */
static ferry_future *submit_blocked(ferry_pool *pool, struct victim *victim)
{
	ferry_future *future;

	victim->thread = 0;
	future = quiet_submit(pool, is_hunted, victim);
	tasks_until_true(victim->thread);
	tasks_until_asleep(victim->thread);
	return future;
}

static int is_hunted_before_it_reads(void *arg, ferry_result *out)
{
	struct victim *victim = arg;

	(void)out;
	victim->quiet.entered++;
	while (!ferry_job_cancel_requested())
		sched_yield();
	return quiet_read_once(&victim->quiet);
}

/* A signal that is lost on the call comes again. */
static void check_repeats(ferry_pool *pool, struct victim *victim)
{
	ferry_future *future;

	victim->quiet.entered = 0;
	future = quiet_submit(pool, is_hunted_before_it_reads, victim);
	quiet_await(&victim->quiet, 1);
	program_check(quiet_interrupt(future) == EINTR, "it was not interrupted");
}

static void without_a_timer_there_is_the_one_signal(void)
{
	struct victim victim = { .quiet = quiet_begin() };
	ferry_pool *pool = quiet_pool(1);
	long timers = fault_timers();

	fault_begin(FAULT_TIMER_CREATE, 1, -EAGAIN, true);
	for (unsigned i = 0; i < 3; i++) {
		ferry_future *future = submit_blocked(pool, &victim);

		program_check(quiet_interrupt(future) == EINTR, "it was not interrupted");
	}
	program_check(fault_end() == 3, "a timer is not tried again");
	program_check(fault_timers() == timers, "a timer came from nowhere");
	check_repeats(pool, &victim);
	check_repeats(pool, &victim);
	program_check(fault_timers() == timers + 1, "a worker has more than one timer");
	work_close(pool);
	program_check(fault_timers() == timers, "a timer is left");
	quiet_end(&victim.quiet);
	printf("ok: without a timer there is the one signal, and the next job has one\n");
}

static void a_timer_that_cannot_be_set_is_as_none(void)
{
	struct victim victim = { .quiet = quiet_begin() };
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future;

	fault_begin(FAULT_TIMER_SET, 1, -EINVAL, true);
	future = submit_blocked(pool, &victim);
	program_check(quiet_interrupt(future) == EINTR, "it was not interrupted");
	program_check(fault_end() == 1, "the timer was set otherwise than once");
	check_repeats(pool, &victim);
	work_close(pool);
	quiet_end(&victim.quiet);
	printf("ok: a timer that cannot be set is as none\n");
}

static void one_that_cannot_be_signalled_ends_by_itself(void)
{
	struct victim victim = { .quiet = quiet_begin() };
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future;

	fault_begin(FAULT_TIMER_CREATE, 1, -EAGAIN, false);
	future = submit_blocked(pool, &victim);
	program_check(fault_end() == 1, "there is a timer");
	fault_begin(FAULT_SIGNAL, 1, -EAGAIN, false);
	program_check(ferry_future_cancel(future) == 0, "it does not run");
	program_check(fault_end() == 1, "it was not signalled");
	quiet_write(&victim.quiet);
	program_check(!work_end(future).exception, "it failed");
	check_repeats(pool, &victim);
	work_close(pool);
	quiet_end(&victim.quiet);
	printf("ok: one that cannot be signalled ends by itself\n");
}

int main(int argc, char **argv)
{
	int open;
	long memory;

	program_begin(argc, argv, "interrupts of which a part fails (E3, P11)", 1, 1);
	open = fixture_descriptors();
	memory = fault_memory();
	TRIAL("a handler that cannot be installed", FAULT_SIGACTION, -EPERM, prepare_nothing,
	      act_new, judge_new);
	without_a_timer_there_is_the_one_signal();
	a_timer_that_cannot_be_set_is_as_none();
	one_that_cannot_be_signalled_ends_by_itself();
	trial_settle(memory, 0, open);
	return 0;
}
