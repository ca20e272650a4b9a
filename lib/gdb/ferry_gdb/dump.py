# SPDX-License-Identifier: LGPL-2.1-or-later
"""All tasks of a loop: who waits for whom, where, and since when, as ferry_loop_dump() writes it.

Of a local it also says what that comes from. Nothing is marked in the tasks, as the dump does.
"""
import gdb

from . import awaitable
from . import library
from . import task as tasks

DEPTH_MOST = 64


class Dump:
    def __init__(self, loop):
        self.loop = loop
        self.lines = []
        self.shown = set()        # tasks
        self.shown_groups = set()
        self.adrift = {}          # by scope: on the ready list, and listed next
        self.broken = []          # why lists end where they should not

    def put(self, depth, text):
        self.lines.append("  " * min(depth, DEPTH_MOST) + text)

    # ---- which ones there are ----

    def sound(self, parts):
        """Those of a list that can be read."""
        try:
            yield from parts
        except gdb.MemoryError as error:
            if str(error) not in self.broken:
                self.broken.append(str(error))

    def find_adrift(self):
        for node in self.sound(library.chain(self.loop["ready"]["first"])):
            if library.symbol(node["notify"]) != "task_resume":
                continue
            task = library.container(node, "struct ferry_task", "task", "node")
            if not tasks.has(task, "TASK_LISTED"):
                self.adrift.setdefault(int(task["scope"]), []).append(task)

    def activations(self):
        """Those whose first step runs: they are in no list."""
        for each in library.linked(self.loop["activation"], "struct activation", "task", "outer"):
            if library.is_null(each["outer"]) or library.is_null(each["task"]):
                continue
            task = library.at(each["task"], "struct ferry_task", "task")
            if not tasks.has(task, "TASK_LISTED"):
                yield task

    def listed(self, scope):
        yield from self.sound(library.linked(scope["first"], "struct ferry_task", "task", "next"))
        yield from self.adrift.get(int(scope.address), [])

    def groups(self):
        return self.sound(library.linked(self.loop["groups"], "struct ferry_group", "group",
                                         "next"))

    def all_tasks(self):
        yield from self.sound(self.activations())
        yield from self.listed(self.loop["scope"])
        for group in self.groups():
            yield from self.listed(group["scope"])

    # ---- the tree ----

    def show_group(self, group, depth, groups):
        seen = int(group.address) in self.shown_groups
        self.shown_groups.add(int(group.address))
        self.put(depth, library.told_of("group", group, tasks.group_line) + (
            ", shown above" if seen else "" if groups else ", too deep to be shown"))
        if not seen and groups:
            for task in self.listed(group["scope"]):
                if int(task.address) not in self.shown:
                    self.show_tree(task, depth + 1, groups - 1)

    def show_gather(self, gather, depth, groups):
        self.put(depth, tasks.gather_line(gather))
        waiting = library.enum("entry_state", "gather")["ENTRY_WAITING"]
        for i in range(int(gather["count"]) if groups else 0):
            entry = gather["entries"][i]
            if int(entry["state"]) != waiting:
                continue
            word = awaitable.Word(entry["of"])
            if word.is_done or not word.is_task or int(entry["of"]) in self.shown:
                continue
            self.show_tree(tasks.of_awaitable(entry["of"]), depth + 1, groups - 1)

    def show_operation(self, operation, depth, groups):
        group, gather = tasks.as_group(operation), tasks.as_gather(operation)
        if group is not None:
            self.show_group(group, depth, groups)
        elif gather is not None:
            self.show_gather(gather, depth, groups)
        else:
            self.put(depth, awaitable.operation_line(operation))

    def show_tree(self, task, depth, groups):
        try:
            self.follow(task, depth, groups)
        except gdb.MemoryError as error:
            self.put(depth + 1, "<%s>" % error)

    def follow(self, task, depth, groups):
        """A task, what it waits for, what that waits for, and so on."""
        while True:
            self.shown.add(int(task.address))
            self.put(depth, library.told_of("task", task, tasks.dump_line))
            depth += 1
            for group in tasks.open_groups(task):
                self.show_group(group, depth, groups)
            if not tasks.waits(task):
                return
            if not awaitable.Word(task["awaited"]).is_task:
                self.show_operation(awaitable.operation(task["awaited"].dereference()), depth,
                                    groups)
                return
            task = tasks.of_awaitable(task["awaited"])
            if int(task.address) in self.shown:
                self.put(depth, "task %s, shown above" % library.place(task))
                return

    # ---- which ones stand on top ----

    def has_waiter(self, task):
        nodes = self.sound(awaitable.Word(task["awaitable"]).waiters())
        return any(library.symbol(node["notify"]) in ("task_resume", "gather_arrive")
                   for node in nodes)

    def show_top(self, everything):
        for task in list(self.all_tasks()):
            if int(task.address) in self.shown or tasks.has_ended(task):
                continue
            in_group = int(task["scope"]) != int(self.loop["scope"].address)
            if everything or not (in_group or self.has_waiter(task)):
                self.show_tree(task, 0, DEPTH_MOST)

    def show(self):
        self.find_adrift()
        number = int(self.loop["counters"]["tasks"]) + sum(map(len, self.adrift.values()))
        self.put(0, "%d tasks" % number)
        self.show_top(False)
        for group in self.groups():
            if int(group.address) not in self.shown_groups:
                self.show_group(group, 0, DEPTH_MOST)
        # Those that wait for each other in a circle.
        self.show_top(True)
        for why in self.broken:
            self.put(0, "a list ends where it should not: <%s>" % why)
        return self.lines


def lines(loop):
    return Dump(loop).show()
