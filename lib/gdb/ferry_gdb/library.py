# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the debug information of the library says: its structs, its enums, its functions."""
import os
import re

import gdb

# A function of a source file that knows them: by its scope types are found, for a program may have
# an "enum task_state" of its own.
SCOPES = {
    "await": "ferry_await_local",
    "bridge": "ferry_offload",
    "call": "ferry_loop_call_soon",
    "callback": "ferry_local_add_done_callback",
    "error": "ferry_error_new",
    "gather": "ferry_gather_begin",
    "group": "ferry_group_init",
    "pool": "ferry_pool_new",
    "port": "port_open",
    "sleep": "ferry_sleep_until",
    "task": "ferry_task_begin",
    "thread": "process_prepare",
    "watch": "ferry_loop_watch_fd",
    "word": "ferry_future_snapshot",
}
# Whatever a program uses, it has one of these.
EVERYWHERE = ("ferry_future_snapshot", "ferry_loop_new", "ferry_pool_new")
KINDS = {
    gdb.TYPE_CODE_STRUCT: "struct ",
    gdb.TYPE_CODE_UNION: "union ",
    gdb.TYPE_CODE_ENUM: "enum ",
    gdb.TYPE_CODE_TYPEDEF: "",
}

_types = {}
_enums = {}


def _forget(*_):
    _types.clear()
    _enums.clear()


gdb.events.new_objfile.connect(_forget)
gdb.events.clear_objfiles.connect(_forget)


def _function(name):
    """The file of an exported function; None where it is not, or has no debug information."""
    function = gdb.lookup_global_symbol(name)
    return None if function is None else function.symtab


def _sources(file):
    """The folder that those of the floors are in, lib/ with us."""
    return os.path.dirname(os.path.dirname(file.filename))


def _known():
    """A source file that any program has of the library."""
    known = next(filter(None, map(_function, EVERYWHERE)), None)
    if known is None:
        raise gdb.GdbError("no debug information of libferry: install it, or build with -g")
    return known


def _is_own(file):
    """Does it lie among those of the library? The program may have the same names in its own."""
    return file is not None and _sources(file) == _sources(_known())


def _file(scope):
    """The source file of a scope's function; None if a program has no use for that, and so has not
    taken it out of the archive."""
    _known()
    name = SCOPES[scope]
    if name.startswith("ferry_"):
        return _function(name)
    try:
        places = gdb.decode_line(name)[1] or ()
    except gdb.error:
        places = ()
    return next((each.symtab for each in places if _is_own(each.symtab)), None)


def _types_of(scope):
    """The types of a source file, by their full names. gdb.lookup_type() would take any file's."""
    if scope not in _types:
        file = _file(scope)
        found = {}
        for symbol in file.static_block() if file is not None else ():
            kind = symbol.type.code if symbol.addr_class == gdb.SYMBOL_LOC_TYPEDEF else None
            if kind in KINDS and (kind == gdb.TYPE_CODE_TYPEDEF or symbol.type.fields()):
                found[KINDS[kind] + symbol.name] = symbol.type
        _types[scope] = found
    return _types[scope]


def _type_of_any(name, scope):
    """A type of some file of the library, of that which the scope is called by if it has one."""
    kind, _, tag = name.rpartition(" ")
    domain = gdb.SYMBOL_STRUCT_DOMAIN if kind else gdb.SYMBOL_VAR_DOMAIN
    found = [symbol for symbol in gdb.lookup_static_symbols(tag, domain)
             if symbol.addr_class == gdb.SYMBOL_LOC_TYPEDEF and _is_own(symbol.symtab) and
             KINDS.get(symbol.type.code) == (kind + " " if kind else "") and
             (not kind or symbol.type.fields())]
    found.sort(key=lambda symbol: os.path.splitext(os.path.basename(symbol.symtab.filename))[0] !=
               scope)
    return found[0].type if found else gdb.lookup_type(name)


def find_type(name, scope):
    """A type by its full name, "struct job": as the file of the scope's function has it."""
    found = _types_of(scope)
    if name not in found:
        # A type that this file only names, or of which the program has not the file; and all of
        # them where files were put together by optimization at link time.
        try:
            found[name] = _type_of_any(name, scope)
        except gdb.error:
            raise gdb.GdbError("the debug information of libferry has no " + name)
    return found[name]


def variable(name, scope):
    """A variable that the file of the scope's function defines, as the selected thread has it."""
    file = _file(scope)
    # Not by an expression: that may find a declaration, which only has a name of an ELF symbol, and
    # in an archive those are others.
    for symbol in file.global_block() if file is not None else ():
        if symbol.name == name and symbol.addr_class != gdb.SYMBOL_LOC_UNRESOLVED:
            return symbol.value(gdb.newest_frame())
    return None


def is_constant(pointer, name):
    """Does it point to that constant of the library? The program may have one of the same name."""
    return symbol(pointer) == name and any(
        each.addr_class == gdb.SYMBOL_LOC_STATIC and _is_own(each.symtab) and
        int(each.value().address) == int(pointer)
        for each in gdb.lookup_static_symbols(name))


