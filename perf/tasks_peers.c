/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/tasks_peers: tasks beside coroutines and goroutines of others, in the same shapes.
 *
 *   at_once             1,000 children that end at once, begun and waited for, one child
 *   three_in_ten        the same, of which 30 % suspend once
 *   all_suspend         the same, all of which do
 *   one_by_one          one child at a time, awaited at once
 *   ping_pong           two that go on by turns, one switch
 *   ping_pong_of_250    the same with 250 pairs
 *
 * A case is called SHAPE/WHO; who is
 *   ferry     eager children in the parent's frame, in a group where there are 1,000; also
 *             gathered; lazy; and each with a frame from malloc()
 *   c++20     coroutines by hand with frames from malloc(), and from a free list
 *   asio      Boost.Asio: co_spawn()
 *   go        goroutines on one processor
 *   node      async functions, and Promise.all()
 *   cpython   asyncio: gather() or a TaskGroup, lazy and eager
 */
#include "bench.h"
#include "calls.h"
#include "children.h"
#include "measure.h"
#include "pairs.h"
#include "peer_command.h"
#include "peers.h"

_Static_assert(PEER_BATCH == CHILDREN_BATCH && PEER_RESULT == CHILD_RESULT,
	       "peers do the same as we");

#ifndef PERF_HAVE_COROUTINES
#define peer_coroutines_open NULL
#define peer_coroutines_run NULL
#define peer_coroutines_close NULL
#endif
#ifndef PERF_HAVE_ASIO
#define peer_asio_open NULL
#define peer_asio_run NULL
#define peer_asio_close NULL
#endif

/* ---- what each does ---- */

