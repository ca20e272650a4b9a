# SPDX-License-Identifier: LGPL-2.1-or-later
# gdb, as the scripts of this suite use it; sourced behind tap.sh:
#   needs_debugger "what must hold" LIBRARY    skips all, and ends, where gdb cannot do what it must
#   debug ARGUMENT...                          gdb, which reads nobody's settings and asks nothing
#   plain FILE                                 what it said, less what is another one each time

# One arena, so that a core file is small; and the texts of errnos are those of the pages.
export LC_ALL=C MALLOC_ARENA_MAX=1
unset DEBUGINFOD_URLS

debug() {
	timeout 120 gdb -nx -batch -ex 'set pagination off' -ex 'set width 0' "$@" </dev/null 2>&1
}

needs_debugger() {
	reason=
	if ! command -v gdb >/dev/null; then
		reason="gdb not found"
	elif ! debug -ex 'python print(6 * 7)' | grep -qx 42; then
		reason="this gdb has no Python"
	elif ! debug -ex 'ptype enum word_shift' "$2" | grep -q '^type = enum'; then
		reason="the library was built without debug information"
	elif ! debug -ex run "$(command -v true)" | grep -q 'exited normally'; then
		reason="gdb cannot run a program here (ptrace)"
	fi
	[ -n "$reason" ] || return 0
	skip "$1" "$reason"
	finish
	exit 0
}

plain() {
	sed -E 's/0x[0-9a-f]{6,}/0x.../g; s/\b(for|in) -?[0-9]+\.[0-9]{3} ms/\1 N ms/g
		s/, at [^ ]*\//, at /; s/^\$[0-9]+ = //' "$1"
}
