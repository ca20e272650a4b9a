/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hot paths of tasks: drills, each called by a function of its own name. */
#include "calls.h"
#include "children.h"
#include "crowd.h"
#include "pairs.h"
#include "path.h"

#define HOW(type, TYPE, name, ...)                                                                \
	static const struct type name##_how = { __VA_ARGS__ };                                    \
	const struct drill drill_##name = TYPE##_DRILL(name##_how)

HOW(children, CHILDREN, task_eager, .start = FERRY_START_EAGER);
HOW(children, CHILDREN, task_eager_in_group, .together = CHILDREN_IN_GROUP);
HOW(children, CHILDREN, task_lazy, .start = FERRY_START_LAZY);
HOW(calls, CALLS, task_embedded_call, .of = CALLS_CHILD);
HOW(crowd, CROWD, task_suspend_resume, .count = 1000);
HOW(pairs, PAIRS, task_switch, .by = PAIRS_EVENT, .count = PAIRS_MANY);
HOW(children, CHILDREN, group_of_1000, .together = CHILDREN_IN_GROUP, .suspending = 10);
HOW(children, CHILDREN, gather_of_1000, .together = CHILDREN_GATHERED, .suspending = 10);
HOW(crowd, CROWD, limiter, .count = 1000, .limit = CROWD_LIMIT);
HOW(calls, CALLS, lock_uncontended, .of = CALLS_LOCK);
HOW(pairs, PAIRS, queue_hand_over, .by = PAIRS_QUEUE, .capacity = PAIRS_CAPACITY_MOST);
HOW(calls, CALLS, await_done_local, .of = CALLS_LOCAL);

/* What stands behind the call differs, so that no two of them are made one, nor the call a jump:
 * callgrind would not see where it ends. */
#define DEFINED(name)                                                                             \
	void path_##name(struct setting *setting, unsigned count)                                 \
	{                                                                                         \
		drill_##name.run(setting->side, count);                                           \
		setting->drill = &drill_##name;                                                   \
	}
TASK_PATHS(DEFINED)
