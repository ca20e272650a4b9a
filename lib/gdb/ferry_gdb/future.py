# SPDX-License-Identifier: LGPL-2.1-or-later
"""The concurrent future: its word, and who waits for it."""
from . import library
from . import outcome


class Word:
    """The state of a future, taken apart as lib/future/word.h says."""

    def __init__(self, word):
        shift = library.enum("word_shift", "word")
        phases = library.enum("word_phase", "word")
        word = int(word)
        self.phase = phases.name_of(word & ((1 << shift["WORD_LIST_SHIFT"]) - 1))
        self.is_done = self.phase == "WORD_DONE"
        if self.is_done:
            end = shift["WORD_ASKED_SHIFT"]
            bits = (word & ((1 << end) - 1)) >> shift["WORD_OUTCOME_SHIFT"]
            self.outcome = library.enum("word_outcome", "word").name_of(bits)
            self.is_asked = bool(word >> shift["WORD_ASKED_SHIFT"] & 1)
            self.is_taken = bool(word >> shift["WORD_TAKEN_SHIFT"] & 1)
            self.has_run = bool(word >> shift["WORD_RAN_SHIFT"] & 1)
        else:
            begin = shift["WORD_WAITERS_SHIFT"]
            self.newest = library.at(word >> begin << begin, "struct ferry_waiter", "word")
            self.is_held = bool(word >> shift["WORD_LIST_SHIFT"] & 1)
            self.is_asked = self.phase == "WORD_RUNNING_ASKED"


def has(future, flag):
    return library.has(future["flags"], flag, "future_flag", "word")


# ---- who waits ----

def waiter(node):
    """One who waits for a future, by what it is to be told with."""
    notify = library.symbol(node["notify"])
    if notify == "blocker_notify":
        return "a thread in ferry_future_wait()"
    if notify == "arrival_notify":
        return "a thread that waits for several"
    if notify == "local_arrive":
        return "local %s" % library.place(library.container(
            node, "struct ferry_local", "bridge", "job", "future", "node"))
    return library.call(node["notify"])


def waiters(word):
    """All who wait, in the order attached."""
    nodes = library.chain(word.newest.address) if int(word.newest.address) else []
    return library.each_told(waiter, nodes)[::-1]


# ---- lines ----

def name(future):
    """What somebody called it; None if nobody did."""
    units = int(future["tail"])
    if not units:
        return None
    # As future_tail() finds it.
    tail = future.address.cast(library.find_type("uint64_t", "word").pointer()) + units
    given = library.at(tail, "struct future_tail", "word")["name"]
    return library.string(given) or None


def kind(future):
    if has(future, "FUTURE_UNWRAPPED"):
        return "future of a task or a local"
    return "job" if has(future, "FUTURE_JOB") else "promise"


def state(future, with_waiters=True):
    """"running read_file(), cancel requested, no waiters" """
    word = Word(future["word"])
    if word.is_done:
        return _done(future, word)
    is_pending = word.phase == "WORD_PENDING"
    text = "pending" if is_pending else "running"
    if has(future, "FUTURE_JOB"):
        text += (", to run " if is_pending else " ") + library.call(future["function"])
    if word.is_asked:
        text += ", cancel requested"
    if word.is_held:
        text += ", its list is held"
    if with_waiters:
        told = waiters(word)
        text += ", " + (library.count(len(told), "waiter") + ": " +
                        ", ".join(library.shorten(told)) if told else "no waiters")
    return text


def _done(future, word):
    if word.outcome == "WORD_RESULT":
        text = outcome.result(future["result"]) + (", taken" if word.is_taken else "")
    elif word.outcome == "WORD_EXCEPTION":
        text = outcome.exception(future["exception"])
    else:
        return "cancelled" + (" while it ran" if word.has_run else "")
    return text + (", a cancel was requested" if word.is_asked else "")


def line(future):
    """"promise "answer" 0x1234: pending, no waiters" """
    called = name(future)
    return "%s %s%s: %s" % (kind(future), library.quote(called) + " " if called else "",
                            library.place(future), state(future))
