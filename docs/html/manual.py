# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manual pages: by mandoc, with links to each other and to the reference."""
import html
import os
import re
import subprocess

from page import text_of


def _links(tree, place, body):
    known = {os.path.basename(path) for path in tree.manuals}

    def page(match):
        # A page of somebody else's is named, and leads nowhere.
        return match.group(0) if match.group(1) in known else match.group(2)

    def call(match):
        target = tree.name_link(match.group(3), place)
        return '<a href="%s">%s</a>' % (target, match.group(0)) if target else match.group(0)
    body = re.sub(r'<a class="Xr" href="([^"]*)\.html">(.*?)</a>', page, body, flags=re.S)
    return re.sub(r'(<a\b[^>]*>.*?</a>)|<code class="(Fn|Nm)"[^>]*>((?:ferry|FERRY)_\w+)</code>',
                  lambda match: match.group(1) or call(match), body, flags=re.S)


def write(site, tree, path):
    place = tree.place(path)
    done = subprocess.run(["mandoc", "-Thtml", "-O", "fragment,man=%N.%S.html",
                           os.path.join(tree.root, path)],
                          text=True, check=True, stdout=subprocess.PIPE)
    name, section = os.path.basename(path).rsplit(".", 1)
    body = re.sub(r"<(/?)h2", r"<\1h3", done.stdout)
    body = re.sub(r"<(/?)h1", r"<\1h2", body)
    contents = [(each.group(1), text_of(each.group(2)).capitalize()) for each in
                re.finditer(r'<h2 class="Sh" id="([^"]*)">(.*?)</h2>', body, re.S)]
    title = "%s(%s)" % (name, section)
    site.write(place, title, "<h1>%s</h1>\n<div class=\"manual\">%s</div>" % (
        html.escape(title), _links(tree, place, body)), contents)


def write_index(site, tree):
    rows = "".join('<li><a href="%s.html">%s</a></li>\n' % (name, name) for name in
                   (os.path.basename(path) for path in tree.manuals))
    site.write("man/index.html", "Manual pages", "<h1>Manual pages</h1>\n<ul>\n%s</ul>" % rows)
