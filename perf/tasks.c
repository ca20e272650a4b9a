/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/tasks: what each operation of the floor of tasks takes, in time and in allocations.
 * Unless a case says otherwise it runs in turns of the loop, with their budget.
 *
 *   call/...        one child at a time, awaited at once: "pointer" is no task, but what a
 *                   call through a pointer takes
 *   create/...      a child that is begun and ends in its first step, of 1,000
 *   group, gather   the same, begun and waited for, in the three mixes of seed 97696: all end at
 *                   once; three of ten suspend once; all do
 *   suspend/...     one wait for a turn: of 1,000 tasks at once, and of one alone
 *   switch/...      from task to task by an event or a lock: of 250 pairs, and of one, for which
 *                   each switch is a turn
 *   one_by_one/...  create and await on the real loop; "watching" has a descriptor that the loop
 *                   watches, so that each turn asks epoll
 *   offload/...     by IN-FLIGHT/WHO: a task that waits, or a done-callback
 */
#include "bench.h"
#include "calls.h"
#include "children.h"
#include "crowd.h"
#include "files.h"
#include "measure.h"
#include "pairs.h"
#include "workload.h"

#define HOW(type, name, TYPE, ...)                                                                \
	static const struct type name##_how = { __VA_ARGS__ };                                    \
	static const struct drill name = TYPE##_DRILL(name##_how)
#define CALLS(name, ...) HOW(calls, name, CALLS, __VA_ARGS__)
#define CHILDREN(name, ...) HOW(children, name, CHILDREN, __VA_ARGS__)
#define CROWD(name, ...) HOW(crowd, name, CROWD, __VA_ARGS__)
#define PAIRS(name, ...) HOW(pairs, name, PAIRS, __VA_ARGS__)

CALLS(call_pointer, .of = CALLS_POINTER);
CALLS(call_embedded, .of = CALLS_CHILD);

CHILDREN(create_eager, .start = FERRY_START_EAGER);
CHILDREN(create_in_group, .together = CHILDREN_IN_GROUP);
CHILDREN(create_lazy, .start = FERRY_START_LAZY);
CHILDREN(create_deferred, .start = FERRY_START_DEFERRED);

CHILDREN(group_at_once, .together = CHILDREN_IN_GROUP);
CHILDREN(group_three_in_ten, .together = CHILDREN_IN_GROUP, .suspending = 3);
CHILDREN(group_all_suspend, .together = CHILDREN_IN_GROUP, .suspending = 10);
CHILDREN(gather_at_once, .together = CHILDREN_GATHERED);
CHILDREN(gather_three_in_ten, .together = CHILDREN_GATHERED, .suspending = 3);
CHILDREN(gather_all_suspend, .together = CHILDREN_GATHERED, .suspending = 10);

CROWD(suspend, .count = CROWD_YIELDING);
CALLS(suspend_alone, .of = CALLS_YIELD);
CALLS(suspend_awaited, .of = CALLS_YIELD, .awaited = true);
CROWD(limiter, .count = CROWD_LIMITED, .limit = CROWD_LIMIT);

PAIRS(switch_event, .by = PAIRS_EVENT, .count = PAIRS_MANY);
PAIRS(switch_event_alone, .by = PAIRS_EVENT, .count = 1);
PAIRS(switch_lock, .by = PAIRS_LOCK, .count = PAIRS_MANY);
PAIRS(switch_lock_alone, .by = PAIRS_LOCK, .count = 1);
CALLS(lock, .of = CALLS_LOCK, .in_turns = true);
PAIRS(queue_1, .by = PAIRS_QUEUE, .capacity = 1);
PAIRS(queue_64, .by = PAIRS_QUEUE, .capacity = 64);
PAIRS(iterator, .by = PAIRS_ITERATOR);

CALLS(await_local, .of = CALLS_LOCAL, .in_turns = true);
CALLS(eager, .of = CALLS_CHILD, .in_turns = true);
CALLS(eager_watching, .of = CALLS_CHILD, .in_turns = true, .watching = true);
CALLS(lazy, .of = CALLS_CHILD, .start = FERRY_START_LAZY, .in_turns = true);
CALLS(lazy_watching, .of = CALLS_CHILD, .start = FERRY_START_LAZY, .in_turns = true,
      .watching = true);

