/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals to the threads of a model, and the timers that send them, as far as the library uses
 * them: one signal, standard: one that is pending already is not queued again.
 *
 * Called by the library, and by scenes inside of a job's function. A thread handles what is
 * pending where the scene says so, or where it sleeps in a call that can be interrupted. A
 * timer that is set goes off whenever that matters: there, and before it is stopped.
 */
#include <signal.h>
#include <stdio.h>

#include "base/seam.h"
#include "seam/machine.h"
#include "seam/scheduler.h"

static struct target {
	bool listens; /* the signal is not blocked */
	bool pending;
	bool has_timer, set, repeats;
} all[STRANDS_MOST];
static void (*handler)(int signal);
static bool timers_fail;

void signals_reset(void)
{
	for (unsigned i = 0; i < STRANDS_MOST; i++)
		all[i] = (struct target){ .listens = false };
	handler = SIG_DFL;
	timers_fail = false;
}

const char *signals_left(void)
{
	static char text[64];

	for (unsigned i = 0; i < STRANDS_MOST; i++)
		if (all[i].listens || all[i].pending || all[i].has_timer) {
			snprintf(text, sizeof(text), "thread %u has a timer or a signal left", i);
			return text;
		}
	return NULL;
}

static struct target *target_here(void)
{
	return &all[scheduler_index(scheduler_self())];
}

/* ---- of the library ---- */

int seam_sigaction(int signal, const struct sigaction *ours, struct sigaction *theirs)
{
	void (*next)(int signal) = ours ? ours->sa_handler : NULL, (*before)(int signal);

	(void)signal;
	scheduler_enter();
	before = handler;
	if (next)
		handler = next;
	scheduler_leave();
	if (theirs)
		*theirs = (struct sigaction){ .sa_handler = before };
	return 0;
}

/* Numbers of threads begin with 1. */
uint32_t seam_thread_id(void)
{
	uint32_t thread;

	scheduler_enter();
	thread = scheduler_index(scheduler_self()) + 1;
	scheduler_leave();
	return thread;
}

int seam_signal_thread(uint32_t thread, int signal)
{
	struct target *target = &all[thread - 1];

	(void)signal;
	scheduler_enter();
	scheduler_point("signal", target);
	if (!thread || thread > STRANDS_MOST || scheduler_strand(thread - 1)->state == STRAND_DONE)
		scheduler_fail("signals thread %u, which is gone", thread - 1);
	target->pending = true;
	scheduler_unblock(target, 1);
	scheduler_leave();
	return 0;
}

static void listen(bool listens)
{
	scheduler_enter();
	scheduler_point(listens ? "unblock signal" : "block signal", target_here());
	if (target_here()->listens == listens)
		scheduler_fail("blocks or unblocks a signal twice");
	target_here()->listens = listens;
	scheduler_leave();
}

void seam_signal_block(int signal)
{
	(void)signal;
	listen(false);
}

void seam_signal_unblock(int signal)
{
	(void)signal;
	listen(true);
}

bool seam_signal_take(int signal)
{
	bool taken;

	(void)signal;
	scheduler_enter();
	scheduler_point("take signal", target_here());
	taken = target_here()->pending;
	target_here()->pending = false;
	scheduler_leave();
	return taken;
}

int seam_timer_create(int signal, uint32_t thread, timer_t *ret)
{
	bool fails;

	(void)signal;
	scheduler_enter();
	fails = timers_fail;
	if (!fails)
		all[thread - 1].has_timer = true;
	scheduler_leave();
	if (fails)
		return -1;
	*ret = &all[thread - 1];
	return 0;
}

int seam_timer_set(timer_t timer, uint64_t delay_ns, uint64_t period_ns)
{
	struct target *target = timer;

	scheduler_enter();
	scheduler_point("set timer", target);
	if (!target->has_timer)
		scheduler_fail("sets a timer that is gone");
	target->pending |= target->set;
	target->set = delay_ns;
	target->repeats = period_ns;
	scheduler_unblock(target, 1);
	scheduler_leave();
	return 0;
}

void seam_timer_delete(timer_t timer)
{
	scheduler_enter();
	scheduler_point("delete timer", timer);
	((struct target *)timer)->has_timer = ((struct target *)timer)->set = false;
	scheduler_leave();
}

/* ---- of scenes ---- */

void machine_fail_timers(void)
{
	scheduler_enter();
	timers_fail = true;
	scheduler_leave();
}

bool machine_is_signalled(void)
{
	bool is;

	scheduler_enter();
	scheduler_look("look for signals", target_here());
	is = target_here()->listens || target_here()->pending || target_here()->set;
	scheduler_leave();
	return is;
}

/* Is there one that is not blocked? Then it is gone. */
static bool handle(struct target *target)
{
	bool handled = target->listens && (target->pending || target->set);

	if (handled) {
		target->pending = false;
		target->set &= target->repeats;
	}
	return handled;
}

void machine_handle_signal(void)
{
	scheduler_enter();
	scheduler_point("handle signal", target_here());
	handle(target_here());
	scheduler_leave();
}

void machine_sleep_until_signal(void)
{
	scheduler_enter();
	scheduler_point("sleep", target_here());
	while (!handle(target_here()))
		scheduler_block("sleep", target_here(), NEVER);
	scheduler_leave();
}
