/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ten cases of docs/examples/overlap-cases.c under a clock that stands still (T2, T3, L2): what
 * happens in each, in which order and at what time, is what the article that they come from has
 * printed, where work takes 2 s and a write 1 s. The clock goes on by the work, and while the loop
 * sleeps; so no time passes, and every time is a whole number.
 *
 * The same whatever the loop's task factory: each case says itself how its tasks start.
 */
#include <ferry.h>
#include <string.h>

#include "overlap-cases.h"
#include "seam/faults.h"
#include "support/fixture.h"
#include "support/program.h"

#define SECOND_NS UINT64_C(1000000000)

/* ---- work and a write ---- */

static void work(struct stage *stage)
{
	(void)stage;
	fault_advance_clock(2 * SECOND_NS);
}

static void end_write(ferry_loop *loop, void *user)
{
	ferry_local *local = user;

	(void)loop;
	program_check(ferry_local_set_result(local, ferry_result_u64(0)) == 0, "no result");
	ferry_local_unref(local);
}

static ferry_local *begin_write(struct stage *stage, int round)
{
	ferry_local *local;

	(void)round;
	program_check(ferry_local_new(stage->loop, &local) == 0, "no local");
	program_check(ferry_loop_call_at(stage->loop, ferry_in_ns(SECOND_NS), end_write,
					 ferry_local_ref(local), NULL) == 0,
		      "no timer");
	return local;
}

/* ---- what was printed ---- */

/* As the article has it: [X1] at second 3 is "3 X1>", and so on. */
static const char *const printed[EXAMPLES] = {
	/* 1 */
	"0 Starting, 0 X0>, 2 X0<, 2 O0>>, 2 W0>>>, 3 W0<<<, 3 O0<<, "
	"3 X1>, 5 X1<, 5 O1>>, 5 W1>>>, 6 W1<<<, 6 O1<<, "
	"6 X2>, 8 X2<, 8 O2>>, 8 W2>>>, 9 W2<<<, 9 O2<<, 9 Done",
	/* 2 */
	"0 Starting, 0 X0>, 2 X0<, 2 X1>, 4 X1<, 4 O0>>, 4 W0>>>, 5 W0<<<, 5 O0<<, "
	"5 X2>, 7 X2<, 7 O1>>, 7 W1>>>, 8 W1<<<, 8 O1<<, 8 O2>>, 8 W2>>>, 9 W2<<<, 9 O2<<, 9 Done",
	/* 3 */
	"0 Starting, 0 X0>, 2 X0<, 2 X1>, 4 X1<, 4 X2>, 6 X2<, "
	"6 O0>>, 6 W0>>>, 6 O1>>, 6 W1>>>, 6 O2>>, 6 W2>>>, "
	"7 W0<<<, 7 O0<<, 7 W1<<<, 7 O1<<, 7 W2<<<, 7 O2<<, 7 Done",
	/* 4 */
	"0 Starting, 0 X0>, 2 X0<, 2 X1>, 4 X1<, 4 X2>, 6 X2<, "
	"6 O0>>, 6 W0>>>, 6 O1>>, 6 W1>>>, 6 O2>>, 6 W2>>>, "
	"7 W0<<<, 7 O0<<, 7 W1<<<, 7 O1<<, 7 W2<<<, 7 O2<<, 7 Done",
	/* 5 */
	"0 Starting, 0 X0>, 2 X0<, 2 X1>, 4 X1<, 4 X2>, 6 X2<, "
	"6 O0>>, 6 W0>>>, 6 O1>>, 6 W1>>>, 6 O2>>, 6 W2>>>, 7 O0<<, 8 O1<<, 9 O2<<, 9 Done",
	/* 6 */
	"0 Starting, 0 X0>, 2 X0<, 2 X1>, 4 X1<, 4 O0>>, 4 W0>>>, 5 W0<<<, 5 O0<<, "
	"5 X2>, 7 X2<, 7 O1>>, 7 W1>>>, 8 W1<<<, 8 O1<<, 8 O2>>, 8 W2>>>, 9 W2<<<, 9 O2<<, 9 Done",
	/* 7 */
	"0 Starting, 0 X0>, 2 X0<, 2 O0>>, 2 W0>>>, 2 X1>, 4 X1<, 4 W0<<<, 4 O0<<, "
	"4 O1>>, 4 W1>>>, 4 X2>, 6 X2<, 6 W1<<<, 6 O1<<, 6 O2>>, 6 W2>>>, "
	"6 Awaiting last write, 7 W2<<<, 7 O2<<, 7 Done",
	/* 8, the fixed function */
	"0 Starting, 0 X0>, 2 X0<, 2 O0>>, 2 W0>>>, 2 X1>, 4 X1<, 4 W0<<<, 4 O0<<, "
	"4 O1>>, 4 W1>>>, 4 X2>, 6 X2<, 6 W1<<<, 6 O1<<, 6 O2>>, 6 W2>>>, "
	"6 Awaiting last write, 7 W2<<<, 7 O2<<, 7 Done",
	/*
	 * 9: the one that differs, by one line. The article has "6 O0<<" behind "6 W2>>>". Here the
	 * iterator is a task of its own, so that each item takes a turn of the loop from it to who
	 * asked, and in that turn the first task sees that its write has ended. When writes begin
	 * and end is the same.
	 */
	"0 Starting, 0 X0>, 2 X0<, 2 O0>>, 2 W0>>>, 2 X1>, 4 X1<, 4 O1>>, 4 W1>>>, 4 O0<<, "
	"4 X2>, 6 X2<, 6 O2>>, 6 W2>>>, 7 O1<<, 8 O2<<, 8 Done",
	/* 10 */
	"0 Starting, 0 X0>, 2 X0<, 2 O0>>, 2 W0>>>, 2 X1>, 4 X1<, 4 W0<<<, 4 O0<<, "
	"4 O1>>, 4 W1>>>, 4 X2>, 6 X2<, 6 W1<<<, 6 O1<<, 6 O2>>, 6 W2>>>, "
	"6 Awaiting last write, 7 W2<<<, 7 O2<<, 7 Done",
};

