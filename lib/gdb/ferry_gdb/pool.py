# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pool: its workers and what they do, its lanes and what waits in them."""
from . import future as concurrent
from . import library
from . import thread as threads


class Crew:
    """The crew word, taken apart as lib/pool/crew.h says."""

    def __init__(self, word):
        shift = library.enum("crew_shift", "pool")
        word = int(word)

        def part(name, end):
            return (word & ((1 << shift[end]) - 1)) >> shift[name]

        self.sleeping = part("CREW_SLEEPING_SHIFT", "CREW_SEARCHING_SHIFT")
        self.searching = part("CREW_SEARCHING_SHIFT", "CREW_THREAD_SHIFT")
        self.threads = part("CREW_THREAD_SHIFT", "CREW_CLOSED_SHIFT")
        self.is_closed = bool(part("CREW_CLOSED_SHIFT", "CREW_UNBORN_SHIFT"))


# ---- what is in it ----

def lanes(core):
    """The lanes that there are."""
    table = core["lanes"]
    for i in range(table.type.range()[1] + 1):
        if not library.is_null(table[i]):
            yield library.at(table[i], "struct ferry_lane", "pool")


def _future(node):
    return library.container(node, "struct ferry_future", "word", "node")


def _submitted(core):
    """What was submitted and is in no lane yet, the oldest first."""
    top = core["submissions"]["top"]
    if library.is_null(top):
        return []
    newest = library.at(top, "struct ferry_waiter", "pool").address
    jobs = [_future(node) for node in library.chain(newest)][::-1]
    return [job for job in jobs if not concurrent.has(job, "FUTURE_DISPOSAL")]


def queue(lane):
    """The jobs of a lane, husks included: those in it, and those on their way to it."""
    jobs = [_future(node) for node in library.chain(lane["queue"]["first"])]
    return jobs + [job for job in _submitted(lane["core"].dereference())
                   if int(job["lane"]) == int(lane["number"])]


def _is_husk(future):
    return concurrent.Word(future["word"]).is_done


def waiting(core):
    """How many jobs wait; husks do not."""
    return sum(_count(queue(lane)) for lane in lanes(core))


def _count(jobs):
    return len([each for each in jobs if not _is_husk(each)])


def workers(core):
    """Those that there are, and why no more can be read."""
    found, why = library.readable(library.links(core["workers"], "struct worker", "pool",
                                                "member"))
    return sorted(found, key=lambda worker: int(worker["number"])), why


# ---- lines ----

def name(core):
    return library.quote(library.string(core["name"]))


def line(core):
    """"pool "ferry" 0x1234: 4 threads of at most 6, 1 sleeping, 0 searching, 3 queued" """
    crew = Crew(core["crew"])
    text = "pool %s %s: %s of at most %d, %d sleeping, %d searching, %d queued" % (
        name(core), library.place(core), library.count(crew.threads, "thread"),
        int(core["max_threads"]), crew.sleeping, crew.searching, waiting(core))
    return text + (", closed" if crew.is_closed else "") + (", broken" if core["broken"] else "")


def lane_line(lane):
    """"lane fs: 2 queued, 1 running, at most 4" """
    text = "lane %s: %d queued, %d running" % (
        library.string(lane["name"]) or "%d" % int(lane["number"]),
        _count(queue(lane)), int(lane["held"]) + int(lane["beside"]))
    if int(lane["max_running"]):
        text += ", at most %d" % int(lane["max_running"])
    if int(lane["reserved"]):
        text += ", %d reserved" % int(lane["reserved"])
    return text + (", brief" if lane["brief"] else "")


def job_line(future):
    called = concurrent.name(future)
    if _is_husk(future):
        return "husk %s, %s" % (library.place(future), concurrent.state(future))
    return "job %s%s, %s" % (library.quote(called) + " " if called else "",
                             library.place(future),
                             concurrent.state(future, with_waiters=False))


def worker_line(worker, found):
    """"worker 2, thread 5: lane fs, job 0x1234, running read_file()" """
    thread, job = found.get(int(worker.address), (None, 0))
    text = "worker %d%s: " % (int(worker["number"]), "" if thread is None else
                              ", thread %d" % thread)
    if worker["is_idle"]:
        return text + "sleeps"
    if job:
        future = library.at(job, "struct ferry_future", "word")
        lane = worker["lane"]
        return text + ("" if library.is_null(lane) else
                       "lane %s, " % library.string(lane["name"])) + job_line(future)
    if worker["searching"]:
        return text + "searches"
    return text + ("between two jobs" if thread is not None else "its thread is not to be seen")


def _lane_lines(lane):
    jobs = library.each_told(job_line, queue(lane))
    if jobs or int(lane["accepted"]):
        yield lane_line(lane)
        for job in library.shorten(jobs):
            yield "  " + job


def lines(core):
    yield library.told_of("pool", core, line)
    found = threads.workers()
    members, why = workers(core)
    for text in [library.told(worker_line, worker, found) for worker in members] + why:
        yield "  " + text
    for lane in lanes(core):
        texts, why = library.readable(_lane_lines(lane))
        for text in texts + why:
            yield "  " + text


def find():
    """The pools that have a worker in this process."""
    found = {}
    for address in threads.workers():
        core = library.at(address, "struct worker", "pool")["core"]
        found.setdefault(int(core), library.at(core, "struct core", "pool"))
    return list(found.values())
