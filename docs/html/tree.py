# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree of sources, and which page of the site stands for which file or folder of it."""
import html
import os
import posixpath
import re

SKIPPED = (".git", "build", "__pycache__")


class Tree:
    def __init__(self, root):
        self.root = root
        self.pages = sorted(self._find("docs", ".md"))
        if os.path.exists(os.path.join(root, "README.md")):
            self.pages.insert(0, "README.md")
        self.manuals = sorted(self._find("docs/man", tuple(".%d" % n for n in range(1, 10))))
        self.headers = sorted(self._find("include", (".h", ".hpp")))
        self.names = {}       # of what is declared: where it is told
        self.shown = set()    # files and folders that pages link to, and that are none themselves

    def _find(self, folder, ending):
        for where, folders, files in os.walk(os.path.join(self.root, folder)):
            folders[:] = [each for each in folders if each not in SKIPPED]
            for name in files:
                if name.endswith(ending):
                    yield os.path.relpath(os.path.join(where, name), self.root)

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    # ---- where things go ----

    def place(self, path):
        """The page of the site for a file or a folder, by its name in the tree."""
        path = posixpath.normpath(path)
        if path == "README.md":
            return "index.html"
        if path in self.manuals:
            return "man/%s.html" % posixpath.basename(path)
        if path in self.headers:
            return "reference/%s.html" % posixpath.splitext(path.removeprefix("include/"))[0] \
                if path.endswith(".h") else "reference/%s.html" % path.removeprefix("include/")
        if path in ("include", "include/ferry"):
            return "reference/index.html"
        if path == "docs/man":
            return "man/index.html"
        if path.endswith(".md") and path in self.pages:
            return path.removeprefix("docs/").removesuffix(".md") + ".html"
        self.shown.add(path)
        if os.path.isdir(os.path.join(self.root, path)):
            return "source/%s/index.html" % path
        return "source/%s.html" % path

    def link(self, target, source):
        """What a link on a page of the tree is on its page of the site."""
        if re.match(r"[a-z]+:", target):
            return target
        path, _, anchor = target.partition("#")
        if not path:
            return target
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        return relative(self.place(path), self.place(source)) + ("#" + anchor if anchor else "")

    # ---- names ----

    def name_link(self, name, page):
        """A link to where a name is told, from a page of the site; None if it is told nowhere."""
        if name not in self.names:
            return None
        target, anchor = self.names[name].split("#")
        return ("" if target == page else relative(target, page)) + "#" + anchor

    def linked(self, text, page, own=None):
        """Text, escaped, in which names of calls and types are links."""
        def link(match):
            target = None if match.group(0) == own else self.name_link(match.group(0), page)
            return '<a href="%s">%s</a>' % (target, match.group(0)) if target else match.group(0)
        return re.sub(r"\b(?:ferry|FERRY)_\w+", link, html.escape(text, quote=False))


def relative(target, page):
    return posixpath.relpath(target, posixpath.dirname(page) or ".")
