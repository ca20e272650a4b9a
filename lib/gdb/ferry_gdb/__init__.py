# SPDX-License-Identifier: LGPL-2.1-or-later
"""libferry in gdb: what print shows of its objects, and the commands ferry loop, pool and tasks.

All of it reads memory and calls nothing, so it works on a core file as on a process. Where things
lie is read from the debug information of the library: structs, members, and enums for the parts of
words (library.py). No number of theirs stands in here.
"""
import gdb

from . import command
from . import printer


def register():
    """Once, however often the library is loaded."""
    if not any(getattr(each, "name", None) == printer.NAME for each in gdb.pretty_printers):
        gdb.pretty_printers.append(printer.Collection())
        command.register()
