# SPDX-License-Identifier: LGPL-2.1-or-later
"""The word of what tasks wait for: who waits, or how it ended."""
from . import library
from . import local as loop_local
from . import outcome


class Word:
    """The word of an awaitable, taken apart as lib/task/awaitable.h says."""

    def __init__(self, awaitable):
        word = int(awaitable["word"])
        shift = library.enum("awaitable_shift", "task")
        begin = shift["AWAITABLE_ADDRESS_SHIFT"]
        done = 1 << shift["AWAITABLE_DONE_SHIFT"]
        bits = word & ((1 << begin) - 1)
        self.address = word >> begin << begin
        self.is_nothing = word == 0
        self.is_done = bool(word & done)
        self.is_task = False
        if self.is_done:
            self.outcome = library.enum("awaitable_outcome", "task").name_of(bits & ~done)
        elif not self.is_nothing:
            self.is_task = bits == library.enum("awaitable_kind", "task")["AWAITABLE_TASK"]

    def waiters(self):
        """The nodes of those who wait, the oldest first."""
        if not self.is_done and self.address:
            yield from library.ring(
                library.at(self.address, "struct ferry_waiter", "task").address)

    def outcome_line(self, number=None):
        if self.outcome == "AWAITABLE_RESULT":
            return "result" + ("" if number is None else " %d" % number)
        if self.outcome == "AWAITABLE_CANCELLED":
            return "cancelled"
        return outcome.exception(self.address)


def waiter(node):
    """One who waits for it, by its node."""
    notify = library.symbol(node["notify"])
    if notify == "task_resume":
        return "task %s" % library.place(
            library.container(node, "struct ferry_task", "task", "node"))
    if notify == "gather_arrive":
        entry = library.container(node, "ferry_gather_entry", "gather", "waiter")
        return "gather %s" % library.hexadecimal(entry["gather"])
    return library.call(node["notify"])


def waiters_line(word):
    told = library.each_told(waiter, word.waiters())
    if not told:
        return "no waiters"
    return "%s: %s" % (library.count(len(told), "waiter"), ", ".join(library.shorten(told)))


def line(awaitable):
    word = Word(awaitable)
    if word.is_nothing:
        return "nothing was begun"
    if word.is_done:
        return word.outcome_line()
    return "pending, " + waiters_line(word)


# ---- operations ----

def operation(awaitable):
    """The operation that has this as its word."""
    return library.container(awaitable.address, "ferry_operation", "task", "awaitable")


def operation_name(of):
    if library.is_null(of["hooks"]) or library.is_null(of["hooks"]["name"]):
        return "something"
    return library.string(of["hooks"]["name"])


def await_of(of):
    """The ferry_await that this operation is, if it is one."""
    if not library.is_constant(of["hooks"], "local_hooks"):
        return None
    return library.container(of.address, "ferry_await", "await", "operation")


def operation_line(of):
    """"local 0x1234: pending, an offload of read_file(), running" """
    held = await_of(of)
    if held is None or library.is_null(held["local"]):
        return operation_name(of)
    return "local %s: %s" % (library.hexadecimal(held["local"]),
                             loop_local.brief(held["local"].dereference()))