/* When a write had the lock, of which the article tells nothing. */
static const char *const locked[EXAMPLES] = {
	[5 - 1] = "6 W0, 7 W1, 8 W2",
	[9 - 1] = "2 W0, 6 W1, 7 W2"
};

/* ---- what happens ---- */

/* As one of the table. */
static void write_moment(char text[32], const struct moment *moment, uint64_t began_ns)
{
	static const char *const formats[EVENTS] = {
		[STARTING] = "Starting",    [WORK_BEGINS] = "X%d>",
		[WORK_ENDS] = "X%d<",       [OUTPUT_BEGINS] = "O%d>>",
		[WRITE_BEGINS] = "W%d>>>",  [WRITE_LOCKED] = "W%d",
		[WRITE_ENDS] = "W%d<<<",    [OUTPUT_ENDS] = "O%d<<",
		[AWAITING_LAST] = "Awaiting last write", [DONE] = "Done"
	};
	uint64_t at_ns = moment->at_ns - began_ns;
	int length = snprintf(text, 32, "%g ", (double)at_ns / (double)SECOND_NS);

	snprintf(text + length, 32 - (size_t)length, formats[moment->event], moment->round);
}

/* Those events that are, or are not, WRITE_LOCKED. */
static void write_timeline(char text[1024], const struct timeline *timeline, bool of_lock)
{
	const char *comma = "";

	text[0] = 0;
	for (int i = 0; i < timeline->count; i++) {
		char moment[32];

		if ((timeline->moments[i].event == WRITE_LOCKED) != of_lock)
			continue;
		write_moment(moment, &timeline->moments[i], timeline->moments[0].at_ns);
		strcat(strcat(text, comma), moment);
		comma = ", ";
	}
}

static void check_timeline(int number, const struct timeline *timeline, bool of_lock,
			   const char *wanted)
{
	char text[1024];

	write_timeline(text, timeline, of_lock);
	program_check(!strcmp(text, wanted ? wanted : ""), "case %d:\n  %s\nand not\n  %s", number,
		      text, wanted ? wanted : "");
}

static void play(int i, ferry_task_factory factory)
{
	struct stage stage = { .work = work, .write = begin_write };
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	long memory = fault_memory(), descriptors = fault_descriptors();

	options.task_factory = factory;
	program_check(ferry_loop_new(&options, &stage.loop) == 0, "no loop");
	program_check(examples[i].number == i + 1, "the cases are not in order");
	program_check(example_play(&examples[i], &stage) == 0, "case %d fails", i + 1);
	check_timeline(i + 1, &stage.timeline, false, printed[i]);
	check_timeline(i + 1, &stage.timeline, true, locked[i]);
	program_check(timeline_verdict(&stage.timeline) == examples[i].expected,
		      "case %d: %s, and not %s", i + 1,
		      verdict_text(timeline_verdict(&stage.timeline)),
		      verdict_text(examples[i].expected));
	program_check(ferry_loop_pending(stage.loop) == 0, "case %d leaves something", i + 1);
	program_check(fixture_loop_counters(stage.loop).tasks == 0, "case %d leaves a task", i + 1);
	fixture_end(stage.loop, NULL);
	program_check(fault_memory() == memory && fault_descriptors() == descriptors,
		      "case %d leaks", i + 1);
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "the ten cases of overlap, by a clock that stands still", 1, 1);
	fault_stop_clock();
	for (int i = 0; i < EXAMPLES; i++) {
		play(i, NULL);
		play(i, ferry_lazy_factory);
		printf("ok: case %d: %s: %s\n", i + 1, examples[i].title,
		       verdict_text(examples[i].expected));
	}
	return 0;
}
