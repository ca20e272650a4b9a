# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files and folders of the tree that pages link to: as they are, with the numbers of lines."""
import html
import os

from tree import SKIPPED, relative


def write(site, tree, path):
    full = os.path.join(tree.root, path)
    place = tree.place(path)
    if os.path.isdir(full):
        names = sorted(name for name in os.listdir(full)
                       if name not in SKIPPED and not name.startswith("."))
        rows = "".join('<li><a href="%s">%s</a></li>\n' % (
            relative(tree.place(os.path.join(path, name)), place), html.escape(name))
            for name in names)
        site.write(place, path + "/", "<h1>%s/</h1>\n<ul>\n%s</ul>" % (html.escape(path), rows))
        return
    lines = tree.read(path).rstrip("\n").split("\n")
    rows = "\n".join('<span id="L%d">%s</span>' % (i, html.escape(line, quote=False))
                     for i, line in enumerate(lines, 1))
    site.write(place, path, '<h1>%s</h1>\n<pre class="source">%s</pre>' % (html.escape(path), rows))
