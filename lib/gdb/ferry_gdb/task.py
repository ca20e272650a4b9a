# SPDX-License-Identifier: LGPL-2.1-or-later
"""The task and the group: how they are, and where and for what a task waits."""
from . import awaitable
from . import library
from . import outcome

# As ferry_loop_dump() calls them.
STATES = {
    "TASK_NEW": "deferred",
    "TASK_QUEUED": "queued",
    "TASK_SCHEDULED": "scheduled",
    "TASK_RUNNING": "running",
    "TASK_WAITING": "waiting",
    "TASK_WAITING_SHIELDED": "waiting",
    "TASK_WOKEN": "woken",
    "TASK_YIELDING": "yielding",
    "TASK_REACQUIRING": "waiting",
}
WAITING = ("TASK_WAITING", "TASK_WAITING_SHIELDED", "TASK_REACQUIRING")
SETTLED = ("TASK_FAILED", "TASK_CANCELLED", "TASK_VALUED")


def of_awaitable(address):
    return library.container(address, "struct ferry_task", "task", "awaitable")


def has(task, flag):
    return library.has(task["flags"], flag, "task_flag", "task")


def state(task):
    return library.enum("task_state", "task").name_of(int(task["state"]))


def state_name(task):
    return STATES.get(state(task), state(task))


def waits(task):
    return state(task) in WAITING


def has_ended(task):
    return awaitable.Word(task["awaitable"]).is_done


def loop(task):
    """The loop that it belongs to; None if it was refused, or never begun."""
    if library.is_null(task["scope"]):
        return None
    return library.at(task["scope"]["loop"], "struct ferry_loop", "task")


# ---- what few tasks have ----

def attachments(task, kind):
    wanted = library.enum("attachment_kind", "task")[kind]
    for each in library.chain(task["attachments"]):
        if int(each["kind"]) == wanted:
            yield each


def name(task):
    """What it was called; None if it was not."""
    for each in attachments(task, "ATTACHMENT_OPTIONS"):
        extra = library.container(each, "struct task_extra", "task", "attachment")
        return library.string(extra["name"]) or None
    return None


def group(task):
    """The group that it is in, if any."""
    of = loop(task)
    if of is None or int(task["scope"]) == int(of["scope"].address):
        return None
    return library.container(task["scope"], "struct ferry_group", "group", "scope")


def open_groups(task):
    """The groups that it has open, and does not wait for."""
    awaited = int(task["awaited"]) if waits(task) else 0
    for each in attachments(task, "ATTACHMENT_GROUP"):
        of = library.container(each, "struct ferry_group", "group", "attachment")
        if not group_has(of, "GROUP_ENDED") and int(of["awaitable"].address) != awaited:
            yield of


# ---- where it waits ----

def waited_ns(task):
    """How long it has waited, as of when its loop last looked at the clock; None: not told."""
    if not (waits(task) or state(task) == "TASK_YIELDING") or any(has(task, f) for f in SETTLED):
        return None
    of = loop(task)
    return None if of is None else max(0, int(of["busy_since_ns"]) - int(task["since_ns"]))


def place(task):
    """", at copy.c:31, copy_step(): &f->reading"; None if it does not wait."""
    if not (waits(task) or state(task) in ("TASK_YIELDING", "TASK_WOKEN")):
        return None
    if library.is_null(task["place"]):
        return None
    where = task["place"]
    text = ""
    if not library.is_null(where["file"]):
        text = ", at %s:%d" % (library.string(where["file"]), int(where["line"]))
        if not library.is_null(where["function"]):
            text += ", %s()" % library.string(where["function"])
    if not library.is_null(where["text"]):
        text += ": " + library.string(where["text"])
    return text


def label(task):
    """"task "copy" 0x1234" """
    called = None if has_ended(task) else name(task)
    return "task %s%s" % (library.quote(called) + " " if called else "", library.place(task))


