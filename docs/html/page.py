# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pages in Markdown: by cmark-gfm, and then with anchors, and links that are right here."""
import html
import re
import subprocess

COMMAND = ["cmark-gfm", "--unsafe", "-e", "table", "-e", "strikethrough", "-e", "autolink",
           "--to", "html"]


def slug(text):
    """The anchor of a heading, as those know it who show the sources."""
    return re.sub(r"[^a-z0-9 _-]", "", text.lower()).replace(" ", "-")


def text_of(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


class Page:
    def __init__(self, tree, path):
        self.tree = tree
        self.path = path
        self.place = tree.place(path)
        self.contents = []
        self.slugs = {}
        done = subprocess.run(COMMAND, input=tree.read(path), text=True, check=True,
                              stdout=subprocess.PIPE)
        # Markers are for tests.
        body = re.sub(r"<!--.*?-->\n?", "", done.stdout, flags=re.S)
        body = re.sub(r"<h([1-6])>(.*?)</h\1>", self._heading, body, flags=re.S)
        body = re.sub(r'<a href="([^"]*)"', self._link, body)
        body = re.sub(r"(<a\b[^>]*>.*?</a>|<pre.*?</pre>)|<code>(ferry_\w+|FERRY_\w+)(\(\))?</code>",
                      self._code, body, flags=re.S)
        self.body = re.sub(r"<table>", '<div class="wide"><table>',
                           body).replace("</table>", "</table></div>")

    def _heading(self, match):
        level, markup = match.group(1), match.group(2)
        anchor = slug(text_of(markup))
        count = self.slugs.get(anchor, 0)
        self.slugs[anchor] = count + 1
        if count:
            anchor += "-%d" % count
        if level == "2":
            self.contents.append((anchor, re.sub(r"</?a\b[^>]*>", "", markup)))
        return '<h%s id="%s">%s <a class="anchor" href="#%s">#</a></h%s>' % (
            level, anchor, markup, anchor, level)

    def _link(self, match):
        target = html.unescape(match.group(1))
        return '<a href="%s"' % html.escape(self.tree.link(target, self.path))

    def _code(self, match):
        if match.group(1):
            return match.group(1)
        target = self.tree.name_link(match.group(2), self.place)
        return '<a href="%s">%s</a>' % (target, match.group(0)) if target else match.group(0)


def write(site, tree, path):
    page = Page(tree, path)
    title = "libferry" if path == "README.md" else text_of(
        re.search(r"<h1[^>]*>(.*?) <a", page.body, re.S).group(1))
    site.write(page.place, title, page.body, page.contents)
