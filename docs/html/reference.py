# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference: a page for each public header, made of its comments."""
import html
import re

from header import Comment, Header, Section
from tree import relative


def load(tree):
    """Reads all headers, so that every page knows what is told where."""
    headers = [Header(path, tree.read(path)) for path in tree.headers]
    for header in headers:
        for item in header.items():
            for name in item.names:
                tree.names.setdefault(name, "%s#%s" % (tree.place(header.path), item.name))
    return headers


def prototype(text):
    """A declaration without the word by which it is exported; what follows stays aligned."""
    word = re.match(r"FERRY_(API|ADAPT)\s+", text)
    if not word:
        return text
    width = len(word.group(0))
    first, *others = text[width:].split("\n")
    others = [line.expandtabs(8) for line in others]
    return "\n".join([first] + [line[min(width, len(line) - len(line.lstrip())):]
                                for line in others])


class Writer:
    def __init__(self, tree, header):
        self.tree = tree
        self.header = header
        self.place = tree.place(header.path)
        self.seen = set()

    def text(self, text, own=None):
        """What is said, with links; parameters as they are named there."""
        return re.sub(r"@(\w+)", r"<code>\1</code>", self.tree.linked(text, self.place, own))

    def prose(self, text, own=None):
        """Paragraphs; those with an indented line are shown as they stand."""
        parts = []
        for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
            if not paragraph.strip():
                continue
            if re.search(r"^(\t|  )", paragraph, re.M):
                parts.append("<pre>%s</pre>" % self.text(paragraph, own))
            else:
                parts.append("<p>%s</p>" % self.text(paragraph, own))
        return "\n".join(parts)

    def item(self, item):
        comment = Comment(item.comment)
        # A type that is made ready in one place and told in another has one anchor.
        anchor = "" if item.name in self.seen else ' id="%s"' % item.name
        self.seen.add(item.name)
        lines = ['<section class="item"%s>' % anchor,
                 '<h3>%s%s <a class="anchor" href="#%s">#</a></h3>' % (
                     html.escape(item.name), "()" if item.kind == "function" else "", item.name)]
        if comment.summary:
            lines.append('<p class="summary">%s</p>' % self.text(comment.summary, item.name))
        lines.append('<pre class="declaration">%s</pre>' % self.tree.linked(
            prototype(item.declaration), self.place, item.name))
        if comment.parameters:
            lines.append("<dl>")
            lines += ["<dt>%s</dt><dd>%s</dd>" % (html.escape(name), self.text(text))
                      for name, text in comment.parameters]
            lines.append("</dl>")
        lines.append(self.prose(comment.body, item.name))
        if comment.fields:
            lines.append('<dl class="fields">')
            lines += ["<dt>%s</dt><dd>%s</dd>" % (name, self.text(text))
                      for name, text in comment.fields]
            lines.append("</dl>")
        lines.append("</section>")
        return "\n".join(lines)

    def write(self, site):
        name = self.header.path.removeprefix("include/")
        lines = ["<h1>&lt;%s&gt;</h1>" % name, self.prose(self.header.opening or "")]
        lines.append(self.included())
        lines += ["<h2>%s</h2>" % html.escape(part.title) if isinstance(part, Section)
                  else self.item(part) for part in self.header.parts]
        site.write(self.place, name, "\n".join(lines),
                   [(item.name, html.escape(item.name)) for item in self.header.items()])

    def included(self):
        """What it is made of, where it has little itself."""
        found = re.findall(r"^#include <(ferry/[\w/]+\.hp*)>", self.tree.read(self.header.path),
                           re.M)
        links = ['<a href="%s">&lt;%s&gt;</a>' % (
            relative(self.tree.place("include/" + each), self.place), each)
            for each in found if "include/" + each in self.tree.headers]
        return '<p class="includes">Includes %s.</p>' % ", ".join(links) if links else ""


def write_index(site, tree, headers):
    """Every name, header by header."""
    place = "reference/index.html"
    lines = ["<h1>Reference</h1>"]
    contents = []
    for header in headers:
        if not header.items():
            continue
        name = header.path.removeprefix("include/")
        anchor = name.replace("/", "-").replace(".", "-")
        contents.append((anchor, html.escape(name)))
        lines.append('<h2 id="%s"><a href="%s">&lt;%s&gt;</a></h2>\n<dl class="index">' % (
            anchor, relative(tree.place(header.path), place), name))
        for item in header.items():
            summary = Comment(item.comment).summary or first_sentence(item.comment)
            lines.append('<dt><a href="%s#%s">%s</a></dt><dd>%s</dd>' % (
                relative(tree.place(header.path), place), item.name, item.name,
                html.escape(summary, quote=False)))
        lines.append("</dl>")
    site.write(place, "Reference", "\n".join(lines), contents)


def first_sentence(text):
    return re.split(r"(?<=[.:]) |\n\s*\n", text.replace("\n", " "))[0].rstrip(":") if text else ""


def write(site, tree, header):
    Writer(tree, header).write(site)
