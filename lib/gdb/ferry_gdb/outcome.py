# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outcomes: exceptions and results, as a line has them."""
import os

from . import library


def exception(pointer):
    """"exception errno 2: No such file or directory" """
    if library.is_null(pointer):
        return "no exception"
    error = library.at(pointer, "struct ferry_error", "error")
    code = int(error["code"])
    domain = "errno" if library.is_null(error["domain"]) else library.string(error["domain"])
    # The texts of errnos are the system's: those of the machine that gdb runs on.
    message = (os.strerror(code) if library.is_null(error["message"])
               else library.string(error["message"]))
    return "exception %s %d: %s" % (domain, code, message)


def result(value):
    """"result 42, its disposer ferry_dispose_free" """
    number = int(value["i64"])
    text = "result %d" % number if abs(number) < 1 << 32 else "result 0x%x" % int(value["u64"])
    disposer = value["disposer"]
    if not library.is_null(disposer):
        text += ", its disposer " + (library.symbol(disposer) or library.hexadecimal(disposer))
    return text
