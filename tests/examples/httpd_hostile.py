# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples/httpd against those who mean it no good: malformed and hostile requests, made at random
from a seed. After all of them it serves as before, has every descriptor back, ends well (under
AddressSanitizer: with all its memory), and has never sent what is outside of its root.

    httpd_hostile.py HTTPD [--seed N] [--count N] [--policy WORD]

With FERRY_TEST_LONG=1 in the environment 100,000 requests are made."""
import argparse
import contextlib
import os
import random
import re
import socket
import struct
import sys

from httpd_server import (POLICIES, Broken, Checks, Connection, Server, clean_end, differ, folder,
                          request, write)

CANARY = b"this canary is outside of the root"
INSIDE = b"this is inside of the root\n"
LONG = 100000
SHORT = 2000
GOOD_EVERY = 100
BIG = bytes(range(256)) * 4096  # 1 MiB


def make_tree(path):
    root = path + "/root"
    write(path + "/canary", CANARY)
    write(path + "/rootcanary", CANARY)  # a neighbour whose name begins as the root's
    write(root + "/file", INSIDE)
    write(root + "/folder/file", INSIDE)
    write(root + "/folder/inner/file", INSIDE)
    write(root + "/big", BIG)
    os.symlink("..", root + "/up")
    os.symlink("../canary", root + "/folder/out")
    os.symlink(path, root + "/absolute")
    os.symlink("/proc/self/cwd", root + "/magic")
    os.symlink("/", root + "/slash")
    os.symlink("folder", root + "/sideways")
    return root


class Maker:
    """Requests, each one a few pieces of bytes that are sent one after the other."""

    def __init__(self, seed, path):
        self.random = random.Random(seed)
        self.path = path.encode()
        self.kinds = (self.noise, self.mutated, self.traversal, self.headers, self.bodies,
                      self.methods, self.ranges, self.pipelined, self.lines, self.long)

    def make(self):
        """The name of its kind, and its bytes."""
        kind = self.random.choice(self.kinds)
        return kind.__name__, kind()

    def bytes(self, most):
        return self.random.randbytes(self.random.randrange(most))

    def noise(self):
        return self.bytes(400) + self.random.choice((b"", b"\r\n\r\n", b"\n\n"))

    def mutated(self):
        data = bytearray(request("GET", self.random.choice(("/file", "/folder/", "/big")),
                                 {"Range": "bytes=0-9", "If-None-Match": '"a"', "A": "b"}))
        for _ in range(self.random.randrange(1, 6)):
            at = self.random.randrange(len(data))
            what = self.random.randrange(5)
            if what == 0:
                data[at] ^= 1 << self.random.randrange(8)
            elif what == 1:
                data[at:at] = self.bytes(10)
            elif what == 2:
                del data[at:at + self.random.randrange(20)]
            elif what == 3:
                data[at:at] = data[at:at + self.random.randrange(40)]
            else:
                data[at] = self.random.choice(b"\0\r\n\t %?#:/\x7f\xff")
        return bytes(data)

    def spelling(self, text):
        """Each byte as itself, or encoded once, or twice, or more."""
        out = b""
        for byte in text:
            one = bytes([byte])
            out += self.random.choice((one, one, one, b"%%%02x" % byte, b"%%%02X" % byte,
                                       b"%%25%02x" % byte, b"%" + one))
        return out

    def step(self):
        return self.random.choice(
            (b"../", b"..", b"/..", b"./", b"//", b"..\\", b"%2e%2e/", b"..%2f", b"%2e%2e%2f",
             b"..%5c", b"..;/", b"%c0%ae%c0%ae/", b"..%c0%af", b"%uff0e%uff0e/", b"..%00/",
             b".../", b"....//", b"folder/", b"up/", b"sideways/", b"absolute/", b"magic/",
             b"slash/", b"file/", b"proc/self/root/", self.spelling(b"../"), self.bytes(4)))

    def traversal(self):
        target = self.random.choice((b"/", b"", b"//", b"http://here/", b"/folder/", b"file://"))
        target += b"".join(self.step() for _ in range(self.random.randrange(8)))
        target += self.random.choice(
            (b"canary", b"rootcanary", b"file", b"folder/out", b"absolute/canary", b"up/canary",
             self.path + b"/canary", b"../canary", b"root/../canary", b"etc/passwd", b"",
             self.spelling(b"../canary")))
        target += self.random.choice((b"", b"", b"/", b"/.", b"?", b"%00", b"%00.html", b"#"))
        return request("GET", target)

    def headers(self):
        names = (b"Host", b"Range", b"If-Range", b"If-None-Match", b"If-Match", b"Connection",
                 b"If-Modified-Since", b"If-Unmodified-Since", b"Content-Length", b"Expect",
                 b"Transfer-Encoding", b"Proxy-Connection", b"Upgrade", b"", b" ", b"A" * 300)
        data = b"GET /file HTTP/1.1\r\n"
        for _ in range(self.random.randrange(30)):
            value = self.random.choice(
                (b"", b"*", b'"', b'""', b'W/"', b'"a", W/"b", c', b"bytes=0-", b"close",
                 b"keep-alive", b"100-continue", b"chunked", b"0", b"-1", b"18446744073709551616",
                 b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sun, 99 Nov 9999999 99:99:99 GMT",
                 b'"' * 200, b", " * 200, self.bytes(80)))
            data += self.random.choice(names) + self.random.choice((b": ", b":", b" : ", b"")) + (
                value) + self.random.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n ", b"\r"))
        return data + b"\r\n"

    def bodies(self):
        how = self.random.randrange(5)
        inner = request("GET", "/folder/file")
        if how == 0:
            return request(self.random.choice(("GET", "HEAD", "POST")), "/file",
                           {"Content-Length": self.random.choice((0, 1, 5, len(inner), 10**6,
                                                                  10**18, "5, 5", "+5", "0x5"))
                            }) + inner
        if how == 1:
            return request("GET", "/file", {"Transfer-Encoding": "chunked"}) + b"".join(
                self.random.choice((b"5\r\nhello\r\n", b"0\r\n\r\n", b"-1\r\n", b"ffffffffffffffff",
                                    b"g\r\n", b"0000000005\r\nhello\r\n", b"5;a=b\r\nhello\r\n",
                                    b"\r\n", inner)) for _ in range(self.random.randrange(6)))
        if how == 2:
            return request("GET", "/file", {"Content-Length": 4, "Transfer-Encoding": "chunked"}
                           ) + b"0\r\n\r\n" + inner
        if how == 3:
            return request("GET", "/file", {"Expect": self.random.choice(
                ("100-continue", "more")), "Content-Length": 3}) + b"abc"
        return request("HEAD", "/file", {"Content-Length": len(inner)}) + inner

    def methods(self):
        method = self.random.choice(("POST", "PUT", "CONNECT", "OPTIONS", "TRACE", "DELETE",
                                     "PATCH", "get", "GET" * 50, "", "G\0T", "HEAD"))
        return request(method, self.random.choice(("/file", "*", "here:80", "", "/folder", "@:",
                                                   "http://", "http://[", "http://a:b/", "//",
                                                   "http://[::1]:99999999/", ":80", "?", "#")),
                       version=self.random.choice(("1.1", "1.0", "0.9", "1.99", "2.0", "1", "",
                                                   "-1.1", "1.1.1", "99999999999.1")))

    def ranges(self):
        def number():
            return str(self.random.choice((0, 1, 26, 27, 28, 1 << 20, 1 << 31, 1 << 63, 1 << 64,
                                           10**30, -1, "")))
        text = self.random.choice(("bytes=", "bytes=", "bytes", "Bytes =", "items=", ""))
        text += ",".join(number() + "-" + number() for _ in range(self.random.choice(
            (1, 1, 1, 2, 3, 200))))
        return request("GET", self.random.choice(("/file", "/big", "/folder")), {"Range": text})

    def pipelined(self):
        return b"".join(self.make()[1] if self.random.random() < .3 else
                        request("GET", self.random.choice(("/file", "/big", "/nope")))
                        for _ in range(self.random.randrange(1, 12)))

    def lines(self):
        """The request line in pieces that may be missing."""
        return b"".join(self.random.choice((b"GET", b" ", b"/file", b"  ", b"HTTP/1.1", b"\r\n",
                                            b"\n", b"\t", b"HTTP/", b"\0", b"Host: a", b"\r\n\r\n"))
                        for _ in range(self.random.randrange(12)))

    def long(self):
        size = self.random.choice((4000, 5000, 16000, 17000, 40000))
        return self.random.choice((
            lambda: request("GET", "/" + "a" * size), lambda: request("GET", "/" + "a/" * size),
            lambda: request("GET", "/file?" + "q" * size),
            lambda: request("GET", "/file", {"A": "b" * size}),
            lambda: request("GET", "/" + "%2e" * size), lambda: request("G" * size, "/"),
            lambda: request("GET", "/file", {f"A{i}": "b" for i in range(size // 10)}),
            lambda: b"a" * size))()


def reset(connection):
    """Gone, without a word."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def play(server, maker):
    """One request; what came back, and the problems."""
    kind, data = maker.make()
    manner = maker.random.choices(("polite", "pieces", "gone", "stingy"), (12, 2, 1, 1))[0]
    with contextlib.closing(Connection(server.address)) as connection:
        try:
            if manner == "pieces":
                cut = maker.random.randrange(len(data) + 1)
                connection.send(data[:cut])
                connection.send(data[cut:])
            else:
                connection.send(data)
            if manner == "gone":
                reset(connection)
                return kind, b""
            connection.socket.shutdown(socket.SHUT_WR)
            if manner == "stingy":
                connection.more()
                reset(connection)
                return kind, bytes(connection.input)
        except OSError:
            pass  # it has ended what it did not like
        return kind, connection.ends()


