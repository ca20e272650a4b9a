# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples/httpd: whichever allocation fails, it neither crashes nor hangs: a request may be refused,
or its connection end, and the next is served. Usage: httpd_starved.py HTTPD STARVE_LIBRARY

One allocation in so many is made to fail, from one that chance has chosen; with FERRY_TEST_LONG=1 in the
environment each. Some that libevent makes it does not survive itself, and says so before: those are told,
and are no failures."""
import contextlib
import os
import random
import re
import subprocess
import sys

from httpd_server import Broken, Checks, Connection, folder, request, write

PROGRAM, STARVE = sys.argv[1:3]
STEP = 1 if os.environ.get("FERRY_TEST_LONG") else 13
REQUESTS = (
    (request("GET", "/small"), {200}), (request("GET", "/folder"), {301}),
    (request("GET", "/folder/"), {200}), (request("GET", "/nope"), {404}),
    (request("GET", "/big", {"Range": "bytes=5-200000"}), {206}),
    (request("POST", "/"), {405}), (request("GET", "/../small"), {400}))
# What evhttp answers by itself, and what there is no memory for.
REFUSALS = {400, 500, 503}
THEIRS = re.compile(r"^httpd: (evhttp_request_new|evhttp_connection_base_bufferevent_new): ", re.M)
checks = Checks()


def ask_all(address):
    """The problems; those whose connection ended have no answer."""
    problems = []
    for data, wanted in REQUESTS:
        with contextlib.suppress(OSError, Broken), contextlib.closing(
                Connection(address)) as connection:
            connection.send(data)
            answer = connection.answer()
            if answer.status not in wanted | REFUSALS:
                problems.append(f"{data[:40]} has {answer}")
    return problems


def starve(root, log, policy, number):
    """The problems of a run whose allocation of that number fails; None: there are not so many."""
    process = subprocess.Popen(
        [PROGRAM, "--root", root, "--port", "0", "--json", "--list", "--log", log, "--policy",
         policy, "--idle", "300"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env={**os.environ, "LD_PRELOAD": STARVE, "FERRY_STARVE": str(number)})
    match = re.fullmatch(r"http://(.*):(\d+)/\n", process.stdout.readline().decode())
    problems = ask_all((match[1], int(match[2]))) if match else []
    process.terminate()
    told = process.communicate()[1].decode()
    if "starve: not reached" in told:
        return None
    if process.returncode < 0 and THEIRS.search(told):
        print(f"# allocation {number}: {told.splitlines()[0]}", flush=True)
    elif process.returncode not in ((0, 1) if match else (3,)):
        problems.append(f"status {process.returncode}: {told}")
    return [f"allocation {number}: {problem}" for problem in problems]


def starve_each(root, log, policy):
    number = random.randrange(STEP) + 1
    problems = []
    while (some := starve(root, log, policy, number)) is not None:
        problems += some
        number += STEP
    if number < 200:
        problems.append(f"only {number} allocations were found")
    return problems


with folder() as path:
    root = path + "/root"
    write(root + "/small", b"small\n")
    write(root + "/index.html", b"top\n")
    write(root + "/folder/file", b"file\n")
    write(root + "/big", b"big" * 100000)
    for policy in ("inline", "pool"):
        checks.check(f"each allocation may fail with --policy {policy}",
                     starve_each(root, path + "/log", policy))
checks.finish()
