/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sleeping and waking, the lock, and threads that are started detached. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/base.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "base/park.h"
#include "support/gate.h"

TestSuite(park, .timeout = 60);

static _Atomic uint32_t word;

Test(park, nobody_sleeps_on_a_word_that_has_changed)
{
	atomic_store_release(&word, 1);
	cr_assert_eq(park_wait(&word, 0, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(park_wait(&word, 0, 0), 0, "not even with a deadline that has passed");
}

Test(park, a_deadline_that_has_passed_does_not_sleep)
{
	cr_assert_eq(park_wait(&word, 0, 0), -ETIMEDOUT);
	cr_assert_eq(park_wait(&word, 0, 1), -ETIMEDOUT);
	cr_assert_eq(park_wait(&word, 0, clock_now()), -ETIMEDOUT);
}

Test(park, a_deadline_is_slept_to_not_shorter)
{
	uint64_t deadline = clock_now() + 1000000;

	while (park_wait(&word, 0, deadline) == 0)
		;
	cr_assert_geq(clock_now(), deadline);
}

static _Atomic int handled;

static void handle(int number)
{
	(void)number;
	atomic_store_relaxed(&handled, 1); /* Relaxed: read by the same thread. */
}

/* Only the signal ends the sleep: it is told to look again, not that time is over. */
static void interrupted(uint64_t deadline_ns)
{
	struct itimerval soon = { .it_value = { 0, 10000 } };
	struct sigaction action = { .sa_handler = handle };

	atomic_store_relaxed(&handled, 0); /* Relaxed: the handler runs on this thread. */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	cr_assert_eq(park_wait(&word, 0, deadline_ns), 0);
	cr_assert(atomic_load_relaxed(&handled)); /* Relaxed: as above. */
}

Test(park, a_signal_ends_a_sleep_that_has_no_end)
{
	interrupted(FERRY_NO_DEADLINE);
}

Test(park, deadlines_that_are_absurdly_far_away_are_slept_to_all_the_same)
{
	interrupted(FERRY_NO_DEADLINE - 1);
	interrupted((uint64_t)INT64_MAX + 1);
	interrupted(INT64_MAX);
}

static void *sleep_on_word(void *arg)
{
	gate_wait(arg);
	/* [test] acquire, partner: the store that wakes. */
	while (!atomic_load_acquire(&word))
		park_wait(&word, 0, FERRY_NO_DEADLINE);
	return NULL;
}

#define SLEEPERS 4

Test(park, everybody_who_sleeps_is_woken)
{
	pthread_t threads[SLEEPERS];
	struct gate gate;

	gate_init(&gate);
	gate_open(&gate);
	for (int i = 0; i < SLEEPERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, sleep_on_word, &gate), 0);
	gate_await(&gate, SLEEPERS);
	atomic_store_release(&word, 1);
	park_wake(&word, SLEEPERS);
	for (int i = 0; i < SLEEPERS; i++)
		pthread_join(threads[i], NULL);
}

Test(park, a_wake_up_may_be_for_a_word_that_is_gone)
{
	park_wake((_Atomic uint32_t *)4096, 1);
	park_wake(&word, 0);
	park_wake(&word, 1);
}

/* ---- the lock ---- */

static struct lock lock;
static long guarded;

#define LOCKERS 4
#define ROUNDS 20000

static void *add_under_lock(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock_acquire(&lock);
		guarded++;
		lock_release(&lock);
	}
	return arg;
}

Test(park, the_lock_keeps_all_others_out)
{
	pthread_t threads[LOCKERS];

	lock_init(&lock);
	for (int i = 0; i < LOCKERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, add_under_lock, NULL), 0);
	for (int i = 0; i < LOCKERS; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(guarded, (long)LOCKERS * ROUNDS);
	lock_destroy(&lock);
}

Test(park, trying_for_a_held_lock_says_EBUSY)
{
	lock_init(&lock);
	cr_assert_eq(lock_try(&lock), 0);
	cr_assert_eq(lock_try(&lock), -EBUSY);
	lock_release(&lock);
	cr_assert_eq(lock_try(&lock), 0);
	lock_release(&lock);
	lock_destroy(&lock);
}

/* ---- threads ---- */

static struct {
	struct gate gate;
	sigset_t mask;
	size_t stack_bytes;
	int state;
} born;

static void *look_around(void *arg)
{
	pthread_attr_t attributes;

	pthread_sigmask(SIG_BLOCK, NULL, &born.mask);
	if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
		pthread_attr_getstacksize(&attributes, &born.stack_bytes);
		pthread_attr_getdetachstate(&attributes, &born.state);
		pthread_attr_destroy(&attributes);
	}
	gate_wait(arg);
	return NULL;
}

static void start_and_look(size_t stack_bytes)
{
	gate_init(&born.gate);
	gate_open(&born.gate);
	cr_assert_eq(thread_start(look_around, &born.gate, stack_bytes), 0);
	gate_await(&born.gate, 1);
}

static bool is_synchronous(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ||
	       number == SIGTRAP || number == SIGSYS;
}

Test(park, a_thread_is_born_with_all_signals_but_the_synchronous_ones_blocked)
{
	start_and_look(0);
	for (int number = 1; number < 32; number++)
		if (number != SIGKILL && number != SIGSTOP)
			cr_assert_eq(sigismember(&born.mask, number), !is_synchronous(number),
				     "signal %d", number);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		cr_assert_eq(sigismember(&born.mask, number), 1, "signal %d", number);
}

Test(park, the_starters_own_mask_stays_as_it_was)
{
	sigset_t before, after;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	start_and_look(0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int number = 1; number < 32; number++)
		cr_assert_eq(sigismember(&after, number), number == SIGUSR1, "signal %d", number);
}

Test(park, a_thread_is_detached_and_has_the_stack_that_was_asked_for)
{
	start_and_look(1 << 20);
	cr_assert_eq(born.state, PTHREAD_CREATE_DETACHED);
	cr_assert_geq(born.stack_bytes, 1u << 20);
	cr_assert_lt(born.stack_bytes, 2u << 20);
}

Test(park, a_stack_that_cannot_be_is_refused_and_nothing_was_started_E3)
{
	sigset_t before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	gate_init(&born.gate);
	cr_assert_eq(thread_start(look_around, &born.gate, 1), -EINVAL);
	cr_assert_lt(thread_start(look_around, &born.gate, SIZE_MAX / 2), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	cr_assert_eq(gate_come(&born.gate), 0);
	for (int number = 1; number < 32; number++)
		cr_assert_eq(sigismember(&after, number), sigismember(&before, number));
}

Test(park, spinning_counts_its_turns)
{
	unsigned turn = 0;

	for (int i = 0; i < 200; i++)
		park_spin(&turn);
	cr_assert_eq(turn, 200);
}

/* A poll yields more than once, and each of its yields may take long. */
Test(park, yielding_that_takes_long_in_poll_after_poll_pauses_for_twice_as_long)
{
	/* A pause is forgotten ten times as long after it: on a busy machine that must be far. */
	struct yielding yielding = { .pause_ns = 250000000 };
	struct stack awaited;

	stack_init(&awaited);
	for (int poll = 0; poll < 4; poll++) {
		uint64_t pause_ns = yielding.pause_ns;

		yielding.not_before_ns = ferry_now_ns() - 1; /* the pause is over */
		yielding_once(&yielding, ferry_now_ns() - 6000000, &awaited);
		yielding_once(&yielding, ferry_now_ns() - 6000000, &awaited);
		cr_assert_eq(yielding.pause_ns, 2 * pause_ns, "poll %d", poll);
	}
}