#define CHILDREN(name, ...)                                                                       \
	static const struct children name##_how = { __VA_ARGS__ };                                \
	static const struct drill name = CHILDREN_DRILL(name##_how)
#define CALLS(name, ...)                                                                          \
	static const struct calls name##_how = { __VA_ARGS__ };                                   \
	static const struct drill name = CALLS_DRILL(name##_how)
#define PAIRS(name, ...)                                                                          \
	static const struct pairs name##_how = { __VA_ARGS__ };                                   \
	static const struct drill name = PAIRS_DRILL(name##_how)

#define OURS(name, number)                                                                        \
	CHILDREN(name##_group, .together = CHILDREN_IN_GROUP, .suspending = number);              \
	CHILDREN(name##_gather, .together = CHILDREN_GATHERED, .suspending = number);             \
	CHILDREN(name##_lazy, .together = CHILDREN_IN_GROUP, .suspending = number,                \
		 .start = FERRY_START_LAZY);                                                      \
	CHILDREN(name##_malloc, .together = CHILDREN_IN_GROUP, .suspending = number,              \
		 .allocated = true)

#define COMMAND(name, ...) static const struct peer_command name = { __VA_ARGS__ }
#define ASYNCIO(name, text, way) COMMAND(name, PEER_PYTHON, "peer_asyncio.py", way " " text)

/* @text is what a program of its own is told. */
#define THEIRS(name, shape, number, text)                                                         \
	static const struct peer_task name##_task = { shape, number, 0 };                         \
	static const struct peer_task name##_list_task = { shape, number, 1 };                    \
	static const struct drill name##_coroutines = {                                           \
		peer_coroutines_open, peer_coroutines_run, peer_coroutines_close, &name##_task    \
	};                                                                                        \
	static const struct drill name##_coroutines_list = { peer_coroutines_open,                \
							     peer_coroutines_run,                 \
							     peer_coroutines_close,               \
							     &name##_list_task };                 \
	static const struct drill name##_asio = { peer_asio_open, peer_asio_run, peer_asio_close, \
						  &name##_task };                                 \
	COMMAND(name##_go, PEER_GO, "peer_goroutines", text);                                     \
	COMMAND(name##_node, PEER_NODE, "peer_node.js", text);                                    \
	ASYNCIO(name##_asyncio_eager, text, "eager");                                             \
	ASYNCIO(name##_asyncio_lazy, text, "lazy")

OURS(at_once, 0);
OURS(three_in_ten, 3);
OURS(all_suspend, 10);
CALLS(one_by_one_eager, .of = CALLS_CHILD, .in_turns = true);
CALLS(one_by_one_lazy, .of = CALLS_CHILD, .start = FERRY_START_LAZY, .in_turns = true);
PAIRS(ping_pong_pairs, .by = PAIRS_EVENT, .count = 1);
PAIRS(ping_pong_of_250_pairs, .by = PAIRS_EVENT, .count = PAIRS_MANY);
_Static_assert(PAIRS_MANY == 250, "as the names say");

THEIRS(at_once, PEER_CHILDREN, 0, "children 0");
THEIRS(three_in_ten, PEER_CHILDREN, 3, "children 3");
THEIRS(all_suspend, PEER_CHILDREN, 10, "children 10");
THEIRS(one_by_one, PEER_ONE_BY_ONE, 0, "one_by_one 0");
THEIRS(ping_pong, PEER_PING_PONG, 1, "ping_pong 1");
THEIRS(ping_pong_of_250, PEER_PING_PONG, PAIRS_MANY, "ping_pong 250");
ASYNCIO(at_once_asyncio_group_eager, "children 0", "group_eager");
ASYNCIO(at_once_asyncio_group_lazy, "children 0", "group_lazy");
ASYNCIO(three_in_ten_asyncio_group_eager, "children 3", "group_eager");
ASYNCIO(three_in_ten_asyncio_group_lazy, "children 3", "group_lazy");
ASYNCIO(all_suspend_asyncio_group_eager, "children 10", "group_eager");
ASYNCIO(all_suspend_asyncio_group_lazy, "children 10", "group_lazy");

/* ---- the cases ---- */

/* Fewer would be before or behind a collection of what is no longer used, as it happens. A
 * multiple of all that is done at a time. */
#define NODE_LEAST 100000

#define DRILL(name_, what_, drill_, granule_, against_, skip_)                                    \
	{                                                                                         \
		.name = name_, .what = what_, .run = measure_drill, .argument = &(drill_),        \
		.values = { MEASURE_VALUES }, .granule = granule_, .against = against_,           \
		.skip = skip_                                                                     \
	}
#define PROGRAM(name_, what_, command_, granule_, against_, skip_)                                \
	{                                                                                         \
		.name = name_, .what = what_, .run = peer_command, .argument = &(command_),       \
		.granule = granule_, .against = against_, .skip = skip_                           \
	}
#define THEIR_CASES(name_, symbol, granule_)                                                      \
	DRILL(name_ "/c++20", "C++20 by hand, malloc", symbol##_coroutines, granule_,             \
	      name_ "/ferry", PEER_COROUTINES_SKIP),                                              \
	DRILL(name_ "/c++20/list", "C++20 by hand, a free list", symbol##_coroutines_list,        \
	      granule_, name_ "/ferry", PEER_COROUTINES_SKIP),                                    \
	DRILL(name_ "/asio", "Boost.Asio", symbol##_asio, granule_, name_ "/ferry",               \
	      PEER_ASIO_SKIP),                                                                    \
	{                                                                                         \
		.name = name_ "/go", .what = "Go, one processor", .run = peer_command,            \
		.argument = &(symbol##_go), .values = { MEASURE_VALUES }, .granule = granule_,    \
		.against = name_ "/ferry", .skip = PEER_GO_SKIP                                   \
	},                                                                                        \
	PROGRAM(name_ "/node", "Node", symbol##_node, NODE_LEAST, name_ "/ferry", NULL),          \
	PROGRAM(name_ "/cpython/eager", "asyncio, eager tasks", symbol##_asyncio_eager, granule_, \
		name_ "/ferry", NULL),                                                            \
	PROGRAM(name_ "/cpython/lazy", "asyncio, as it comes", symbol##_asyncio_lazy, granule_,   \
		name_ "/ferry", NULL)
#define CHILDREN_CASES(name_, symbol)                                                             \
	DRILL(name_ "/ferry", "a group, eager", symbol##_group, CHILDREN_BATCH, NULL, NULL),      \
	DRILL(name_ "/ferry/gather", "gathered, eager", symbol##_gather, CHILDREN_BATCH,          \
	      name_ "/ferry", NULL),                                                              \
	DRILL(name_ "/ferry/lazy", "a group, lazy", symbol##_lazy, CHILDREN_BATCH,                \
	      name_ "/ferry", NULL),                                                              \
	DRILL(name_ "/ferry/malloc", "a group, eager, malloc", symbol##_malloc, CHILDREN_BATCH,   \
	      name_ "/ferry", NULL),                                                              \
	THEIR_CASES(name_, symbol, CHILDREN_BATCH),                                               \
	PROGRAM(name_ "/cpython/group_eager", "asyncio, TaskGroup, eager tasks",                  \
		symbol##_asyncio_group_eager, CHILDREN_BATCH, name_ "/ferry", NULL),              \
	PROGRAM(name_ "/cpython/group_lazy", "asyncio, TaskGroup", symbol##_asyncio_group_lazy,   \
		CHILDREN_BATCH, name_ "/ferry", NULL)

static const struct bench_case cases[] = {
	CHILDREN_CASES("at_once", at_once),
	CHILDREN_CASES("three_in_ten", three_in_ten),
	CHILDREN_CASES("all_suspend", all_suspend),
	DRILL("one_by_one/ferry", "eager", one_by_one_eager, 0, NULL, NULL),
	DRILL("one_by_one/ferry/lazy", "lazy", one_by_one_lazy, 0, "one_by_one/ferry", NULL),
	THEIR_CASES("one_by_one", one_by_one, 0),
	DRILL("ping_pong/ferry", "by events, a turn each", ping_pong_pairs, 2, NULL, NULL),
	THEIR_CASES("ping_pong", ping_pong, 2),
	DRILL("ping_pong_of_250/ferry", "by events", ping_pong_of_250_pairs, 2 * PAIRS_MANY, NULL,
	      NULL),
	THEIR_CASES("ping_pong_of_250", ping_pong_of_250, 2 * PAIRS_MANY),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "tasks_peers",
		.question = "What does a task take, beside coroutines and goroutines of others?\n"
			    "Cases are SHAPE/WHO.",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
