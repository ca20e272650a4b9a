# SPDX-License-Identifier: LGPL-2.1-or-later
"""What print shows of an object of the library: one line. print/r shows its members."""
import gdb

from . import awaitable
from . import future
from . import library
from . import local
from . import loop
from . import outcome
from . import pool
from . import task

NAME = "libferry"


def _error(value):
    return outcome.exception(value.address)


def _pool(value):
    return pool.line(library.at(value["core"], "struct core", "pool"))


def _lane(value):
    return "%s, of pool %s" % (pool.lane_line(value), pool.name(value["core"]))


# By the tag of the struct: the type as the library has it, and what makes a line of it.
LINES = {
    "ferry_awaitable": ("task", awaitable.line),
    "ferry_error": ("error", _error),
    "ferry_future": ("word", future.line),
    "ferry_group": ("group", task.group_line),
    "ferry_lane": ("pool", _lane),
    "ferry_local": ("bridge", local.line),
    "ferry_loop": ("bridge", loop.line),
    "ferry_pool": ("pool", _pool),
    "ferry_task": ("task", task.line),
}


class Printer:
    def __init__(self, value, make):
        self.value = value
        self.make = make

    def to_string(self):
        try:
            return self.make(self.value)
        except (gdb.GdbError, gdb.error) as error:
            return "<%s>" % error


class Collection:
    """As gdb wants it: named, so that it can be switched off by disable pretty-printer."""
    name = NAME
    enabled = True

    def __call__(self, value):
        kind = value.type.strip_typedefs().unqualified()
        if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag not in LINES or value.address is None:
            return None
        scope, make = LINES[kind.tag]
        try:
            whole = library.at(int(value.address), "struct " + kind.tag, scope)
            return Printer(whole, make)
        except gdb.GdbError:
            # The library has no debug information: it is shown as gdb would without us.
            return None
