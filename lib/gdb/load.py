# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows gdb how futures, locals, tasks, loops and pools of libferry look.

gdb loads this by itself with the shared library, if it trusts the folder (docs/debugging.md).
By hand, for a program that is linked to the archive, or for a build that was not installed:
    source PREFIX/share/ferry/gdb/load.py
    source lib/gdb/load.py
"""
import pathlib
import sys


def find_modules():
    """The folder that the modules are in: beside this file, or below the share/ that it is in."""
    here = pathlib.Path(__file__).resolve().parent
    for folder in [here] + [parent / "ferry" / "gdb" for parent in here.parents]:
        if (folder / "ferry_gdb").is_dir():
            return str(folder)
    raise ImportError("ferry_gdb is neither beside " + __file__ + " nor installed")


def load():
    # Nothing is written to the folder, which may be the system's.
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, find_modules())
    try:
        import ferry_gdb
    finally:
        sys.path.pop(0)
        sys.dont_write_bytecode = writes_none
    ferry_gdb.register()


load()