class Enum:
    """An enum: the numbers of its names, and the names of its numbers."""

    def __init__(self, name, scope):
        self.name = name
        self.values = {each.name: each.enumval
                       for each in find_type("enum " + name, scope).fields()}

    def __getitem__(self, name):
        if name not in self.values:
            raise gdb.GdbError("enum %s of libferry has no %s" % (self.name, name))
        return self.values[name]

    def name_of(self, number):
        for name, value in self.values.items():
            if value == number:
                return name
        return "%s %d" % (self.name, number)


def enum(name, scope):
    if (name, scope) not in _enums:
        _enums[name, scope] = Enum(name, scope)
    return _enums[name, scope]


def has(flags, name, of, scope):
    """Is a bit set in a member that is called flags?"""
    return int(flags) & enum(of, scope)[name] != 0


# ---- pointers ----

def at(address, type_name, scope):
    """What lies at an address, as such a type."""
    pointer = find_type(type_name, scope).pointer()
    return gdb.Value(int(address)).cast(pointer).dereference()


def container(address, type_name, scope, *members):
    """What something lies in, of which the address is that of members, from the outside in."""
    inside = gdb.Value(0).cast(find_type(type_name, scope).pointer()).dereference()
    for member in members:
        inside = inside[member]
    return at(int(address) - int(inside.address), type_name, scope)


def is_null(pointer):
    return int(pointer) == 0


def symbol(pointer):
    """The name of the function or the variable that something points to; None if it has none."""
    if is_null(pointer):
        return None
    text = gdb.Value(int(pointer)).cast(gdb.lookup_type("void").pointer()).format_string(
        symbols=True, styling=False)
    if not text.endswith(">") or "<" not in text:
        return None
    # Less the file that "print symbol-filename" adds, the distance from its beginning, the version
    # that it is exported with, and what optimization adds, as in hold.lto_priv.0.
    name = re.sub(r" (at|in) .*|\+[0-9]+$|@.*", "", text[text.index("<") + 1:-1])
    return re.sub(r"(\.[a-z_]+(\.[0-9]+)?)+$", "", name)


def call(pointer):
    """A function as it is written in a text: "read_file()", or its address."""
    name = symbol(pointer) or hexadecimal(pointer)
    # One of C++ has its parameters in its name.
    return name if name.endswith(")") else name + "()"


def hexadecimal(pointer):
    return "0x%x" % int(pointer)


def place(value):
    """The address of something that lies in memory."""
    return hexadecimal(value.address)


# ---- texts ----

def string(pointer):
    return pointer.string(errors="replace")


def quote(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def count(number, noun, nouns=None):
    return "%d %s" % (number, noun if number == 1 else nouns or noun + "s")


def most():
    """How many of a list are shown, as gdb was told."""
    limit = gdb.parameter("print elements")
    return int(limit) if limit else None


def shorten(parts):
    """As many of a list as are shown, and how many more there are."""
    limit = most()
    if limit is None or len(parts) <= limit:
        return parts
    return parts[:limit] + ["and %d more" % (len(parts) - limit)]


# ---- what cannot be read ----

def told(make, *arguments):
    """A line about something; or why there is none, where memory is not what it should be."""
    try:
        return make(*arguments)
    except gdb.MemoryError as error:
        return "<%s>" % error


def told_of(noun, value, make):
    """The same, about what is known by its address at least."""
    try:
        return make(value)
    except gdb.MemoryError as error:
        return "%s %s: <%s>" % (noun, place(value), error)


def readable(parts):
    """A list as far as it can be read, and why it ends there: in a list that has that, or not."""
    found = []
    try:
        for part in parts:
            found.append(part)
    except gdb.MemoryError as error:
        return found, ["<%s>" % error]
    return found, []


def each_told(make, parts):
    """A line about each of a list, and why it ends where it leads to what cannot be read."""
    found, why = readable(parts)
    return [told(make, part) for part in found] + why


# ---- lists ----
# A node is given out when it was read, so that one that cannot be is the end of its list.

def _read(value):
    value.fetch_lazy()
    return value


def chain(first):
    """The nodes that are linked from the first one on, as pointers."""
    seen = set()
    while not is_null(first) and int(first) not in seen:
        seen.add(int(first))
        following = _read(first["next"])
        yield first
        first = following


def linked(first, type_name, scope, member):
    """What is linked by a member, from the first one on."""
    seen = set()
    while not is_null(first) and int(first) not in seen:
        seen.add(int(first))
        each = at(first, type_name, scope)
        first = _read(each[member])
        yield each


def ring(last):
    """The nodes of a ring, oldest first, of which the last one is given."""
    if is_null(last):
        return
    node = last["next"]
    seen = set()
    while not is_null(node) and int(node) not in seen:
        seen.add(int(node))
        following = _read(node["next"])
        yield node
        if int(node) == int(last):
            return
        node = following


def links(head, type_name, scope, *members):
    """What is on a doubly linked list with such a head."""
    link = head["next"]
    seen = set()
    while int(link) != int(head.address) and not is_null(link) and int(link) not in seen:
        seen.add(int(link))
        following = _read(link["next"])
        yield container(link, type_name, scope, *members)
        link = following
