# SPDX-License-Identifier: LGPL-2.1-or-later
"""The threads of a process: which is a worker, which a loop's, and what loops there are.

The library keeps no list of loops or pools. Workers are found by what each thread keeps of itself,
loops by the frames of all threads that have a pointer to one.
"""
import gdb

from . import library
from . import loop as loops


def each_selected():
    """Each thread that is stopped, selected while it is looked at; then the one that was before,
    and its frame."""
    before = gdb.selected_thread()
    frame = None
    # A thread that runs, while others are stopped, has no frame.
    if before is not None and before.is_valid() and before.is_stopped():
        frame = gdb.selected_frame()
    try:
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda each: each.num):
            if thread.is_stopped():
                thread.switch()
                yield thread
    finally:
        if before is not None and before.is_valid():
            before.switch()
            if frame is not None:
                frame.select()


def own():
    """What the library keeps of the selected thread; None where that cannot be read."""
    try:
        here = library.variable("thread_here", "thread")
        if here is not None:
            here.fetch_lazy()
        return here
    except gdb.error:
        return None


def workers():
    """The workers of all pools: for each the address of its struct, its thread, and its job."""
    found = {}
    for thread in each_selected():
        here = own()
        if here is not None and not library.is_null(here["helper"]):
            found[int(here["helper"])] = (thread.num, int(here["job"]))
    return found


def owners():
    """The threads that have made loops, by the numbers that they were given for that."""
    found = {}
    for thread in each_selected():
        here = own()
        if here is not None and int(here["number"]):
            found[int(here["number"])] = thread.num
    return found


# ---- what frames have ----

def _variables():
    """The pointers to structs that the frames of the selected thread have."""
    frame = gdb.newest_frame()
    while frame is not None:
        try:
            block = frame.block()
        except RuntimeError:
            block = None
        while block is not None and not block.is_static and not block.is_global:
            for symbol in block:
                if not (symbol.is_variable or symbol.is_argument):
                    continue
                kind = symbol.type.strip_typedefs()
                if kind.code != gdb.TYPE_CODE_PTR:
                    continue
                try:
                    value = frame.read_var(symbol, block)
                    if not value.is_optimized_out and not library.is_null(value):
                        yield kind.target().strip_typedefs().unqualified(), value
                except (gdb.error, gdb.MemoryError, ValueError):
                    pass
            block = block.superblock
        frame = frame.older()


def find_loops():
    """The loops that frames of this process have a pointer to."""
    found = {}
    for _ in each_selected():
        for kind, value in _variables():
            if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag != "ferry_loop":
                continue
            loop = library.at(value, "struct ferry_loop", "bridge")
            try:
                if loops.is_loop(loop):
                    found.setdefault(int(value), loop)
            except gdb.MemoryError:
                pass
    return list(found.values())
