#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPython's asyncio as a contestant of perf/tasks_peers and perf/tasks_memory, which run
this beside the library. By hand:

    peer_asyncio.py WAY SHAPE NUMBER OPERATIONS
    peer_asyncio.py --help

prints OPERATIONS WALL_NS CPU_NS, and what else there is to tell as NAME=VALUE. Leaves with
status 77, having said why, if this CPython cannot do so. WAY is how tasks are begun:

    lazy           as they are by default
    eager          by asyncio.eager_task_factory
    group_lazy     children in a TaskGroup, and not in gather()
    group_eager    the same by that factory

SHAPE and NUMBER:

    children       1,000 at a time, of which NUMBER of ten suspend once
    one_by_one     one at a time, awaited at once
    ping_pong      NUMBER pairs that go on by turns
    sleepers       NUMBER that are suspended at once
"""
import asyncio
import gc
import os
import sys
import time

BATCH = 1000
RESULT = 42


async def child(suspends):
    if suspends:
        await asyncio.sleep(0)
    return RESULT


async def run_gathered(suspending, operations):
    total = 0
    for _ in range(operations // BATCH):
        total += sum(await asyncio.gather(*[child(i % 10 < suspending) for i in range(BATCH)]))
    assert total == operations * RESULT


async def run_grouped(suspending, operations):
    total = 0
    for _ in range(operations // BATCH):
        async with asyncio.TaskGroup() as group:
            children = [group.create_task(child(i % 10 < suspending)) for i in range(BATCH)]
        for task in children:
            total += task.result()
    assert total == operations * RESULT


async def run_one_by_one(_, operations):
    loop = asyncio.get_running_loop()
    total = 0
    for _ in range(operations):
        total += await loop.create_task(child(False))
    assert total == operations * RESULT


async def play(mine, others, left):
    switches = 0
    for _ in range(left):
        await mine.wait()
        switches += 1
        mine.clear()
        others.set()
    return switches


async def run_ping_pong(pairs, operations):
    each = operations // (2 * pairs)
    events = [asyncio.Event() for _ in range(2 * pairs)]
    for i in range(pairs):
        events[2 * i].set()
    players = [play(events[i], events[i ^ 1], each) for i in range(2 * pairs)]
    assert sum(await asyncio.gather(*players)) == operations


async def sleep(gate):
    await gate.wait()
    return RESULT


class Sleepers:
    def __init__(self, count):
        self.count = count
        self.all = [None] * count

    async def create(self):
        self.gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        for i in range(self.count):
            self.all[i] = loop.create_task(sleep(self.gate))
        # Lazy ones come to wait now.
        await asyncio.sleep(0)

    async def end(self):
        self.gate.set()
        total = 0
        for i in range(self.count):
            total += await self.all[i]
            self.all[i] = None
        assert total == self.count * RESULT


def resident_bytes():
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def measure_sleepers(count, operations):
    now = time.perf_counter_ns
    sleepers = Sleepers(count)
    before = resident_bytes()
    began = now()
    await sleepers.create()
    first_create = now() - began
    resident = resident_bytes() - before
    began = now()
    await sleepers.end()
    first_end = now() - began
    create = end = 0
    cpu = time.process_time_ns()
    for _ in range(operations // count):
        began = now()
        await sleepers.create()
        create += now() - began
        began = now()
        await sleepers.end()
        end += now() - began
    cpu = time.process_time_ns() - cpu
    print(operations, create + end, cpu, f"resident_bytes={resident / count}",
          f"first_create_ns={first_create / count} first_end_ns={first_end / count}",
          f"again_create_ns={create / operations} again_end_ns={end / operations}")


async def measure(run, shape, number, operations):
    granule = 2 * number if shape == "ping_pong" else BATCH
    await run(number, (operations // granule // 10 + 1) * granule)
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    await run(number, operations)
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    print(operations, wall, cpu)


SHAPES = {
    "children": run_gathered,
    "one_by_one": run_one_by_one,
    "ping_pong": run_ping_pong,
    "sleepers": None,
}
WAYS = ("lazy", "eager", "group_lazy", "group_eager")


async def main(way, shape, number, operations):
    if way.endswith("eager"):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    if shape == "sleepers":
        await measure_sleepers(number, operations)
        return
    run = SHAPES[shape]
    if way.startswith("group") and shape == "children":
        run = run_grouped
    await measure(run, shape, number, operations)


def start(arguments):
    if arguments == ["--help"]:
        print(__doc__.strip())
        return 0
    if (len(arguments) != 4 or arguments[0] not in WAYS or arguments[1] not in SHAPES
            or not arguments[2].isdigit() or not arguments[3].isdigit()):
        print("usage: peer_asyncio.py WAY SHAPE NUMBER OPERATIONS; see --help", file=sys.stderr)
        return 2
    way, shape, number, operations = arguments
    version = ".".join(map(str, sys.version_info[:2]))
    if way.endswith("eager") and not hasattr(asyncio, "eager_task_factory"):
        print(f"CPython {version} has no eager tasks: 3.12 has")
        return 77
    if way.startswith("group") and not hasattr(asyncio, "TaskGroup"):
        print(f"CPython {version} has no TaskGroup: 3.11 has")
        return 77
    asyncio.run(main(way, shape, int(number), int(operations)))
    return 0


if __name__ == "__main__":
    sys.exit(start(sys.argv[1:]))
