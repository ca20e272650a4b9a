# SPDX-License-Identifier: LGPL-2.1-or-later
"""The loop-local future: its state, its callbacks, what it will come from."""
from . import future as concurrent
from . import library
from . import outcome


def has(local, flag):
    return library.has(local["flags"], flag, "local_flag", "bridge")


def _is(local, member, name, of):
    return int(local[member]) == library.enum(of, "bridge")[name]


def is_kind(local, name):
    return _is(local, "kind", name, "local_kind")


def is_pending(local):
    return _is(local, "state", "LOCAL_PENDING", "local_state")


def loop(local):
    """The loop that it belongs to."""
    return library.at(local["job"]["future"]["bridge"], "struct ferry_loop", "bridge")


# ---- what it comes from ----

def _offload(local):
    """"an offload of read_file(), running" """
    future = local["job"]["future"]
    word = concurrent.Word(future["word"])
    if word.is_done:
        return "an offload"
    text = "an offload of %s, " % library.call(future["function"])
    if has(local, "LOCAL_HELD"):
        return text + "held back"
    if word.phase == "WORD_PENDING":
        return text + "queued"
    return text + "running" + (", cancel requested" if word.is_asked else "")


def source(local):
    """"of promise 0x1234" """
    if is_kind(local, "LOCAL_OFFLOAD"):
        return _offload(local)
    if is_kind(local, "LOCAL_WRAP"):
        held = library.at(local["job"]["arg"], "struct ferry_future", "bridge")
        return "of %s %s" % (concurrent.kind(held), library.place(held))
    if is_kind(local, "LOCAL_CHAIN"):
        return "chained to local %s" % library.hexadecimal(local["job"]["arg"])
    if is_kind(local, "LOCAL_WATCH"):
        behind = library.at(int(local.address) + local.type.sizeof, "struct watch_payload",
                            "watch")
        return "of descriptor %d" % int(behind["watcher"]["fd"])
    return "to be completed by hand" if is_pending(local) else "completed by hand"


# ---- who is told ----

def callback(local, node):
    """One of those who are told, by its node."""
    notify = library.symbol(node["notify"])
    if notify == "call_waiting":
        added = library.container(node, "struct callback", "callback", "node")
        return library.call(added["fn"])
    if notify != "local_done":
        return library.call(node["notify"])
    # An await, or a future that has what the local ends as.
    held = library.container(node, "ferry_await", "await", "waiter")
    return "an await" if int(held["local"]) == int(local.address) else "a future"


def callbacks(local):
    told = [] if library.is_null(local["fn"]) else [library.call(local["fn"])]
    return told + library.each_told(lambda node: callback(local, node),
                                    library.ring(local["more"]))


# ---- lines ----

def state(local):
    if is_pending(local):
        return "pending"
    if _is(local, "state", "LOCAL_CANCELLED", "local_state"):
        return "cancelled"
    future = local["job"]["future"]
    if _is(local, "state", "LOCAL_EXCEPTION", "local_state"):
        return outcome.exception(future["exception"]) + (
            "" if has(local, "LOCAL_SEEN") else ", not looked at")
    return outcome.result(future["result"])


def brief(local):
    """"pending, an offload of read_file(), running" """
    return "%s, %s" % (state(local), source(local))


def short_line(local):
    """All but the loop."""
    told = callbacks(local)
    text = "local %s: %s" % (library.place(local), brief(local))
    if told:
        text += ", %s: %s" % (library.count(len(told), "callback"),
                              ", ".join(library.shorten(told)))
    elif is_pending(local):
        text += ", no callbacks"
    if has(local, "LOCAL_AWAITED"):
        text += ", awaited until its function has returned"
    return text


def line(local):
    return short_line(local) + ", on loop %s" % library.place(loop(local))
