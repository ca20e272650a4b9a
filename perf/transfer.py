#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copying the state of a done future to a new one, in CPython.

The question of gh-134174: an outcome is moved from a concurrent.futures.Future to an
asyncio.Future, by separate calls or by one snapshot, or from one asyncio.Future to
another. perf/transfer runs this beside the library; by hand:

    transfer.py CASE OPERATIONS     prints OPERATIONS WALL_NS CPU_NS
    transfer.py --list              names the cases
    transfer.py --help              this
"""
import asyncio
import concurrent.futures
import sys
import time

LOOP = asyncio.new_event_loop()
RESULT = 42


def done_concurrent():
    future = concurrent.futures.Future()
    future.set_result(RESULT)
    return future


def done_local():
    future = asyncio.Future(loop=LOOP)
    future.set_result(RESULT)
    return future


def get_snapshot(self):
    """All of a future's state at once; without a lock if it has finished."""
    finished = concurrent.futures._base.FINISHED
    if self._state == finished:
        return True, False, self._result, self._exception
    with self._condition:
        if self._state == finished:
            return True, False, self._result, self._exception
        cancelled = self._state in ("CANCELLED", "CANCELLED_AND_NOTIFIED")
        return cancelled, cancelled, None, None


# A CPython that has the snapshot is measured with its own.
if not hasattr(concurrent.futures.Future, "_get_snapshot"):
    concurrent.futures.Future._get_snapshot = get_snapshot


def copy_separately(source, target):
    """Four questions, each of which takes the source's lock if it has one."""
    if target.cancelled():
        return
    assert source.done()
    if source.cancelled():
        target.cancel()
        return
    exception = source.exception()
    if exception is not None:
        target.set_exception(exception)
    else:
        target.set_result(source.result())


def copy_by_snapshot(source, target):
    """One question where there is a snapshot to ask, four otherwise."""
    if target.cancelled():
        return
    if not hasattr(source, "_get_snapshot"):
        copy_separately(source, target)
        return
    done, cancelled, result, exception = source._get_snapshot()
    assert done
    if cancelled:
        target.cancel()
    elif exception is not None:
        target.set_exception(exception)
    else:
        target.set_result(result)


def copy_nothing(source, target):
    pass


CASES = {
    "destination": (done_local, copy_nothing),
    "concurrent/separate": (done_concurrent, copy_separately),
    "concurrent/snapshot": (done_concurrent, copy_by_snapshot),
    "concurrent/own": (done_concurrent, asyncio.futures._copy_future_state),
    "local/separate": (done_local, copy_separately),
    "local/snapshot": (done_local, copy_by_snapshot),
    "local/own": (done_local, asyncio.futures._copy_future_state),
}


def copy_often(source, copy, operations):
    for _ in range(operations):
        target = asyncio.Future(loop=LOOP)
        copy(source, target)
        target.cancel()


def main(arguments):
    if arguments == ["--help"]:
        print(__doc__.strip())
        return 0
    if arguments == ["--list"]:
        print("\n".join(CASES))
        return 0
    if len(arguments) != 2 or arguments[0] not in CASES or not arguments[1].isdigit():
        print("usage: transfer.py CASE OPERATIONS; see --help", file=sys.stderr)
        return 2
    make, copy = CASES[arguments[0]]
    operations = int(arguments[1])
    source = make()
    copy_often(source, copy, operations // 10 + 1)
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    copy_often(source, copy, operations)
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    print(operations, wall, cpu)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
