/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts against jobs that end at random: who asked for it sees EINTR, and no other job,
 * hook or waiter ever does (P11).
 *
 *   stress_interrupt [--seed N] [--count INTERRUPTS]
 *
 * Two pools share a signal. Victims may be interrupted; they read from a pipe to which their
 * own submitter writes at a random moment, or they end at once, or run another job while they
 * wait for it. Bystanders may not; they are blocked in reads that end when somebody writes. A
 * victim that was not cancelled never sees EINTR either. Counted are the cancels that reached
 * a function that ran.
 */
#include <sys/ioctl.h>

#include "support/program.h"
#include "support/quiet.h"

#define POOLS 2
#define THREADS 3 /* of a pool */
#define VICTIMS 4 /* that a submitter has under way */

static ferry_pool *pools[POOLS];
static _Atomic bool over;

static struct {
	_Atomic uint64_t interrupts; /* cancels that came while the function ran */
	_Atomic uint64_t seen;       /* victims that saw EINTR */
	_Atomic uint64_t bystanders, hooks;
} sums;

/* Whoever is not to be interrupted. */
static void check_quiet(const char *who)
{
	program_check(quiet_is_here(), "%s can be signalled", who);
}

/* ---- bystanders ---- */

static int stands_by(void *arg, ferry_result *out)
{
	struct quiet *quiet = arg;
	int error;

	(void)out;
	check_quiet("a job that did not ask for it");
	quiet->entered++;
	error = quiet_read_once(quiet);
	program_check(error == 0, "a job that did not ask for it saw the error %d", -error);
	sums.bystanders++;
	return 0;
}

/* Keeps one in each pool, blocked as long as it likes. */
static void *keeps_bystanders(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	struct quiet quiet[POOLS];
	ferry_future *futures[POOLS];

	for (unsigned i = 0; i < POOLS; i++)
		quiet[i] = quiet_begin();
	while (!over) {
		for (unsigned i = 0; i < POOLS; i++) {
			quiet[i].entered = 0;
			futures[i] = work_submit(pools[i], stands_by, &quiet[i], NULL);
		}
		for (unsigned i = 0; i < POOLS; i++) {
			quiet_await(&quiet[i], 1);
			/* A cancel only asks. */
			if (random_below(&random, 2))
				ferry_future_cancel(futures[i]);
			for (unsigned turns = random_below(&random, 20); turns; turns--)
				sched_yield();
			quiet_write(&quiet[i]);
		}
		for (unsigned i = 0; i < POOLS; i++)
			program_check(!work_end(futures[i]).exception, "a bystander failed");
	}
	for (unsigned i = 0; i < POOLS; i++)
		quiet_end(&quiet[i]);
	return NULL;
}

/* ---- victims ---- */

struct victim {
	struct quiet quiet;
	ferry_pool *pool;
	ferry_future *future;
	enum { READS, ENDS_AT_ONCE, RUNS_ANOTHER, KINDS } kind;
	_Atomic bool cancelled; /* set before it is */
};

static int is_inside(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	check_quiet("a job that was run in a wait");
	return 0;
}

static int is_hunted(void *arg, ferry_result *out)
{
	struct victim *victim = arg;
	int error;

	(void)out;
	victim->quiet.entered++;
	if (victim->kind == ENDS_AT_ONCE)
		return 0;
	if (victim->kind == RUNS_ANOTHER)
		program_check(!work_end(work_submit(victim->pool, is_inside, NULL, NULL)).exception,
			      "an inner job failed");
	error = quiet_read_once(&victim->quiet);
	if (error == -EINTR) {
		program_check(victim->cancelled, "EINTR without a cancel");
		sums.seen++;
		return -ECANCELED;
	}
	program_check(error == 0, "a victim saw the error %d", -error);
	return 0;
}

/* On a worker, if the function has run. */
static void on_release(void *arg)
{
	struct victim *victim = arg;

	if (!victim->quiet.entered)
		return;
	check_quiet("a release hook");
	sums.hooks++;
}

static void hunt(struct victim *victim, uint64_t *random)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.interruptible = 1;
	options.release = on_release;
	victim->quiet.entered = 0;
	victim->cancelled = false;
	victim->kind = random_below(random, KINDS);
	victim->pool = pools[random_below(random, POOLS)];
	victim->future = work_submit(victim->pool, is_hunted, victim, &options);
}

static void empty_pipe(struct quiet *quiet)
{
	int left;

	program_check(ioctl(quiet->ends[0], FIONREAD, &left) == 0, "no FIONREAD");
	while (left--)
		program_check(quiet_read_once(quiet) == 0, "nothing to read");
}

/* Cancelled, written to, or both, in either order: it ends in any case. */
static void end(struct victim *victim, uint64_t *random)
{
	unsigned way = random_below(random, 8);
	ferry_snapshot end;

	if (random_below(random, 4))
		quiet_await(&victim->quiet, 1);
	for (unsigned turns = random_below(random, 4); turns; turns--)
		sched_yield();
	if (way < 2)
		quiet_write(&victim->quiet);
	if (way != 1) {
		victim->cancelled = true;
		if (ferry_future_cancel(victim->future) == 0)
			sums.interrupts++;
	}
	if (way == 2)
		quiet_write(&victim->quiet);
	end = work_end(victim->future);
	program_check(!end.exception, "a victim failed");
	empty_pipe(&victim->quiet);
}

static void *hunts(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	struct victim victims[VICTIMS];

	for (unsigned i = 0; i < VICTIMS; i++)
		victims[i] = (struct victim){ .quiet = quiet_begin() };
	while (!over) {
		for (unsigned i = 0; i < VICTIMS; i++)
			hunt(&victims[i], &random);
		for (unsigned i = 0; i < VICTIMS; i++)
			end(&victims[i], &random);
	}
	for (unsigned i = 0; i < VICTIMS; i++)
		quiet_end(&victims[i].quiet);
	return NULL;
}

int main(int argc, char **argv)
{
	struct program program = program_begin(
		argc, argv, "interrupts against jobs that end at random (P11)", 20000, 1000000);
	uint64_t random = program.seed, seeds[3];
	pthread_t threads[3];

	for (unsigned i = 0; i < POOLS; i++)
		pools[i] = quiet_pool(THREADS);
	for (unsigned i = 0; i < 3; i++) {
		seeds[i] = random_next(&random);
		program_check(
			!pthread_create(&threads[i], NULL, i ? hunts : keeps_bystanders, &seeds[i]),
			"no thread");
	}
	while (sums.interrupts < (uint64_t)program.count)
		sched_yield();
	over = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < POOLS; i++)
		work_close(pools[i]);
	program_check(sums.seen, "nobody saw EINTR");
	printf("%" PRIu64 " interrupts, %" PRIu64 " were seen as EINTR; %" PRIu64
	       " bystanders and %" PRIu64 " hooks saw none\n",
	       sums.interrupts, sums.seen, sums.bystanders, sums.hooks);
	return 0;
}
