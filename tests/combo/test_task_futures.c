/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every life of a task (test_tasks.c) that has a future though nobody cancels by it, or whose
 * future is dropped before the task has ended: while it is unstarted, while it waits, while it
 * cleans up, and just behind a cancel by that future, which is still under way (F3, L6, T4, T7).
 */
#include "combo/living.h"

static bool is_wanted(void)
{
	return life.start <= STARTED && !life.is_taken_back &&
	       life.fate != (needs_future() ? KEPT : NO_FUTURE);
}

int main(int argc, char **argv)
{
	return live_all(argc, argv, "every life of a task that has a future", is_wanted);
}