def judge(kind, got):
    problems = []
    if CANARY in got or b"root:x:0:0" in got:
        problems.append("it has served what is outside of its root")
    if got and not re.match(rb"HTTP/-?\d+\.-?\d+ \d{3} ", got):
        problems.append(f"that is no answer: {got[:60]!r}")
    if re.match(rb"HTTP/\S+ 5(?!01)", got):
        problems.append(f"it failed: {got[:60]!r}")
    return [f"{kind}: {problem}" for problem in problems]


def is_sound(server):
    return differ("file", server.get("/file").body, INSIDE) + differ(
        "big", server.get("/big").body == BIG, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("httpd")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--count", type=int,
                        default=LONG if os.environ.get("FERRY_TEST_LONG") else SHORT)
    parser.add_argument("--policy", choices=POLICIES, default="auto")
    options = parser.parse_args()
    print(f"# seed {options.seed}, {options.count} requests", flush=True)
    checks = Checks()
    with folder() as path:
        root = make_tree(path)
        log = path + "/log"
        server = Server(options.httpd, root, "--list", "--log", log, "--policy", options.policy)
        maker = Maker(options.seed, path)
        before = server.descriptors()
        problems = is_sound(server)
        answered = 0
        for number in range(options.count):
            kind, got = play(server, maker)
            answered += bool(got)
            problems += [f"request {number}: {problem}" for problem in judge(kind, got)]
            if number % GOOD_EVERY == 0:
                problems += [f"after request {number}: {problem}" for problem in is_sound(server)]
            if len(problems) > 20 or server.process.poll() is not None:
                break
        checks.check("hostile requests break nothing, and get nothing", problems)
        if server.process.poll() is None:
            checks.check("it serves as before", is_sound(server))
            server.settles(before)
            end, totals = clean_end(server)
            with open(log, "rb") as file:
                lines = file.read().split(b"\n")
            end += differ("lines of the log", len(lines) - 1, totals["requests"])
            end += [f"no line of a log: {line!r}" for line in lines[:-1]
                    if not re.fullmatch(rb'127\.0\.0\.1 - - \[[^]]+\] "[ -~]* HTTP/-?\d+\.-?\d+" '
                                        rb"\d{3} (\d+|-)", line)]
            checks.check("it ends well, and has its log", end)
            print(f"# {answered} were answered; {totals['statuses']}", flush=True)
        else:
            checks.check("it is there still", [server.ends(), server.errors()])
    checks.finish()


main()
