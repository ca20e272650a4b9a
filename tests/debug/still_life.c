/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A still life: futures, locals, tasks, a loop and two pools, in every state that they can be in,
 * all at once. It stands still in look(), where gdb.sh has gdb print them.
 *
 *   still_life FILE    then writes into FILE what ferry_loop_dump() says, and stands still again
 *
 * Nothing is left to chance: who is to be inside of a function or blocked in a wait is there before
 * look() is called, and what is due has not been run.
 */
#include <stdio.h>

#include "still_tasks.h"

/* A program may have names that the library has inside: they are not taken for those. */
static enum task_state { TASK_NEW = 40, TASK_QUEUED, TASK_RUNNING } own_state = TASK_QUEUED;
static struct job { enum task_state node; } own_job = { TASK_RUNNING };
static __attribute__((used)) const ferry_operation_hooks group_hooks = {
	sizeof(group_hooks), "something of this program", 0, NULL, NULL
};

void look(void);

__attribute__((noinline)) void look(void)
{
}

void still_fail(const char *what)
{
	fprintf(stderr, "still_life: %s\n", what);
	exit(1);
}

static FILE *dump;

static int write_dump(void *user, const char *text, size_t length)
{
	(void)user;
	return fwrite(text, 1, length, dump) == length ? 0 : -EIO;
}

static void at_once(ferry_loop *of, void *user)
{
	(void)of;
	(void)user;
}

static void from_afar(ferry_loop *of, void *user)
{
	(void)of;
	(void)user;
}

static void later(ferry_loop *of, void *user)
{
	(void)of;
	(void)user;
}

static ferry_step on_look(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_YIELD();
	/* From here on things are due, and are not run. */
	begin(&yielder, on_yield, FERRY_WITH(.name = "yielder"));
	begin(&scheduled, on_event, FERRY_WITH(.name = "scheduled", .start = FERRY_START_LAZY));
	NEEDS(ferry_event_set(&soon) == 0);
	NEEDS(ferry_loop_call_soon(loop, at_once, NULL) == 0 &&
	      ferry_loop_call_soon_threadsafe(loop, from_afar, NULL) == 0 &&
	      ferry_loop_call_at(loop, ferry_in_ns(2 * FAR_AWAY_NS), later, NULL, NULL) == 0);
	look();
	NEEDS(ferry_loop_dump(loop, FERRY_DUMP_TEXT, write_dump, NULL) == 0 && fclose(dump) == 0);
	look();
	_exit(0);
	FERRY_END;
}

int main(int argc, char **argv)
{
	static struct sitter looker;

	NEEDS(own_job.node > own_state && own_state > TASK_NEW);
	dump = argc == 2 ? fopen(argv[1], "w") : NULL;
	if (!dump) {
		fprintf(stderr, "usage: still_life FILE\n");
		return 2;
	}
	/* Before this thread is a loop's, which may not wait. */
	futures_pose();
	NEEDS(ferry_loop_new(NULL, &loop) == 0);
	locals_pose();
	tasks_pose();
	queue_pose();
	waiters_pose();
	begin(&looker, on_look, FERRY_WITH(.name = "looker"));
	return ferry_loop_run(loop) < 0;
}
