/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every life of a task (test_tasks.c) that somebody else starts: the loop's factory, which is the
 * user's own and lazy; whoever has it scheduled; a group that is closed; a limiter, where there is
 * a place, and from its queue, where it is cancelled, or not, before that (T1, T4, T6).
 */
#include "combo/living.h"

static bool is_wanted(void)
{
	return life.start > STARTED && life.fate == (needs_future() ? KEPT : NO_FUTURE);
}

int main(int argc, char **argv)
{
	return live_all(argc, argv, "every life of a task that somebody else starts", is_wanted);
}
