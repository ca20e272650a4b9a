/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every life of a task: begun how x ends how x cancelled when and by whom x the cancel taken back
 * or not x waits for what x in which group x awaited by whom x its frame dropped by whom x what
 * cleans up waits or not.
 *
 * A task is UNSTARTED, RUNNING in its first step, WAITING, WOKEN, CLEANING behind FERRY_FINALLY,
 * ENDED, and something is done to it in between. Of each: it has the outcome that it should, its
 * body runs once or never, what cleans up once and not while a function has the frame, each who
 * waits is told once, the hook is called once, its group and its future end as they should, an
 * exception is seen or told and freed once, and nothing is left in the loop (T1-T4, T6, T7, L6).
 *
 * Here it starts as it is told to, and has a future only where it cannot be without; other ways to
 * start are in test_task_starts.c, what may become of futures in test_task_futures.c.
 */
#include "combo/living.h"

static bool is_wanted(void)
{
	return life.start <= STARTED && life.fate == (needs_future() ? KEPT : NO_FUTURE);
}

int main(int argc, char **argv)
{
	return live_all(argc, argv, "every life of a task", is_wanted);
}
