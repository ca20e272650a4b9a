# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples/httpd: how answers, connections and the server end. Stopped under load, cut by a client or
a disk, too slow, out of descriptors, beside a mount that hangs; its log, its options and statuses.
Usage: httpd_ends.py HTTPD HUNG_MOUNT"""
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys

from httpd_server import (POLICIES, Broken, Checks, Server, clean_end, differ, folder, request,
                          write)

PROGRAM, HUNG_MOUNT = sys.argv[1:3]
HUGE = 8 << 20  # more than two sockets hold
SMALL = b"small\n"
checks = Checks()


def make_tree(path):
    root = path + "/root"
    write(root + "/small", SMALL)
    write(root + "/index.html", b"top\n")
    write(root + "/huge", b"")
    os.truncate(root + "/huge", HUGE)
    return root


def begin_huge(server):
    """A client that has got the head of it, and takes no more; as little as may be is under way."""
    connection = server.connect()
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    connection.send(request("GET", "/huge"))
    return connection, connection.take_head()


def take_huge(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    return connection.take(HUGE)


def refuses(server):
    """Returns when nobody is accepted any more: the kernel tells who listens."""
    place = f":{server.address[1]:04X} 00000000:0000 0A "
    while place in open("/proc/net/tcp").read():
        pass


# ---- the end of the server ----

def stops_under_load(root, policy):
    server = Server(PROGRAM, root, "--policy", policy, "--log", root + "/../log-" + policy)
    clients = [begin_huge(server) for _ in range(4)]
    idle = server.connect()
    problems = differ("status", idle.ask("GET", "/small").status, 200)
    server.process.terminate()
    refuses(server)
    for connection, _ in clients:
        body = take_huge(connection)
        problems += differ("body", (len(body), body.count(b"\0")), (HUGE, HUGE))
    for connection in [idle] + [connection for connection, _ in clients]:
        problems += differ("the rest", connection.ends(), b"")
    status, totals = server.ends()
    problems += differ("exit status", status, 0)
    problems += differ("left, cut", (totals["left"], totals["cut"]), (0, 0))
    problems += differ("bytes", totals["bytes"], 4 * HUGE + len(SMALL))
    with open(root + "/../log-" + policy) as log:
        problems += differ("lines", len(log.readlines()), 5)
    return problems + differ("stderr", server.errors(), "")


def answers_are_the_last(root):
    """As long as others are under way, who is connected may ask once more, and is told to go."""
    server = Server(PROGRAM, root)
    (asks, _), (other, _) = begin_huge(server), begin_huge(server)
    server.process.terminate()
    refuses(server)
    take_huge(asks)
    answer = asks.ask("GET", "/small")
    problems = differ("asked once more", answer.body, SMALL)
    problems += differ("Connection", answer.headers.get("connection"), "close")
    take_huge(other)
    problems += differ("the rest", asks.ends(), b"")
    return problems + differ("exit status", server.ends()[0], 0)


def grace_is_over(root):
    server = Server(PROGRAM, root, "--grace", "50")
    connection, _ = begin_huge(server)
    status, totals = server.stop()
    problems = differ("exit status", status, 1)
    problems += differ("left, cut", (totals["left"], totals["cut"]), (1, 1))
    taken = len(connection.ends())
    problems += differ("bytes", totals["bytes"], taken)
    return problems + differ("all of it", taken < HUGE, True)


def second_signal(root):
    problems = []
    for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)):
        server = Server(PROGRAM, root, "--grace", "3600000", limits=hear_interrupts)
        connection, _ = begin_huge(server)
        server.process.send_signal(first)
        refuses(server)
        status, totals = server.stop(second)
        problems += differ("exit status", status, 1) + differ("left", totals["left"], 1)
        connection.close()
    return problems


def hear_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignored_interrupt(root):
    """As in the background of a script."""
    server = Server(PROGRAM, root, limits=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    server.process.send_signal(signal.SIGINT)
    return differ("status", server.get("/small").status, 200) + clean_end(server)[0]


def stops_before_it_serves(root, path):
    """It waits for a log that is a pipe which nobody reads. Its workers are there by then. Hangs if
    the signal is kept for a server that never comes."""
    os.mkfifo(path + "/unread")
    process = subprocess.Popen([PROGRAM, "--root", root, "--port", "0", "--log", path + "/unread"],
                               stdout=subprocess.DEVNULL)
    while len(os.listdir(f"/proc/{process.pid}/task")) < 2:
        pass
    process.terminate()
    return differ("exit status", process.wait(), -signal.SIGTERM)


# ---- the end of an answer ----

def client_goes(root, policy):
    server = Server(PROGRAM, root, "--policy", policy)
    before = server.descriptors()
    for _ in range(5):
        connection, _ = begin_huge(server)
        connection.close()
    server.settles(before)
    problems, totals = clean_end(server)
    return problems + differ("cut", totals.get("cut"), 5)


def client_closes_his_side(root):
    """He has nothing more to say, and takes all the same what he has asked for."""
    server = Server(PROGRAM, root)
    connection, _ = begin_huge(server)
    connection.socket.shutdown(socket.SHUT_WR)
    problems = differ("status elsewhere", server.get("/small").status, 200)
    problems += differ("all of it", len(take_huge(connection)), HUGE)
    return problems + differ("the rest", connection.ends(), b"") + clean_end(server)[0]


def client_is_slow(root):
    """He neither takes nor sends, or sends half a request: after a while he is let go of."""
    server = Server(PROGRAM, root, "--idle", "100")
    before = server.descriptors()
    connection, _ = begin_huge(server)
    half = server.connect()
    half.send(b"GET /small HT")
    kept = server.connect()
    problems = differ("kept", kept.ask("GET", "/small").body, SMALL)
    problems += differ("half a request", half.ends(), b"")
    problems += differ("none at all", kept.ends(), b"")
    server.settles(before - 1)  # the huge one is two
    problems += differ("a huge answer", len(connection.ends()) < HUGE, True)
    end, totals = clean_end(server)
    return problems + end + differ("cut", totals.get("cut"), 1)


def file_shrinks(root, policy):
    write(root + "/shrinks", b"")
    os.truncate(root + "/shrinks", HUGE)
    server = Server(PROGRAM, root, "--policy", policy)
    connection = server.connect()
    connection.send(request("GET", "/shrinks"))
    connection.take_head()
    os.truncate(root + "/shrinks", 0)
    problems = differ("all of it", len(connection.ends()) < HUGE, True)
    end, totals = clean_end(server)
    return problems + end + differ("cut", totals.get("cut"), 1)


# ---- descriptors ----

def few_descriptors(root):
    """The server has so few that some clients have to wait until others go."""
    count = 40
    server = Server(PROGRAM, root, limits=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (count, count)))
    first = server.connect()
    problems = differ("first", first.ask("GET", "/small").status, 200)
    others = []
    while server.descriptors() < count:
        others.append(server.connect())
    problems += differ("a file", first.ask("GET", "/small").status, 503)
    waits = server.connect()
    waits.send(request("GET", "/small"))
    # It says so when it has met one that it cannot accept.
    while not server.errors():
        problems += differ("meanwhile", first.ask("GET", "/small").status, 503)
    for connection in others:
        connection.close()
    problems += differ("who waited", waits.answer().status, 200)
    problems += differ("a file again", first.ask("GET", "/small").status, 200)
    return problems + clean_end(server, errors=(
        "httpd: cannot accept a connection: Too many open files; trying again\n"))[0]


# ---- the log ----

LINE = re.compile(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} \+0000\] '
                  r'"([^"]*)" (\d{3}) (\d+|-)\n')


def log_tells(root, path):
    server = Server(PROGRAM, root, "--log", path + "/log")
    asked = [("GET", "/small", 200, "6"), ("HEAD", "/small", 200, "-"),
             ("GET", '/"\\\x01\x7f\u00e4', 404, None), ("POST", "/small", 405, None),
             ("GET", "/small?a=b", 200, "6"), ("GET", "/" + "x" * 5000, 404, None)]
    with contextlib.closing(server.connect()) as connection:
        for method, target, status, _ in asked:
            connection.ask(method, target)
    problems = clean_end(server)[0]
    with open(path + "/log") as log:
        lines = log.readlines()
    problems += differ("lines", len(lines), len(asked))
    for line, (method, target, status, count) in zip(lines, asked):
        match = LINE.fullmatch(line)
        if not match:
            problems.append(f"no such line: {line!r}")
            continue
        shown = "".join(rf"\x{byte:02x}" if byte < 32 or byte > 126 or byte in b'"\\' else
                        chr(byte) for byte in target.encode()[:2048])
        problems += differ("request", match[2], f"{method} {shown} HTTP/1.1")
        problems += differ("status", match[3], str(status))
        if count:
            problems += differ("bytes", match[4], count)
    return problems


def log_is_in_order(root, path, policy):
    count = 5000
    server = Server(PROGRAM, root, "--log", path + "/ordered", "--policy", policy)
    with contextlib.closing(server.connect()) as connection:
        for start in range(0, count, 50):
            connection.send(b"".join(request("HEAD", f"/small?{number}")
                                     for number in range(start, start + 50)))
            for _ in range(50):
                connection.answer(is_head=True)
    problems, totals = clean_end(server)
    with open(path + "/ordered") as log:
        numbers = [int(re.search(r"\?(\d+)", line)[1]) for line in log]
    os.unlink(path + "/ordered")
    return problems + differ("in order", numbers == list(range(count)), True) + differ(
        "logged", totals.get("logged"), count)


def log_is_moved(root, path):
    """Each line is in the file before or in the one after."""
    server = Server(PROGRAM, root, "--log", path + "/moved")
    for number in range(3):
        server.get(f"/small?{number}")
        os.rename(path + "/moved", f"{path}/moved-{number}")
        server.process.send_signal(signal.SIGHUP)
        while not os.path.exists(path + "/moved"):
            server.get("/small")
    server.get("/small?last")
    problems, totals = clean_end(server)
    lines = []
    for name in ("moved-0", "moved-1", "moved-2", "moved"):
        with open(path + "/" + name) as log:
            lines.append(log.readlines())
    problems += differ("lines", sum(map(len, lines)), totals.get("requests"))
    problems += differ("the last", "/small?last" in "".join(lines[-1]), True)
    return problems


def log_stands_still(root, path):
    """A pipe that nobody reads: lines are lost when there is no room for them, and no answer waits.
    What there was room for comes when somebody reads, without another request."""
    os.mkfifo(path + "/pipe")
    pipe = os.open(path + "/pipe", os.O_RDONLY | os.O_NONBLOCK)
    server = Server(PROGRAM, root, "--log", path + "/pipe")
    count, long = 1500, "/" + "x" * 2000
    problems = []
    with contextlib.closing(server.connect()) as connection:
        for start in range(0, count, 50):
            connection.send(request("HEAD", long) * 50)
            for _ in range(50):
                problems += differ("status", connection.answer(is_head=True).status, 404)
    os.set_blocking(pipe, True)
    # Those that are lost are so for good: what is to come is what was kept.
    got = b""
    while server.process.poll() is None:
        got += os.read(pipe, 1 << 20)
        if got.count(b"\n") >= (1 << 20) // (len(long) + 80) - 5:
            break
    server.process.terminate()
    while more := os.read(pipe, 1 << 20):
        got += more
    os.close(pipe)
    status, totals = server.ends()
    lines = got.count(b"\n")
    problems += differ("exit status", status, 1)
    problems += differ("lines", totals["logged"], lines)
    problems += differ("all", lines + totals["log_lost"], count)
    problems += differ("lost some", 0 < totals["log_lost"] < count, True)
    return problems + differ("stderr", server.errors(), "")


def log_cannot_be_written(root, path):
    server = Server(PROGRAM, root, "--log", "/dev/full")
    problems = differ("status", server.get("/small").status, 200)
    status, totals = server.stop()
    problems += differ("exit status", status, 1) + differ("lost", totals["log_lost"], 1)
    problems += differ("stderr", server.errors(),
                       "httpd: /dev/full: No space left on device\n")
    write(path + "/gone/log", b"")
    server = Server(PROGRAM, root, "--log", path + "/gone/log")
    os.rename(path + "/gone", path + "/went")
    server.process.send_signal(signal.SIGHUP)
    while not server.errors():
        server.get("/small")
    problems += differ("status", server.get("/small?last").status, 200)
    problems += clean_end(server, errors=(
        f"httpd: {path}/gone/log: No such file or directory\n"))[0]
    with open(path + "/went/log") as log:
        problems += differ("the old one serves on", "last" in log.read(), True)
    return problems


# ---- a mount that hangs ----

class HungMount:
    def __init__(self, under):
        self.process = subprocess.Popen([HUNG_MOUNT, under], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.path = self.process.stdout.readline().strip()
        self.why = "" if self.path else self.process.stderr.read().strip()

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "ok\n":
            raise RuntimeError(command)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def mount_hangs(root, mount, policy):
    """Who asks for what is on it gets 503, all others what they ask for; then it answers again."""
    target = mount.path[len(root):] + "/file"
    server = Server(PROGRAM, root, "--policy", policy, "--threads", "4", "--time-out", "200")
    before = server.descriptors()
    problems = differ("healthy", server.get(target).body, b"\0" * 4096)
    mount.say("hang open")
    hung = [server.connect() for _ in range(12)]
    for connection in hung:
        connection.send(request("GET", target))
    mount.say("await open 2")
    for _ in range(100):
        problems += differ("elsewhere", server.get("/small").body, SMALL)
    for connection in hung:
        answer = connection.answer()
        problems += differ("there", (answer.status, answer.headers.get("retry-after")),
                           (503, "1"))
        connection.close()
    # In quarantine: at once.
    problems += differ("there again", server.get(target).status, 503)
    mount.say("release")
    while server.get(target).status != 200:
        pass
    problems += differ("recovered", server.get(target).body, b"\0" * 4096)
    server.settles(before)
    end, totals = clean_end(server)
    problems += differ("stuck", totals.get("fs", {}).get("stuck"), 1)
    return problems + end


def read_hangs(root, mount):
    """The file is open already; it stays so until the read has returned."""
    target = mount.path[len(root):] + "/file"
    server = Server(PROGRAM, root, "--threads", "4", "--time-out", "200")
    before = server.descriptors()
    mount.say("hang read")
    problems = differ("there", server.get(target).status, 503)
    mount.say("await read 1")
    mount.say("release")
    while server.get(target).status != 200:
        pass
    server.settles(before)
    problems += clean_end(server)[0]
    mount.say("hang read")
    server = Server(PROGRAM, root, "--threads", "4", "--time-out", "200")
    problems += differ("there", server.get(target).status, 503)
    server.process.terminate()
    refuses(server)
    status, totals = server.ends(when_told=lambda: mount.say("release"))
    return problems + differ("exit status", status, 0) + differ(
        "abandoned", totals["abandoned"], 1) + differ("stderr", server.errors(), "")


def date_is_of_the_answer(root, mount):
    """Not of the request, which has waited for more than a second then."""
    target = mount.path[len(root):] + "/file"
    server = Server(PROGRAM, root, "--time-out", "1100")
    mount.say("hang open")
    before = server.get("/small").headers["date"]
    answer = server.get(target)
    mount.say("release")
    problems = differ("status", answer.status, 503)
    problems += differ("the same date", answer.headers["date"] == before, False)
    return problems + clean_end(server)[0]


def stops_inside(root, mount):
    """Stopped while an answer waits for the mount: the answer is cut when the grace is over."""
    target = mount.path[len(root):] + "/file"
    server = Server(PROGRAM, root, "--grace", "100", "--time-out", "3600000")
    mount.say("hang open")
    connection = server.connect()
    connection.send(request("GET", target))
    mount.say("await open 1")
    status, totals = server.stop(when_told=lambda: mount.say("release"))
    problems = differ("exit status", status, 1) + differ("left", totals["left"], 1)
    problems += differ("statuses", totals["statuses"], {"499": 1})
    return problems + differ("answer", connection.ends(), b"")


def mounts(path, root):
    names = [f"a mount that hangs keeps nobody else waiting with --policy {policy}"
             for policy in POLICIES[:3]]
    names += ["a read that hangs is let go of", "it ends inside a call that hangs",
              "an answer that had to wait has its own date"]
    mount = HungMount(root)
    if not mount.path:
        for name in names:
            checks.skip(name, mount.why.replace("skipped: ", ""))
        return
    for policy, name in zip(POLICIES[:3], names):
        checks.check(name, mount_hangs(root, mount, policy))
    checks.check(names[3], read_hangs(root, mount))
    checks.check(names[4], stops_inside(root, mount))
    checks.check(names[5], date_is_of_the_answer(root, mount))
    mount.end()


# ---- usage ----

def run(*arguments, stdout=subprocess.PIPE, limits=None):
    return subprocess.run([PROGRAM, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, preexec_fn=limits, check=False)


def usage():
    problems = []
    for told, *arguments in (
            ("--policy: 'never' is none of auto, inline, pool, blocking", "--policy", "never"),
            ("--port: '65536' is not a number from 1 to 65535", "--port", "65536"),
            ("--port: '-1' is not", "--port", "-1"),
            ("--threads: '1x' is not a number from 1 to 1024", "--threads", "1x"),
            ("--time-out: '0' is not a number from 1 to 3600000", "--time-out", "0"),
            ("--idle: '' is not a number", "--idle", ""), ("--grace: 'a' is not", "--grace", "a"),
            ("'more' is no option", "more"), ("nonsense", "--nonsense")):
        got = run(*arguments)
        problems += differ(f"status of {arguments}", got.returncode, 2)
        problems += differ("stdout", got.stdout, "")
        if told not in got.stderr or "httpd: try --help\n" not in got.stderr:
            problems.append(got.stderr)
    got = run("--help")
    problems += differ("status of --help", got.returncode, 0)
    for option in ("root", "address", "port", "list", "policy", "unchanging", "threads",
                   "time-out", "idle", "grace", "log", "json", "help"):
        if f"\n  --{option}" not in got.stdout:
            problems.append(f"--help does not tell of --{option}")
    for policy in POLICIES:
        if f"\n      {policy} " not in got.stdout:
            problems.append(f"--help does not tell of {policy}")
    return problems


def cannot_begin(path, root):
    problems = []
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        for told, *arguments in (
                ("open the folder: No such file or directory", "--root", path + "/nowhere"),
                ("open the folder: Not a directory", "--root", root + "/small"),
                ("open the log: No such file or directory", "--root", root, "--log",
                 path + "/nowhere/log"),
                ("open the log: Is a directory", "--root", root, "--log", path),
                ("listen: Address already in use", "--root", root, "--port", port),
                ("listen: Cannot assign requested address", "--root", root, "--port", "0",
                 "--address", "192.0.2.1")):
            got = run(*arguments)
            problems += differ(f"status of {arguments}", got.returncode, 3)
            problems += differ("stdout", got.stdout, "")
            problems += differ("stderr", got.stderr.splitlines()[-1:], ["httpd: cannot " + told])
    with open("/dev/full", "w") as full:
        got = run("--root", root, "--port", "0", stdout=full)
    problems += differ("status without stdout", got.returncode, 3)
    for count in range(4, 12):
        got = run("--root", root, "--port", "0", limits=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (count, count)))
        if got.returncode != 3 or not got.stderr.startswith("httpd: "):
            problems.append(f"with {count} descriptors: {got.returncode} {got.stderr}")
    return problems


def words(root):
    """Without --json."""
    process = subprocess.Popen([PROGRAM, "--root", root, "--port", "0", "--address", "::1"],
                               stdout=subprocess.PIPE, text=True)
    match = re.fullmatch(r"http://\[::1\]:(\d+)/\n", process.stdout.readline())
    if not match:
        return None
    with contextlib.closing(socket.create_connection(("::1", int(match[1])))) as client:
        client.sendall(request("GET", "/small", {"Connection": "close"}))
        while client.recv(4096):
            pass
    process.terminate()
    told = process.stdout.read()
    problems = differ("exit status", process.wait(), 0)
    for line in (r"1 requests", r"  200 OK +1", r"  bytes +6", r"  calls: \d+, .* pooled",
                 r"  pool: \d+ jobs ran, .*", r"  \d\.\d{3} s, CPU time \d\.\d{3} s"):
        if not re.search(f"^{line}$", told, re.M):
            problems.append(f"no line {line} in {told}")
    return problems


with folder() as path:
    path = os.path.realpath(path)
    root = make_tree(path)
    for policy in POLICIES:
        checks.check(f"stopped, it finishes what is under way with --policy {policy}",
                     stops_under_load(root, policy))
    checks.check("after that an answer is the last on its connection", answers_are_the_last(root))
    checks.check("when the grace is over the rest is cut", grace_is_over(root))
    checks.check("a second signal cuts it at once", second_signal(root))
    checks.check("an interrupt that is ignored stays so", ignored_interrupt(root))
    checks.check("before it serves a signal ends it at once", stops_before_it_serves(root, path))
    for policy in POLICIES:
        checks.check(f"a client may go in the middle with --policy {policy}",
                     client_goes(root, policy))
        checks.check(f"a file may shrink in the middle with --policy {policy}",
                     file_shrinks(root, policy))
    checks.check("a client may have closed his side", client_closes_his_side(root))
    checks.check("a client that does not move is let go of", client_is_slow(root))
    checks.check("it serves with few descriptors", few_descriptors(root))
    checks.check("the log tells of each request", log_tells(root, path))
    for policy in ("inline", "pool"):
        checks.check(f"the log is complete, and in order, with --policy {policy}",
                     log_is_in_order(root, path, policy))
    checks.check("a log that was moved is opened anew", log_is_moved(root, path))
    checks.check("a log that stands still keeps nobody waiting", log_stands_still(root, path))
    checks.check("a log that cannot be written is told of", log_cannot_be_written(root, path))
    mounts(path, root)
    checks.check("wrong usage is told", usage())
    checks.check("where it cannot serve it says so", cannot_begin(path, root))
    problems = words(root) if socket.has_ipv6 else None
    if problems is None:
        checks.skip("in words the totals are the same", "no IPv6 here")
    else:
        checks.check("in words the totals are the same", problems)
checks.finish()
