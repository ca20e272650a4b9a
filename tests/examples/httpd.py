# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples/httpd: what it answers, with each policy: bodies, ranges, conditions, folders, lists,
what is refused, and that nothing outside of its root is served. Usage: httpd.py HTTPD"""
import contextlib
import email.utils
import os
import random
import re
import socket
import sys
import time
import urllib.parse

from httpd_server import (POLICIES, Broken, Checks, Server, clean_end, differ, folder, request,
                          write)

PROGRAM = sys.argv[1]
CANARY = b"this canary is outside of the root"
PIECE = 64 << 10
SIZES = (0, 1, 100, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 1000003)
checks = Checks()


def noise(size):
    return random.Random(size).randbytes(size)


def make_tree(path):
    """What is served; path has the canary, and root in it."""
    root = path + "/root"
    write(path + "/canary", CANARY)
    for size in SIZES:
        write(f"{root}/noise-{size}.bin", noise(size))
    write(root + "/index.html", b"<p>top\n")
    write(root + "/with index/index.html", b"<p>inner\n")
    write(root + "/with index/other.txt", b"other\n")
    write(root + "/plain/b.txt", b"b\n")
    write(root + "/plain/a.txt", b"a\n")
    write(root + "/plain/.dotted", b"dotted\n")
    write(root + "/plain/inner/deep.txt", b"deep\n")
    write(root + '/odd/<i>&"\'.txt', b"odd\n")
    write(root + "/odd/javascript:alert(1)", b"colon\n")
    write(root + "/odd/a%2e b?c#d.txt", b"signs\n")
    write(root + "/odd/\u00e4.txt", b"umlaut\n")
    write(root + "/odd/line\nbreak", b"break\n")
    write(root + "/index folder/index.html/file", b"x\n")
    write(root + "/..name", b"two dots\n")
    os.symlink("noise-100.bin", root + "/link-inside")
    os.symlink("plain", root + "/link-folder")
    os.symlink("../canary", root + "/link-up")
    os.symlink(path + "/canary", root + "/link-absolute")
    os.symlink("..", root + "/link-parent")
    os.symlink("/", root + "/link-root")
    os.symlink("nowhere", root + "/link-broken")
    os.symlink("link-round", root + "/link-round")
    os.mkfifo(root + "/fifo")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(root + "/socket")
    listening.close()
    return root


def quote(path):
    return urllib.parse.quote(path)


# ---- what every policy must answer in the same way: (method, target, headers, status, body) ----

def bodies():
    for size in SIZES:
        yield "GET", f"/noise-{size}.bin", {}, 200, noise(size)
        yield "HEAD", f"/noise-{size}.bin", {}, 200, b""
    yield "GET", "/", {}, 200, b"<p>top\n"
    yield "GET", "/index.html", {}, 200, b"<p>top\n"
    yield "GET", "/with%20index/", {}, 200, b"<p>inner\n"
    yield "GET", "/with%20index/other.txt", {}, 200, b"other\n"
    yield "GET", "/plain/.dotted", {}, 200, b"dotted\n"
    yield "GET", "/..name", {}, 200, b"two dots\n"
    yield "GET", "/link-inside", {}, 200, noise(100)
    yield "GET", "/link-folder/a.txt", {}, 200, b"a\n"
    for name in ('<i>&"\'.txt', "javascript:alert(1)", "a%2e b?c#d.txt", "\u00e4.txt",
                 "line\nbreak"):
        yield "GET", "/odd/" + quote(name), {}, 200, None
    yield "GET", "/plain/a.txt?query=1&/../", {}, 200, b"a\n"
    yield "GET", "/plain/a.txt#fragment", {}, 200, b"a\n"


def spellings():
    """One path in many ways."""
    for target in ("//plain/a.txt", "/plain//a.txt", "/./plain/./a.txt", "/%70lain/a%2Etxt",
                   "/plain%2fa.txt", "/plain/%2e/a.txt", "http://here/plain/a.txt",
                   "http://here:80/plain/a.txt", "HTTP://elsewhere/plain/a.txt"):
        yield "GET", target, {}, 200, b"a\n"
    for target in ("http://here", "http://here?a=/b", "http://here/?a=b"):
        yield "GET", target, {}, 200, b"<p>top\n"


def refusals():
    for target in ("/nope", "/plain/nope", "/plain/a.txt/", "/plain/a.txt/more", "/link-broken",
                   "/" + "long" * 300, "/" + "a/" * 2500, "/index%20folder/nope/", "/%zz", "/%",
                   "/plain/a.txt%20", "/plain\\a.txt", "/%252e%252e/canary"):
        yield "GET", target, {}, 404, None
    for target in ("/plain/", "/link-up", "/link-absolute", "/link-parent/canary",
                   "/link-root/etc/passwd", "/link-round", "/fifo", "/socket",
                   "/link-folder/", "/index%20folder/"):
        yield "GET", target, {}, 403, None
    for target in ("/../canary", "/plain/../../canary", "/..", "/plain/..", "/plain/../index.html",
                   "/%2e%2e/canary", "/%2e./canary", "/.%2E/canary", "/..%2fcanary",
                   "/plain%2f..%2f..%2fcanary", "/%2e%2e%2fcanary", "http://here/../canary",
                   "/a%00b", "/%00", "/index.html%00.txt", "*"):
        yield "GET", target, {}, 400, None
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        yield method, "/index.html", {}, 405, None
    yield "OPTIONS", "*", {}, 405, None
    yield "CONNECT", "here:80", {}, 405, None
    for method in ("BREW", "get", "PROPFIND"):
        yield method, "/index.html", {}, 501, None


def redirects():
    for target, location in (("/plain", "/plain/"), ("/plain/inner", "/plain/inner/"),
                             ("//plain", "/plain/"), ("/link-folder", "/link-folder/"),
                             ("/with%20index", "/with%20index/"), ("/plain?a=b", "/plain/?a=b"),
                             ("/./plain//inner?", "/plain/inner/?"),
                             ("http://here/plain?a=b", "/plain/?a=b")):
        yield "GET", target, {}, 301, location


RANGES = (
    ("bytes=0-0", 0, 1), ("bytes=0-99", 0, 100), ("bytes=1-", 1, None), ("bytes=-1", -1, None),
    ("bytes=999-2000", 999, 2001), (f"bytes={PIECE - 1}-{PIECE}", PIECE - 1, PIECE + 1),
    (f"bytes={PIECE}-", PIECE, None), ("bytes=-1000000000000", 0, None),
    ("bytes=5-99999999999999999999999", 5, None), (f"bytes=10-{3 * PIECE}", 10, 3 * PIECE + 1),
    ("Bytes=3-4", 3, 5), ("bytes= 3-4 ", 3, 5))
IGNORED = ("bytes=0-1,3-4", "bytes=0-1, -1", "bytes=4-3", "bytes=a-b", "bytes=1", "bytes=--1",
           "bytes=-", "bytes=1-2-3", "bytes 0-1", "lines=0-1", "", "bytes=0x1-2", "bytes=1-2;")
BEYOND = ("bytes=1000003-", "bytes=1000003-1000004", "bytes=99999999999999999999-", "bytes=-0")


def ranges():
    target, data = "/noise-1000003.bin", noise(1000003)
    for text, first, last in RANGES:
        yield "GET", target, {"Range": text}, 206, data[first:last]
    for text in IGNORED:
        yield "GET", target, {"Range": text}, 200, data
    for text in BEYOND:
        yield "GET", target, {"Range": text}, 416, None
    for text in ("bytes=0-", "bytes=-5"):
        yield "GET", "/noise-0.bin", {"Range": text}, 416, None
    yield "HEAD", target, {"Range": "bytes=0-1"}, 200, b""
    some = random.Random(7)
    for _ in range(40):
        size = some.choice(SIZES[1:])
        first = some.randrange(size)
        last = some.randrange(first, size)
        yield ("GET", f"/noise-{size}.bin", {"Range": f"bytes={first}-{last}"}, 206,
               noise(size)[first:last + 1])


def table():
    for rows in (bodies, spellings, refusals, redirects, ranges):
        yield from rows()


def problems_of(answer, row):
    method, target, headers, status, body = row
    what = f"{method} {target} {headers}: "
    problems = differ(what + "status", answer.status, status)
    if status in (200, 206, 301) and body is not None and not problems:
        got = answer.headers.get("location") if status == 301 else answer.body
        if got != body:
            problems.append(what + f"{got[:60]!r} and so on")
    if method == "HEAD" and answer.body:
        problems.append(what + "it has a body")
    if CANARY in answer.body:
        problems.append(what + "it has the canary")
    for name in ("date", "content-length", "content-type"):
        if name not in answer.headers:
            problems.append(what + f"no {name}")
    if status == 206:
        problems += differ(what + "length", len(answer.body), int(answer.headers["content-length"]))
        if not re.fullmatch(r"bytes \d+-\d+/\d+", answer.headers.get("content-range", "")):
            problems.append(what + "no Content-Range")
    if status == 416:
        size = 0 if "noise-0" in target else 1000003
        problems += differ(what + "Content-Range", answer.headers.get("content-range"),
                           f"bytes */{size}")
    if status == 405:
        problems += differ(what + "Allow", answer.headers.get("allow"), "GET, HEAD")
    return problems


def ask_all(server):
    """All rows on one connection, which no answer may end; the answers, and the problems."""
    answers, problems = [], []
    connection = server.connect()
    for row in table():
        method, target, headers = row[:3]
        try:
            answer = connection.ask(method, target, headers)
        except Broken as error:
            problems.append(f"{method} {target}: {error}")
            connection = server.connect()
            continue
        problems += problems_of(answer, row)
        answer.headers.pop("date", None)
        answers.append((row[:3], answer.status, answer.reason, answer.headers, answer.body))
        if answer.headers.get("connection") == "close":
            connection.close()
            connection = server.connect()
    connection.close()
    return answers, problems


def policies_agree(root):
    first = None
    for policy in POLICIES:
        server = Server(PROGRAM, root, "--policy", policy)
        open_before = server.descriptors()
        answers, problems = ask_all(server)
        again, more = ask_all(server)
        first = first or answers
        problems += more
        problems += [f"{left} and {right}" for left, right in zip(first, answers) if left != right]
        problems += [f"{left} and {right}" for left, right in zip(first, again) if left != right]
        problems += differ("answers", len(answers), len(first))
        server.settles(open_before)
        end, totals = clean_end(server)
        checks.check(f"every request has its answer with --policy {policy}", problems + end)
        yield policy, totals


# ---- single questions ----

def headers_tell(server, root):
    problems = []
    for name, wanted in (("/index.html", "text/html"), ("/plain/a.txt", "text/plain"),
                         ("/noise-1.bin", "application/octet-stream"),
                         ("/plain/.dotted", "application/octet-stream")):
        problems += differ(name, server.get(name).headers["content-type"], wanted)
    for name in ("A.JPEG", "b.min.js", "c.tar.gz", "d.unheard", "e.", "noending", "f.svg"):
        write(f"{root}/types/{name}", b"x")
    for name, wanted in (("A.JPEG", "image/jpeg"), ("b.min.js", "text/javascript"),
                         ("c.tar.gz", "application/gzip"), ("f.svg", "image/svg+xml")):
        problems += differ(name, server.get("/types/" + name).headers["content-type"], wanted)
    for name in ("d.unheard", "e.", "noending"):
        problems += differ(name, server.get("/types/" + name).headers["content-type"],
                           "application/octet-stream")
    got, head = (server.ask(method, "/noise-100.bin") for method in ("GET", "HEAD"))
    for each in (got, head):
        each.headers.pop("date")
    problems += differ("headers of HEAD", head.headers, got.headers)
    status = os.stat(root + "/noise-100.bin")
    problems += differ("Last-Modified", got.headers["last-modified"],
                       email.utils.formatdate(int(status.st_mtime), usegmt=True))
    problems += differ("Accept-Ranges", got.headers["accept-ranges"], "bytes")
    return problems


def tags_are_strong(server, root):
    path, problems, tags = root + "/tagged", [], set()
    for number, data in enumerate((b"one", b"two", b"three", b"three")):
        write(path, data)
        os.utime(path, ns=(0, 10**18 + number))
        tags.add(server.get("/tagged").headers["etag"])
    problems += differ("different tags", len(tags), 4)
    problems += [f"{tag} is no strong tag" for tag in tags if not re.fullmatch(r'"[^"]+"', tag)]
    problems += differ("the same again", server.get("/tagged").headers["etag"] in tags, True)
    return problems


def conditions(server, root):
    """Each condition, alone and with others: RFC 9110, 13.2.2."""
    target = "/noise-100.bin"
    os.utime(root + target, (10**9, 10**9))  # a date that is no strong validator is a test below
    now = server.get(target).headers
    tag, date = now["etag"], now["last-modified"]
    seconds = email.utils.parsedate_to_datetime(date).timestamp()
    stamp = time.gmtime(seconds)
    earlier, later = (email.utils.formatdate(seconds + by, usegmt=True) for by in (-1, 1))
    old = time.strftime("%A, %d-%b-%y %H:%M:%S GMT", stamp)
    older = time.asctime(stamp)
    rows = (
        ({"If-None-Match": tag}, 304), ({"If-None-Match": "W/" + tag}, 304),
        ({"If-None-Match": "*"}, 304), ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": f'"other", {tag}'}, 304), ({"If-None-Match": f'"a,b" , W/{tag},'}, 304),
        ({"If-None-Match": tag[:-1]}, 200), ({"If-None-Match": ""}, 200),
        ({"If-None-Match": tag.strip('"')}, 200), ({"If-None-Match": f'"{tag}"'}, 200),
        ({"If-Modified-Since": date}, 304), ({"If-Modified-Since": later}, 304),
        ({"If-Modified-Since": earlier}, 200), ({"If-Modified-Since": old}, 304),
        ({"If-Modified-Since": older}, 304), ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": date + " "}, 304), ({"If-Modified-Since": date + "x"}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": date}, 200),
        ({"If-None-Match": tag, "If-Modified-Since": earlier}, 304),
        ({"If-Match": tag}, 200), ({"If-Match": "*"}, 200), ({"If-Match": '"other"'}, 412),
        ({"If-Match": "W/" + tag}, 412), ({"If-Unmodified-Since": date}, 200),
        ({"If-Unmodified-Since": earlier}, 412), ({"If-Unmodified-Since": "never"}, 200),
        ({"If-Match": tag, "If-Unmodified-Since": earlier}, 200),
        ({"If-Match": '"other"', "If-None-Match": tag}, 412),
        ({"Range": "bytes=0-9", "If-Range": tag}, 206),
        ({"Range": "bytes=0-9", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=0-9", "If-Range": "W/" + tag}, 200),
        ({"Range": "bytes=0-9", "If-Range": date}, 206),
        ({"Range": "bytes=0-9", "If-Range": later}, 200),
        ({"Range": "bytes=500-", "If-Range": '"other"'}, 200), ({"If-Range": tag}, 200),
        ({"Range": "bytes=0-9", "If-None-Match": tag}, 304))
    problems = []
    for method in ("GET", "HEAD"):
        for headers, wanted in rows:
            if method == "HEAD" and wanted == 206:
                wanted = 200
            answer = server.ask(method, target, headers)
            problems += differ(f"{method} {headers}", answer.status, wanted)
            if wanted == 304:
                problems += differ("tag of a 304", answer.headers.get("etag"), tag)
                problems += differ("length of a 304", answer.headers.get("content-length"), None)
            if wanted in (200, 206) and method == "GET":
                problems += differ("length", len(answer.body), 10 if wanted == 206 else 100)
    return problems


def date_is_no_strong_validator_of_a_new_file(server, root):
    write(root + "/new", b"new file")
    os.utime(root + "/new", (2 * 10**9 * 2, 2 * 10**9 * 2))
    answer = server.get("/new")
    again = server.ask("GET", "/new", {"Range": "bytes=0-1",
                                       "If-Range": answer.headers["last-modified"]})
    dates = [email.utils.parsedate_to_datetime(answer.headers[name])
             for name in ("last-modified", "date")]
    return differ("status", again.status, 200) + differ("from the future", dates[0] > dates[1],
                                                        False)


def old_files_have_dates(server, root):
    problems = []
    for seconds in (-1, -86400 * 365 * 50, 0):
        write(root + "/old", b"old")
        os.utime(root + "/old", (0, seconds))
        problems += differ(f"date of {seconds}", server.get("/old").headers["last-modified"],
                           email.utils.formatdate(seconds, usegmt=True))
    return problems


def connections_stay(server):
    """Or not: by version, by what is asked, and after a body."""
    problems = []
    for version, headers, stays in (
            ("1.1", {}, True), ("1.1", {"Connection": "close"}, False), ("1.0", {}, False),
            ("1.0", {"Connection": "keep-alive"}, True),
            ("1.1", {"Content-Length": "0"}, True), ("1.1", {"Content-Length": "3"}, False),
            ("1.1", {"Transfer-Encoding": "chunked"}, False)):
        for target in ("/index.html", "/nope", "/noise-1000003.bin"):
            connection = server.connect()
            data = request("GET", target, headers, version)
            data += {"Content-Length": b"abc", "Transfer-Encoding": b"3\r\nabc\r\n0\r\n\r\n"}.get(
                "" if headers == {"Content-Length": "0"} else "".join(headers), b"")
            connection.send(data)
            answer = connection.answer()
            problems += differ(f"{version} {headers} {target}", answer.status,
                               404 if target == "/nope" else 200)
            if stays:
                problems += differ("again", connection.ask("GET", "/index.html").status, 200)
            else:
                problems += differ("the rest", connection.ends(), b"")
            connection.close()
    return problems


def bodies_of_head_are_no_requests(server):
    """A HEAD may say that it has a body; what stands there must not be answered."""
    inner = request("GET", "/plain/a.txt")
    problems = []
    for header in (f"Content-Length: {len(inner)}", "Transfer-Encoding: chunked",
                   "Content-Length: 5\r\nContent-Length: 6"):
        connection = server.connect()
        connection.send(b"HEAD /index.html HTTP/1.1\r\nHost: here\r\n" + header.encode() +
                        b"\r\n\r\n" + inner)
        problems += differ(header, connection.answer(is_head=True).status, 200)
        problems += differ("behind it", connection.ends(), b"")
        connection.close()
    return problems


def hosts_are_checked(server):
    problems = []
    for headers, version, wanted in (
            (b"", "1.1", 400), (b"Host: a\r\nHost: b\r\n", "1.1", 400), (b"", "1.0", 200),
            (b"Host: a\r\n", "1.1", 200), (b"Host: a\r\nHost: b\r\n", "1.0", 400),
            (b"Host:\r\n", "1.1", 200)):
        with contextlib.closing(server.connect()) as connection:
            connection.send(b"GET /index.html HTTP/%s\r\n%s\r\n" % (version.encode(), headers))
            problems += differ(f"{headers} {version}", connection.answer().status, wanted)
    return problems


def pipelines_are_in_order(server):
    names = [f"/noise-{size}.bin" for size in SIZES] * 3
    connection = server.connect()
    connection.send(b"".join(request("GET", name) for name in names))
    got = [connection.answer().body for _ in names]
    connection.close()
    return differ("in order", got == [noise(size) for size in SIZES] * 3, True)


def half_closed_clients_are_answered(server):
    with contextlib.closing(server.connect()) as connection:
        connection.send(request("GET", "/noise-1000003.bin"))
        connection.socket.shutdown(socket.SHUT_WR)
        answer = connection.answer()
        return differ("body", answer.body == noise(1000003), True) + differ(
            "the rest", connection.ends(), b"")


def parser_refuses(server):
    """What evhttp answers itself: then the connection ends."""
    problems = []
    for data, wanted in (
            (b"GARBAGE\r\n\r\n", 400), (b"GET /\r\n\r\n", 400), (b"GET / HTTP/2.0\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
            (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: much\r\n\r\nabc", 417)):
        with contextlib.closing(server.connect()) as connection:
            connection.send(data)
            problems += differ(f"{data[:40]}", connection.answer().status, wanted)
            connection.ends()
    return problems


# ---- lists ----

def rows_of(page):
    return re.findall(r'<li><a href="([^"]*)">(.*?)</a>\n', page, re.S)


def lists(root):
    server = Server(PROGRAM, root, "--list")
    problems = []
    plain = server.get("/plain/")
    problems += differ("type", plain.headers["content-type"], "text/html; charset=utf-8")
    problems += differ("rows", rows_of(plain.body.decode()),
                       [("../", "../"), ("./.dotted", ".dotted"), ("./a.txt", "a.txt"),
                        ("./b.txt", "b.txt"), ("./inner/", "inner/")])
    problems += differ("title", b"<h1>/plain/</h1>" in plain.body, True)
    odd = server.get("/odd/").body.decode()
    shown = {link: text for link, text in rows_of(odd)}
    problems += differ("escaped", shown.get("./%3Ci%3E%26%22%27.txt"),
                       "&lt;i&gt;&amp;&quot;&#039;.txt")
    problems += differ("a colon", shown.get("./javascript%3Aalert%281%29"), "javascript:alert(1)")
    problems += differ("no markup of a name", "<i>" in odd, False)
    for link in shown:
        if link != "../":
            problems += differ(link, server.get("/odd/" + link).status, 200)
    problems += differ("an index wins", server.get("/with%20index/").body, b"<p>inner\n")
    problems += differ("through a link", rows_of(server.get("/link-folder/").body.decode())[1:],
                       rows_of(plain.body.decode())[1:])
    problems += differ("a link that leads out", server.get("/link-parent/").status, 403)
    problems += differ("nothing there", server.get("/nope/").status, 404)
    problems += differ("an index that is none", server.get("/index%20folder/").status, 403)
    head = server.ask("HEAD", "/plain/")
    problems += differ("HEAD", (head.status, head.headers["content-length"]),
                       (200, plain.headers["content-length"]))
    os.mkdir(root + "/empty")
    problems += differ("empty", rows_of(server.get("/empty/").body.decode()), [("../", "../")])
    # More than are read at once.
    for number in range(1500):
        os.link(root + "/index.html", f"{root}/empty/{number:0240d}")
    many = rows_of(server.get("/empty/").body.decode())
    problems += differ("many", many[1:], [(f"./{number:0240d}", f"{number:0240d}")
                                          for number in range(1500)])
    os.unlink(root + "/index.html")
    top = rows_of(server.get("/").body.decode())
    problems += differ("top", ("../", "../") in top, False)
    write(root + "/index.html", b"<p>top\n")
    end, totals = clean_end(server)
    return problems + end


# ---- rights ----

def forbidden(root):
    """Root may read anything; without these two rights it is like anybody else."""
    prefix = () if os.getuid() else (
        "setpriv", "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search")
    write(root + "/secret", b"secret")
    write(root + "/closed/file", b"file")
    os.chmod(root + "/secret", 0)
    os.chmod(root + "/closed", 0o600)
    problems = []
    for policy in POLICIES:
        server = Server(PROGRAM, root, "--policy", policy, "--list", prefix=prefix)
        for target in ("/secret", "/closed/file", "/closed/"):
            for _ in range(2):
                problems += differ(f"{policy} {target}", server.get(target).status, 403)
        problems += clean_end(server)[0]
    os.chmod(root + "/closed", 0o700)
    return problems


with folder() as path:
    root = make_tree(path)
    totals = dict(policies_agree(root))
    checks.check("each policy makes its calls where it says", (
        differ("hits of pool", totals["pool"].get("fs", {}).get("hits"), 0) +
        differ("calls of blocking", totals["blocking"].get("fs", {}).get("calls"), 1)))
    server = Server(PROGRAM, root)
    checks.check("headers tell what a file is", headers_tell(server, root))
    checks.check("tags are strong", tags_are_strong(server, root))
    checks.check("conditions are met in their order", conditions(server, root))
    checks.check("a date is no strong validator of a new file",
                 date_is_no_strong_validator_of_a_new_file(server, root))
    checks.check("files from before 1970 have dates", old_files_have_dates(server, root))
    checks.check("a connection stays where it may", connections_stay(server))
    checks.check("what stands behind a HEAD is no request", bodies_of_head_are_no_requests(server))
    checks.check("a request names one host", hosts_are_checked(server))
    checks.check("pipelined requests are answered in order", pipelines_are_in_order(server))
    checks.check("a client that has closed his side is answered",
                 half_closed_clients_are_answered(server))
    checks.check("what cannot be parsed is refused", parser_refuses(server))
    checks.check("and all that left nothing behind", clean_end(server)[0])
    checks.check("lists have every name, escaped", lists(root))
    checks.check("what is forbidden is not served", forbidden(root))
    server = Server(PROGRAM, root, "--unchanging", "--policy", "inline")
    answers, problems = ask_all(server)
    checks.check("--unchanging answers the same", problems + clean_end(server)[0])
checks.finish()
