# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run inside of gdb: gives it the commands of a session, and writes down what it says.

The session is a text: lines "(gdb) COMMAND" and what followed; lines "# ..." are kept. Its name and
that of the text to be written are in the variables $session and $said of gdb.
"""
import gdb


def text_of(variable):
    return gdb.convenience_variable(variable).string()


def said_to(command):
    try:
        return gdb.execute(command, to_string=True)
    except (gdb.error, gdb.GdbError) as error:
        return "%s\n" % error


with open(text_of("session")) as session, open(text_of("said"), "w") as said:
    for line in session:
        if line.startswith("(gdb) "):
            said.write(line + said_to(line[len("(gdb) "):].strip()))
        elif line.startswith("#"):
            said.write(line)
