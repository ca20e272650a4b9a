# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands: ferry loop, ferry pool, ferry tasks."""
import gdb

from . import dump
from . import library
from . import loop as loops
from . import pool as pools
from . import thread as threads


def _named(expression, tag, what):
    """What an expression gives: the struct, or a pointer to it."""
    value = gdb.parse_and_eval(expression)
    kind = value.type.strip_typedefs()
    address = value.address
    if kind.code == gdb.TYPE_CODE_PTR:
        if library.is_null(value):
            raise gdb.GdbError("%s is null: no %s" % (expression, what))
        kind = kind.target().strip_typedefs()
        address = value
    # What lies nowhere, a number for instance, has no address.
    if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag not in tag or address is None:
        raise gdb.GdbError("%s is no %s" % (expression, what))
    return kind.tag, gdb.Value(int(address))


def _find_loops(expression):
    if not expression:
        found = threads.find_loops()
        if not found:
            library.find_type("struct ferry_loop", "bridge")
            raise gdb.GdbError("no thread is inside of a loop: name one, ferry loop EXPRESSION")
        return found
    _, value = _named(expression, ("ferry_loop",), "loop")
    return [library.at(value, "struct ferry_loop", "bridge")]


def _find_pools(expression):
    if not expression:
        found = pools.find()
        if not found:
            library.find_type("struct core", "pool")
            raise gdb.GdbError("no thread is a pool's: name one, ferry pool EXPRESSION")
        return found
    tag, value = _named(expression, ("ferry_pool", "core", "ferry_lane"), "pool")
    if tag != "core":
        struct = "struct ferry_pool" if tag == "ferry_pool" else "struct ferry_lane"
        value = library.at(value, struct, "pool")["core"]
    return [library.at(value, "struct core", "pool")]


class Command(gdb.Command):
    """What they have in common: reading memory only, and an error that says what is missing."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def lines(self, expression):
        raise NotImplementedError

    def invoke(self, argument, from_tty):
        try:
            for line in self.lines(argument.strip()):
                gdb.write(line + "\n")
        except gdb.MemoryError as error:
            raise gdb.GdbError("cannot read that: %s" % error)


class Ferry(gdb.Command):
    """Loops, pools and tasks of libferry. See docs/debugging.md."""

    def __init__(self):
        super().__init__("ferry", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class Loop(Command):
    """Show a loop: what is due, what was posted, its timers, the locals that it waits for.
Usage: ferry loop [EXPRESSION]
Without an expression, every loop that a frame of some thread has a pointer to."""

    def lines(self, expression):
        found = _find_loops(expression)
        owners = threads.owners()
        for loop in found:
            shown = loops.lines(loop)
            thread = owners.get(int(loop["owner"]))
            yield next(shown) + ("" if thread is None else ", of thread %d" % thread)
            yield from shown


class Pool(Command):
    """Show a pool: its workers and what they run, its lanes, and the jobs that wait.
Usage: ferry pool [EXPRESSION]
Without an expression, every pool that has a worker."""

    def lines(self, expression):
        for core in _find_pools(expression):
            yield from pools.lines(core)


class Tasks(Command):
    """Show the tasks of a loop: who waits for whom, where, and since when; as ferry_loop_dump().
Usage: ferry tasks [EXPRESSION]
Without an expression, those of every loop that a frame of some thread has a pointer to."""

    def lines(self, expression):
        found = _find_loops(expression)
        for loop in found:
            if len(found) > 1:
                yield loops.line(loop)
            yield from dump.lines(loop)


def register():
    Ferry()
    Loop("ferry loop")
    Pool("ferry pool")
    Tasks("ferry tasks")
