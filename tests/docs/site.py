#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks at a folder of HTML pages, and prints a line "RULE: WHAT" for each thing that is wrong.

Usage: site.py FOLDER
  links      every link within leads to a file that is there, and to an anchor that is in it
  anchors    no anchor is twice on a page
  shape      each page has one title, one first heading and the one stylesheet, and ends
  network    nothing is fetched from elsewhere: no script, no style, image or font of others
"""
import os
import sys
import urllib.parse
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "link", "meta", "input", "wbr", "col"}


class Reader(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.fetched, self.count, self.open = [], [], [], {}, []
        self.wrong = []
        self.feed(text)
        self.close()
        self.wrong += ["<%s> is not closed" % tag for tag in self.open]

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.anchors.append(given["id"])
        if tag == "a" and "href" in given:
            self.links.append((self.getpos()[0], given["href"]))
        for name in ("src", "data", "href" if tag == "link" else "src"):
            if name in given:
                self.fetched.append((self.getpos()[0], given[name]))
        if tag in ("script", "iframe", "object") or any(name.startswith("on") for name in given):
            self.fetched.append((self.getpos()[0], "<%s>" % tag))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if tag in self.open:
            while self.open[-1] != tag:
                self.wrong.append("<%s> is not closed before line %d"
                                  % (self.open.pop(), self.getpos()[0]))
            self.open.pop()
        else:
            self.wrong.append("line %d: </%s> was not open" % (self.getpos()[0], tag))


def read_all(folder):
    pages = {}
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".html"):
                path = os.path.join(where, name)
                with open(path, encoding="utf-8") as file:
                    pages[os.path.relpath(path, folder)] = Reader(file.read())
    return pages


def is_outside(target):
    return bool(urllib.parse.urlsplit(target).scheme) or target.startswith("//")


def links(folder, pages):
    for page, reader in pages.items():
        for line, target in reader.links:
            if is_outside(target):
                continue
            path, _, anchor = urllib.parse.unquote(target).partition("#")
            there = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.isfile(os.path.join(folder, there)):
                yield "%s:%d: %s: no such page" % (page, line, target)
            elif anchor and anchor not in pages[there].anchors:
                yield "%s:%d: %s: no such anchor" % (page, line, target)


def anchors(_, pages):
    for page, reader in pages.items():
        for anchor in sorted({each for each in reader.anchors if reader.anchors.count(each) > 1}):
            yield "%s: #%s is there more than once" % (page, anchor)


def shape(_, pages):
    for page, reader in pages.items():
        for tag in ("html", "title", "h1", "main", "link"):
            if reader.count.get(tag) != 1:
                yield "%s: %d of <%s>" % (page, reader.count.get(tag, 0), tag)
        for each in reader.wrong:
            yield "%s: %s" % (page, each)


def network(_, pages):
    for page, reader in pages.items():
        for line, target in reader.fetched:
            if is_outside(target) or target.startswith("<"):
                yield "%s:%d: %s" % (page, line, target)


RULES = {"links": links, "anchors": anchors, "shape": shape, "network": network}

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    everything = read_all(sys.argv[1])
    for rule, look in RULES.items():
        for problem in look(sys.argv[1], everything):
            print("%s: %s" % (rule, problem))
