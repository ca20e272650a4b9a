/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the step of a trap that compiles, and prints how that ended: the message of its exception.
 *
 * Leaves with status 0 if it failed and cleaned up once, else with 1.
 */
#include <stdio.h>

#include "trap.h"

int use(int number)
{
	return number;
}

int main(void)
{
	static struct frame frame;
	const ferry_error *exception;
	ferry_loop *loop;
	int status;

	if (ferry_loop_new(NULL, &loop) || ferry_event_init(&frame.event, loop) ||
	    ferry_event_init(&frame.other, loop)) {
		fprintf(stderr, "no loop\n");
		return 1;
	}
	ferry_task_begin(&frame.task, loop, step, NULL);
	ferry_event_set(&frame.event);
	ferry_loop_run(loop);
	exception = ferry_task_snapshot(&frame.task).exception;
	printf("%s\n", exception ? ferry_error_message(exception) : "it has not failed");
	status = !exception || frame.cleaned != 1;
	if (status)
		printf("it cleaned up %u times\n", frame.cleaned);
	ferry_task_clear(&frame.task);
	ferry_loop_free(loop);
	return status;
}
