# SPDX-License-Identifier: LGPL-2.1-or-later
# gdb shows small.c as it shows others: with functions of the library's names, out of the archive,
# in C++, whatever was set in gdb, and while other threads run. Usage: small.sh ROOT LIBRARY
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
. "$here/debugger.sh"
root=$1 library=$2 archive=${2%/*}/libferry.a
needs_debugger "gdb shows a small program" "$library"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# built PROGRAM COMPILER LIBRARY...: small.c, or why it is not
built() {
	program=$folder/$1
	shift
	# The source comes before the libraries.
	compiler=$1
	shift
	$compiler -g -O0 -D_GNU_SOURCE -I"$root/include" "$here/small.c" -x none -o "$program" "$@" \
		-pthread 2>&1
}
with_library() {
	built "$1" "$2" "$library" -Wl,-rpath,"${library%/*}"
}

# says PROGRAM EXPECTED ARGUMENT...: gdb says that, of PROGRAM when it stands still
says() {
	program=$folder/$1
	printf '%s\n' "$2" >"$folder/expected"
	shift 2
	debug "$program" -ex "source $root/lib/gdb/load.py" -ex 'break look' -ex run \
		-ex 'echo # it stands\n' "$@" >"$folder/said"
	plain "$folder/said" | sed '1,/^# it stands$/d; /^.Switching/d' |
		diff -u --label "what it should say" --label gdb "$folder/expected" -
}

# shown WORKER FUNCTION: what the commands say of it
shown() {
	cat <<END
pool "ferry" 0x...: 1 thread of at most 1, 0 sleeping, 0 searching, 0 queued
  worker 0$1
  lane ordinary: 0 queued, 1 running
loop 0x...: awake, in a turn, 0 ready, 1 in flight, 0 timers, 0 tasks, of thread 1
  pending: local 0x...: pending, an offload of $2, running, no callbacks
0 tasks
END
}
# commands PROGRAM FUNCTION [ARGUMENT...]: all three say what they should
commands() {
	name=$1 expected=$(shown ", thread 2: lane ordinary, job 0x..., running $2" "$2")
	shift 2
	says "$name" "$expected" "$@" -ex 'ferry pool' -ex 'ferry loop' -ex 'ferry tasks'
}

check "a program may have functions that are called as the library's own" \
	"$(with_library small "${CC:-cc}" && commands small 'ask()')"
check "print symbol-filename is nothing to what is shown" \
	"$(commands small 'ask()' -ex 'set print symbol-filename on')"
check "a thread that runs is passed over, and its worker is said not to be seen" "$(
	says small "$(shown ': its thread is not to be seen' 'ask()')" -iex 'set non-stop on' \
		-ex 'ferry pool pool' -ex 'ferry loop' -ex 'ferry tasks'
	says small "$(shown ': its thread is not to be seen' 'ask()' | sed 3q)" -iex 'set non-stop on' \
		-ex 'thread 2' -ex 'ferry pool pool')"
what="a program that took little out of the archive shows the same"
if grep -q __gnu_lto_slim "$archive" 2>/dev/null; then
	skip "$what" "what is left for optimization at link time has names that collide"
elif [ -f "$archive" ]; then
	check "$what" "$(built static "${CC:-cc}" "$archive" -lurcu-cds -lurcu-bp &&
		commands static 'ask()')"
else
	skip "$what" "no $archive"
fi
what="a function of C++ is written with its parameters"
if command -v "${CXX:-c++}" >/dev/null; then
	check "$what" "$(with_library cpp "${CXX:-c++} -x c++" &&
		commands cpp 'ask(void*, ferry_result*)')"
else
	skip "$what" "no C++ compiler found"
fi
finish