def _state_line(task):
    """All that the dump has of it, less who it is."""
    text = state_name(task)
    if has(task, "TASK_SHIELDED"):
        text += ", cleaning up"
    if int(task["cancels"]):
        text += ", cancelled %d times" % int(task["cancels"])
    waited = waited_ns(task)
    if waited is not None:
        text += ", for %d.%03d ms" % (waited // 1000000, waited // 1000 % 1000)
    return text + (place(task) or "")


def dump_line(task):
    """As ferry_loop_dump() has it, less the indentation."""
    called = name(task)
    return "%stask %s: %s" % (library.quote(called) + " " if called else "", library.place(task),
                              _state_line(task))


def _ended_line(task):
    word = awaitable.Word(task["awaitable"])
    number = int(task["number"]) if has(task, "TASK_VALUED") else None
    return "%s: %s" % (label(task), word.outcome_line(number))


def awaited_line(task):
    """What it waits for, in short."""
    awaited = task["awaited"].dereference()
    word = awaitable.Word(awaited)
    if word.is_done or word.is_nothing:
        return awaitable.line(awaited)
    if word.is_task:
        other = of_awaitable(awaited.address)
        return "%s, %s" % (label(other), state_name(other))
    of = awaitable.operation(awaited)
    if as_group(of) is not None:
        return group_line(as_group(of))
    if as_gather(of) is not None:
        return gather_line(as_gather(of))
    return awaitable.operation_line(of)


def line(task):
    """"task "copy" 0x1234: waiting, for 0.120 ms, at copy.c:31, copy_step(): &f->sleep; ..." """
    word = awaitable.Word(task["awaitable"])
    if word.is_nothing:
        return "task %s: never begun" % library.place(task)
    if word.is_done:
        return _ended_line(task)
    text = "%s: %s" % (label(task), _state_line(task))
    if waits(task):
        text += "; awaits " + awaited_line(task)
    if has(task, "TASK_HELD") or state(task) == "TASK_WAITING_SHIELDED":
        text += "; shielded"
    if has(task, "TASK_DUE"):
        text += "; a cancel has yet to take effect"
    if has(task, "TASK_FAILED"):
        text += "; will end with " + outcome.exception(task["exception"])
    elif has(task, "TASK_CANCELLED"):
        text += "; will end as cancelled"
    of = group(task)
    if of is not None:
        text += "; in " + group_label(of)
    return text + ("; " + awaitable.waiters_line(word) if word.address else "")


# ---- groups and gathers ----

def as_group(operation):
    """The group that this operation is, if it is one."""
    if not library.is_constant(operation["hooks"], "group_hooks"):
        return None
    return library.container(operation.address, "struct ferry_group", "group", "operation")


def as_gather(operation):
    if not any(library.is_constant(operation["hooks"], name)
               for name in ("gather_hooks", "any_hooks")):
        return None
    return library.container(operation.address, "struct ferry_gather", "gather", "operation")


def gather_line(of):
    return "gather: %d of %d left" % (int(of["left"]), int(of["count"]))


def group_has(of, flag):
    return library.has(of["flags"], flag, "group_flag", "group")


def group_label(of):
    called = "" if library.is_null(of["name"]) else library.quote(library.string(of["name"])) + " "
    return "group %s%s" % (called, library.place(of))


def group_line(of):
    """As ferry_loop_dump() has it; and how it ended, if it did."""
    word = awaitable.Word(of["awaitable"])
    if word.is_nothing:
        return "group %s: never begun" % library.place(of)
    if word.is_done:
        return "%s: %s" % (group_label(of), word.outcome_line())
    text = "%s: %d children" % (group_label(of), int(of["members"]))
    if int(of["limit"]):
        text += ", limit %d" % int(of["limit"])
    text += ", closed" if group_has(of, "GROUP_CLOSED") else ""
    return text + (", cancelling" if int(of["scope"]["cancelling"]) else "")
