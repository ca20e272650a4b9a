# SPDX-License-Identifier: LGPL-2.1-or-later
# Every program on a page compiles without a warning and prints what the page says. It is compiled as
# C99, and as C11 with what compilers have by themselves, as readers do; one that is marked c11 as that
# only, one in C++ as what it is marked (snippets.awk tells how they are marked). One that is there to
# be compared with, for another library or in Python, does so where that is found.
# Usage: snippets.sh ROOT LIBRARY
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
cd "$1" || exit 1
library=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cc=${CC:-cc}
cxx=${CXX:-g++}

# lacks NEEDS: nothing, or what is not found
lacks() {
	case $1 in
	libuv) pkg-config --exists libuv 2>/dev/null || echo "libuv not found" ;;
	gio) pkg-config --exists 'gio-2.0 >= 2.70' 2>/dev/null || echo "GIO not found" ;;
	python) python3 -c 'import asyncio; asyncio.TaskGroup' 2>/dev/null ||
		echo "Python 3.11 not found" ;;
	cpp) command -v "$cxx" >/dev/null || echo "$cxx not found" ;;
	esac
}

# flags NEEDS: of that library; a warning in its headers is none of ours
flags() {
	case $1 in
	libuv) pkg-config --cflags --libs libuv ;;
	gio) pkg-config --cflags --libs gio-2.0 ;;
	esac | sed 's/-I/-isystem /g'
}

# builds MODE PROGRAM NEEDS STANDARDS: nothing, or what the compiler said
builds() {
	program=$2 needs=$3 standards=$4
	case $1 in
	compile) set -- -c ;;
	*) set -- "$library" -pthread -Wl,-rpath,"${library%/*}" ;;
	esac
	case $needs in
	cpp) set -- "$cxx" "$program.cpp" "$@" ;;
	*) set -- "$cc" -O1 "$program.c" "$@" ;;
	esac
	for standard in $standards; do
		case $standard in
		c11) dialect=-std=gnu11 ;; # as a compiler does by itself, and nothing is defined
		*) dialect="-std=$standard -D_GNU_SOURCE" ;;
		esac
		"$@" $dialect -Wall -Wextra -Werror -Iinclude -o "$program" \
			$(flags "$needs") 2>&1 || echo "as $standard"
	done
}

# Each command of a session and what follows it, as it is when it is run here.
session() {
	while IFS= read -r line; do
		case $line in
		'$ ./'*)
			printf '%s\n' "$line"
			eval "timeout 60 ${line#??}" </dev/null 2>&1 || echo "status $?"
			;;
		'$ '*) printf '%s\n' "$line" ;;
		esac
	done <"$1"
}

# prints MODE PROGRAM NEEDS: nothing, or what it did instead
prints() {
	case $3 in
	python) set -- "$1" "$2" python3 "$2.py" ;;
	*) set -- "$1" "$2" "$2" ;;
	esac
	mode=$1 program=$2
	shift 2
	case $mode in
	text) timeout 60 "$@" </dev/null >"$program.does" 2>&1 || echo "status $?" >>"$program.does" ;;
	console) (cd "$(dirname "$program")" && session "$program.said") >"$program.does" ;;
	esac
	diff -u --label "the page" --label "the program" "$program.said" "$program.does"
}

tab=$(printf '\t')
for page in $(find README.md docs -name '*.md' -o -name '*.[1-9]' | LC_ALL=C sort); do
	programs=$folder/$(printf '%s' "$page" | tr / -)
	mkdir "$programs"
	awk -v folder="$programs" -v page="$page" -f "$here/snippets.awk" "$page" >"$programs/list"
	check "$page: every program is marked and tells what it prints" \
		"$(sed -n "s|^-$tab\([0-9]*\)$tab|$page:\1: |p" "$programs/list")"
	while IFS="$tab" read -r name line mode needs standards; do
		[ "$name" != - ] || continue
		missing=$(lacks "$needs")
		if [ -n "$missing" ]; then
			skip "$page:$line: $name prints what the page says" "$missing"
			continue
		fi
		problems=
		if [ "$needs" != python ]; then
			problems=$(builds "$mode" "$programs/$name" "$needs" "$standards")
			check "$page:$line: $name compiles" "$problems"
		fi
		if [ -z "$problems" ] && [ "$mode" != compile ]; then
			check "$page:$line: $name prints what the page says" \
				"$(prints "$mode" "$programs/$name" "$needs")"
		fi
	done <"$programs/list"
done
finish
