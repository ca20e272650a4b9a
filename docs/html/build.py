#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes HTML of all documentation: README.md and the pages of docs/, the manual pages, the headers.

Needs cmark-gfm and mandoc. What the pages look like is in style.css; nothing is fetched from
anywhere, neither here nor by whoever reads them. `meson compile -C build html` calls this.
"""
import argparse
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # the folder of this is that of the sources

import manual  # noqa: E402
import page  # noqa: E402
import reference  # noqa: E402
import source  # noqa: E402
from layout import Layout  # noqa: E402
from tree import Tree  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MISUSED, FAILED = 2, 1


class Site:
    """Where pages are written to. Says on a terminal how far it is."""

    def __init__(self, folder, layout):
        self.folder = folder
        self.layout = layout
        self.written = 0

    def write(self, place, title, body, contents=()):
        path = os.path.join(self.folder, place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.layout.page(place, title, body, contents))
        self.written += 1
        if sys.stderr.isatty():
            print("\r\033[K%d pages: %s" % (self.written, place), end="", file=sys.stderr)

    def end(self):
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)


def build(root, folder):
    tree = Tree(root)
    headers = reference.load(tree)
    site = Site(folder, Layout(tree))
    for path in tree.pages:
        page.write(site, tree, path)
    for path in tree.manuals:
        manual.write(site, tree, path)
    if tree.manuals:
        manual.write_index(site, tree)
    for header in headers:
        reference.write(site, tree, header)
    reference.write_index(site, tree, headers)
    # What is linked to from there may be linked to itself: folders have what is in them.
    done = set()
    while tree.shown - done:
        for path in sorted(tree.shown - done):
            done.add(path)
            if not os.path.exists(os.path.join(root, path)):
                raise FileNotFoundError("a page links to %s, which is not there" % path)
            source.write(site, tree, path)
    shutil.copyfile(os.path.join(HERE, "style.css"), os.path.join(folder, "style.css"))
    site.end()
    return site.written


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", help="where to put the pages; made if it is not there")
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(HERE)),
                        help="the tree (the one that this is in)")
    given = parser.parse_args()
    for tool in ("cmark-gfm", "mandoc"):
        if not shutil.which(tool):
            print("docs/html/build.py: %s not found" % tool, file=sys.stderr)
            return FAILED
    if not os.path.exists(os.path.join(given.root, "README.md")):
        print("docs/html/build.py: %s has no README.md" % given.root, file=sys.stderr)
        return MISUSED
    try:
        written = build(os.path.abspath(given.root), given.folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print("docs/html/build.py: %s" % error, file=sys.stderr)
        return FAILED
    print("%d pages: %s" % (written, os.path.join(given.folder, "index.html")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
