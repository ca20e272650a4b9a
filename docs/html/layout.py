# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all pages of the site have: a head, the list of pages beside them, what is on this one."""
import html

from tree import relative

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(title)s</title>
<link rel="stylesheet" href="%(style)s">
</head>
<body>
<nav class="site">
%(site)s
</nav>
<main>
%(body)s
</main>
%(contents)s</body>
</html>
"""
# The order in which one reads them; those that are not named stand behind.
FIRST = ("README", "install", "guide", "tasks", "groups", "files", "cpp", "adapters", "foreign",
         "coming-from", "moving", "httpd", "cancellation", "debugging", "glossary", "architecture",
         "memory-model", "testing", "changes")


def title_of(text):
    """The first heading of a page."""
    for line in text.split("\n"):
        if line.startswith("# "):
            return line[2:].strip()
    return "libferry"


class Layout:
    def __init__(self, tree):
        self.groups = [("Pages", self._pages(tree, lambda path: "/" not in path[5:])),
                       ("Coming from", self._pages(tree, lambda path: "/coming-from/" in path)),
                       ("Decisions", self._pages(tree, lambda path: "/decisions/" in path)),
                       ("Manual", [(path.split("/")[-1], tree.place(path))
                                   for path in tree.manuals]),
                       ("Reference", [("All names", "reference/index.html")] +
                        [(path.removeprefix("include/"), tree.place(path))
                         for path in tree.headers])]

    def _pages(self, tree, belongs):
        found = [path for path in tree.pages if belongs(path)]

        def order(path):
            name = path.removeprefix("docs/").removesuffix(".md")
            return FIRST.index(name) if name in FIRST else len(FIRST), name
        return [(title_of(tree.read(path)), tree.place(path)) for path in sorted(found, key=order)]

    def _site(self, page):
        lines = []
        for name, entries in self.groups:
            if not entries:
                continue
            is_here = any(target == page for _, target in entries) or name == "Pages"
            lines.append("<details%s><summary>%s</summary><ul>" % (" open" if is_here else "", name))
            for text, target in entries:
                here = ' class="here"' if target == page else ""
                lines.append('<li><a%s href="%s">%s</a></li>'
                             % (here, relative(target, page), html.escape(text)))
            lines.append("</ul></details>")
        return "\n".join(lines)

    def page(self, page, title, body, contents=()):
        """@contents: (anchor, text) of what is on the page; none are shown if there are few."""
        shown = ""
        if len(contents) > 2:
            shown = '<nav class="page">\n<p>On this page</p>\n<ul>\n%s</ul>\n</nav>\n' % "".join(
                '<li><a href="#%s">%s</a></li>\n' % each for each in contents)
        return PAGE % {
            "title": html.escape(title if title.startswith("libferry") else title + " - libferry"),
            "style": relative("style.css", page),
            "site": self._site(page),
            "body": body,
            "contents": shown,
        }
