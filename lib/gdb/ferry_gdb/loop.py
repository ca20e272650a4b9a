# SPDX-License-Identifier: LGPL-2.1-or-later
"""The loop: what it does, what is due, what it waits for."""
from . import awaitable
from . import library
from . import local
from . import task as tasks

PORT_STATES = {
    "PORT_AWAKE": "awake",
    "PORT_ARMED": "armed",
    "PORT_RUNG": "rung",
}


def is_loop(value):
    """Does a loop lie there, as far as one can tell?"""
    return int(value["scope"]["loop"]) == int(value.address)


def state(loop):
    if loop["closed"]:
        return "closed"
    port = loop["port"].dereference()
    name = library.enum("port_state", "port").name_of(int(port["state"]))
    text = PORT_STATES.get(name, name)
    if loop["in_turn"]:
        text += ", in a turn"
    return text + (", stopped" if loop["stopped"] else "")


def current(loop):
    """The task whose step runs, if one does."""
    running = loop["activation"]["task"]
    if not library.is_null(running):
        yield library.at(running, "struct ferry_task", "task")


def line(loop):
    """"loop 0x1234: awake, in a turn, 2 ready, 3 in flight, 1 timer, 12 tasks" """
    return "loop %s: %s, %d ready, %d in flight, %s, %s" % (
        library.place(loop), state(loop), int(loop["ready_count"]), int(loop["in_flight"]),
        library.count(int(loop["timers"]["count"]), "timer"),
        library.count(int(loop["counters"]["tasks"]) + int(loop["adrift"]), "task"))


# ---- what is on its lists ----

def entry(node):
    """What will be called for a node that is on the ready list or in the inbox."""
    notify = library.symbol(node["notify"])
    if notify == "task_resume":
        return tasks.label(library.container(node, "struct ferry_task", "task", "node"))
    if notify == "call_soon":
        return "callbacks of local %s" % library.place(
            library.container(node, "struct ferry_local", "bridge", "soon"))
    if notify == "deliver":
        return "outcome of local %s" % library.place(library.container(
            node, "struct ferry_local", "bridge", "job", "future", "node"))
    if notify in ("call_here", "call_from_afar"):
        return library.call(library.container(node, "struct call", "call", "node")["fn"])
    return library.call(node["notify"])


def ready(loop):
    return library.each_told(entry, library.chain(loop["ready"]["first"]))


def _inbox(loop):
    """What lies in it, the newest first."""
    top = 0 if loop["closed"] else loop["port"]["inbox"]["top"]
    if not library.is_null(top):
        yield from library.chain(library.at(top, "struct ferry_waiter", "bridge").address)


def posted(loop):
    """What other threads have posted, the oldest first."""
    return library.each_told(entry, _inbox(loop))[::-1]


def timer(pointer):
    """What a timer is for, by what it fires."""
    fire = library.symbol(pointer["fire"])
    if fire == "timer_fire":
        return library.call(library.container(pointer, "struct call_timer", "call", "timer")["fn"])
    if fire == "expire":
        tail = library.container(pointer, "struct local_tail", "bridge", "expiry")
        return "deadline of local %s" % library.hexadecimal(tail["local"])
    if fire == "fire":
        sleep = library.container(pointer, "ferry_sleep", "sleep", "timer")
        if library.symbol(sleep["operation"]["hooks"]) == "sleep_hooks":
            return "sleep, " + awaitable.waiters_line(awaitable.Word(sleep["awaitable"]))
    return library.call(pointer["fire"])


def _heap(loop):
    """When each timer is due, its number, and the timer. All is read at once: a count that is none
    does not go on where memory ends."""
    heap = loop["timers"]["heap"]
    for i in range(1, int(loop["timers"]["count"]) + 1):
        pointer = heap[i]["timer"]
        yield int(heap[i]["deadline_ns"]), int(pointer["sequence"]), pointer


def timers(loop):
    """Those of the heap, the next first."""
    entries, why = library.readable(_heap(loop))
    now = int(loop["busy_since_ns"])
    return ["in %.3f ms, %s" % ((due - now) / 1e6, library.told(timer, pointer))
            for due, _, pointer in sorted(entries, key=lambda each: each[:2])] + why


def pending(loop):
    """The locals that are not done."""
    return library.each_told(
        local.short_line,
        library.links(loop["pending"], "struct ferry_local", "bridge", "pending"))


def lines(loop):
    yield library.told_of("loop", loop, line)
    for title, parts in (("runs", library.each_told(tasks.label, current(loop))),
                         ("ready", ready(loop)), ("posted", posted(loop)),
                         ("timer", timers(loop)), ("pending", pending(loop))):
        for part in library.shorten(parts):
            yield "  %s: %s" % (title, part)
