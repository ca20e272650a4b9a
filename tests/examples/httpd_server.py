# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of httpd share: the server, a client that speaks bytes, and TAP.

    server = Server(program, root, "--policy", "pool")
    answer = server.ask("GET", "/file", {"Range": "bytes=1-"})
    answer.status, answer.headers["etag"], answer.body
    totals = server.stop()

Nothing here waits for a time to pass: who reads from a socket waits until there is something, or an
end; what hangs is ended by meson.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

POLICIES = ("auto", "inline", "pool", "blocking")


# ---- TAP ----

class Checks:
    """check() as in the scripts: ok if there are no problems, which are told otherwise."""

    def __init__(self):
        self.count = 0

    def check(self, name, problems):
        self.count += 1
        problems = [str(problem) for problem in problems or []]
        print(("not ok" if problems else "ok") + f" {self.count} - {name}", flush=True)
        if problems:
            print(name + ":", *problems[:20], sep="\n    ", file=sys.stderr, flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def finish(self):
        print(f"1..{self.count}", flush=True)


def differ(what, got, wanted):
    """A list with one problem, or none."""
    return [] if got == wanted else [f"{what} is {got!r}, not {wanted!r}"]


# ---- the client ----

class Broken(Exception):
    """The connection ended in the middle of an answer; .got is what had come."""

    def __init__(self, why, got):
        super().__init__(f"{why} after {len(got)} bytes: {bytes(got[:200])!r}")
        self.got = bytes(got)


class Answer:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:80]!r}"


class Connection:
    """One that stays: ask() may be called again and again."""

    def __init__(self, address):
        self.socket = socket.create_connection(address)
        self.input = bytearray()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        """False at the end."""
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionError:
            data = b""
        self.input += data
        return bool(data)

    def ends(self):
        """Read to the end; what had come."""
        while self.more():
            pass
        return bytes(self.input)

    def take(self, count):
        while len(self.input) < count:
            if not self.more():
                raise Broken("no more", self.input)
        data = bytes(self.input[:count])
        del self.input[:count]
        return data

    def take_head(self):
        while b"\r\n\r\n" not in self.input:
            if not self.more():
                raise Broken("no head", self.input)
        head = self.take(self.input.index(b"\r\n\r\n") + 4)[:-4]
        first, *lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/\d\.\d (\d{3}) ?(.*)", first)
        if not match:
            raise Broken("no status line", head)
        headers = {}
        for line in lines:
            key, _, value = line.partition(": ")
            if key.lower() in headers:
                raise Broken(f"{key} comes twice", head)
            headers[key.lower()] = value
        return int(match[1]), match[2], headers

    def answer(self, is_head=False):
        status, reason, headers = self.take_head()
        length = 0 if is_head or status == 304 else int(headers.get("content-length", 0))
        return Answer(status, reason, headers, self.take(length))

    def ask(self, method, target, headers=None, version="1.1"):
        self.send(request(method, target, headers, version))
        return self.answer(method == "HEAD")

    def close(self):
        self.socket.close()


def request(method, target, headers=None, version="1.1"):
    if isinstance(target, str):
        target = target.encode()
    lines = b"%s %s HTTP/%s\r\n" % (method.encode(), target, version.encode())
    if version == "1.1" and "Host" not in (headers or {}):
        lines += b"Host: here\r\n"
    for key, value in (headers or {}).items():
        lines += f"{key}: {value}\r\n".encode()
    return lines + b"\r\n"


# ---- the server ----

def environment():
    """ThreadSanitizer has each process wait for a second before it ends."""
    return {**os.environ, "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + ":atexit_sleep_ms=0"}


class Server:
    def __init__(self, program, root, *options, prefix=(), limits=None):
        self.told = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*prefix, program, "--root", root, "--port", "0", "--json", *options],
            stdout=subprocess.PIPE, stderr=self.told, stdin=subprocess.DEVNULL,
            preexec_fn=limits, env=environment())
        first = self.process.stdout.readline().decode()
        match = re.fullmatch(r"http://(.*):(\d+)/\n", first)
        if not match:
            self.process.wait()
            raise RuntimeError(f"it does not serve: {first!r} {self.errors()}")
        self.address = (match[1].strip("[]"), int(match[2]))

    def errors(self):
        self.told.seek(0)
        return self.told.read().decode(errors="replace")

    def connect(self):
        return Connection(self.address)

    def ask(self, method, target, headers=None, version="1.1"):
        """On a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            return connection.ask(method, target, headers, version)

    def get(self, target, **headers):
        return self.ask("GET", target, {key.replace("_", "-"): headers[key] for key in headers})

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def settles(self, descriptors):
        """Returns when the server has closed what its clients have: each request that it answers
        is a turn in which it may. Hangs if it never does. Two it may have opened since it began:
        the table of mounts, and the connection that asks."""
        while self.descriptors() > descriptors + 2:
            self.ask("HEAD", "/")

    def ends(self, when_told=lambda: None):
        """Its exit status, and its totals; None if it printed none. In between something may be
        done: a thread that is inside a call that hangs may keep the process, as sanitizers do."""
        output = self.process.stdout.readline().decode()
        when_told()
        status = self.process.wait()
        try:
            return status, json.loads(output)
        except ValueError:
            return status, None

    def stop(self, which=signal.SIGTERM, when_told=lambda: None):
        self.process.send_signal(which)
        return self.ends(when_told)


@contextlib.contextmanager
def folder():
    """A folder of its own, with "root" in it and a canary beside that."""
    path = tempfile.mkdtemp(prefix="ferry-httpd-")
    try:
        os.mkdir(os.path.join(path, "root"))
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def clean_end(server, status=0, errors=""):
    """Stop it: the problems of its end, and its totals."""
    got, totals = server.stop()
    problems = differ("exit status", got, status) + differ("stderr", server.errors(), errors)
    if totals is None:
        return problems + ["there are no totals"], {}
    answered = sum(totals["statuses"].values())
    problems += differ("answers", answered, totals["requests"])
    calls = totals["fs"]
    problems += differ("calls", calls["hits"] + calls["misses"] + calls["avoided"], calls["calls"])
    return problems, totals