static const struct workload by_callback_1 = { .in_flight = 1, .threads = 2 };
static const struct workload by_task_1 = { .in_flight = 1, .threads = 2, .by_tasks = true };
static const struct workload by_callback_256 = { .in_flight = 256, .threads = 2 };
static const struct workload by_task_256 = { .in_flight = 256, .threads = 2, .by_tasks = true };

#define DRILL_AGAINST(name_, what_, drill_, granule_, against_)                                   \
	{                                                                                         \
		.name = name_, .what = what_, .run = measure_drill, .argument = &(drill_),        \
		.values = { MEASURE_VALUES }, .granule = granule_, .against = against_            \
	}
#define DRILL(name_, what_, drill_) DRILL_AGAINST(name_, what_, drill_, 0, NULL)
#define BATCH(name_, what_, drill_) DRILL_AGAINST(name_, what_, drill_, CHILDREN_BATCH, NULL)
#define OFFLOAD(name_, what_, workload_, against_)                                                \
	{                                                                                         \
		.name = name_, .what = what_, .run = workload_ferry, .argument = &(workload_),    \
		.values = { WORKLOAD_VALUES }, .against = against_                                \
	}

static const struct bench_case cases[] = {
	DRILL("call/pointer", "no task: a call through a pointer", call_pointer),
	DRILL_AGAINST("call/embedded", "a child in the parent's frame, outside of turns",
		      call_embedded, 0, "call/pointer"),
	BATCH("create/eager", "eager, in memory of the parent's", create_eager),
	BATCH("create/in_group", "eager, a child of a group", create_in_group),
	BATCH("create/lazy", "lazy, with its turn", create_lazy),
	BATCH("create/deferred", "deferred, then scheduled, with its turn", create_deferred),
	BATCH("group/at_once", "1,000 in a group: all end at once", group_at_once),
	BATCH("group/three_in_ten", "1,000 in a group: 30 % suspend once", group_three_in_ten),
	BATCH("group/all_suspend", "1,000 in a group: all suspend once", group_all_suspend),
	BATCH("gather/at_once", "1,000 gathered: all end at once", gather_at_once),
	BATCH("gather/three_in_ten", "1,000 gathered: 30 % suspend once", gather_three_in_ten),
	BATCH("gather/all_suspend", "1,000 gathered: all suspend once", gather_all_suspend),
	DRILL_AGAINST("suspend/of_1000", "suspend and resume, 1,000 tasks in a turn", suspend,
		      CROWD_YIELDING, NULL),
	DRILL("suspend/alone", "suspend and resume, with a turn", suspend_alone),
	DRILL("suspend/awaited", "the same, where ferry_loop_await() runs the loop",
	      suspend_awaited),
	DRILL_AGAINST("switch/event", "by events, 250 pairs in a turn", switch_event,
		      2 * PAIRS_MANY, NULL),
	DRILL_AGAINST("switch/event_alone", "by events, with a turn", switch_event_alone, 2, NULL),
	DRILL_AGAINST("switch/lock", "by a lock, 250 pairs in a turn", switch_lock,
		      2 * PAIRS_MANY, NULL),
	DRILL_AGAINST("switch/lock_alone", "by a lock, with a turn", switch_lock_alone, 2, NULL),
	DRILL("lock", "a lock that is free: acquired and released", lock),
	DRILL_AGAINST("limiter", "100,000 submitted, 64 at once, each suspends once", limiter,
		      CROWD_LIMITED, NULL),
	DRILL("queue/1", "an item handed over, room for one", queue_1),
	DRILL("queue/64", "an item handed over, room for 64", queue_64),
	DRILL("iterator", "an item asked for and given", iterator),
	DRILL("await/local", "a local that is done", await_local),
	DRILL("one_by_one/eager", "eager child, awaited at once", eager),
	DRILL("one_by_one/lazy", "lazy child, awaited at once", lazy),
	DRILL("one_by_one/eager/watching", "the same, and epoll asked in each turn",
	      eager_watching),
	DRILL("one_by_one/lazy/watching", "the same, and epoll asked in each turn", lazy_watching),
	OFFLOAD("offload/1/callback", "1 in flight, done-callback", by_callback_1, NULL),
	OFFLOAD("offload/1/task", "1 in flight, awaited by a task", by_task_1,
		"offload/1/callback"),
	OFFLOAD("offload/256/callback", "256 in flight, done-callbacks", by_callback_256, NULL),
	OFFLOAD("offload/256/task", "256 in flight, awaited by tasks", by_task_256,
		"offload/256/callback"),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "tasks",
		.question = "What does each operation of the floor of tasks take?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
