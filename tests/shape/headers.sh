# SPDX-License-Identifier: LGPL-2.1-or-later
# Each public header compiles alone, twice over, as C99, C11 and C++17, by each compiler found,
# with every warning an error; those for C++ alone as C++20, and all together as C++17 and C++20, by
# each compiler. Usage: headers.sh ROOT
. "$(dirname "$0")/tap.sh"
cd "$1/include" || exit 1

# host HEADER: the package of the library that it is an adapter for
host() {
	case $1 in
	ferry/adapt/uv.h) echo libuv ;;
	ferry/adapt/event.h) echo libevent ;;
	ferry/adapt/glib.h) echo glib-2.0 ;;
	ferry/adapt/sdevent.h) echo libsystemd ;;
	esac
}

# What hosts declare is not ISO C, and their headers are not ours.
flags() {
	case $1 in
	ferry/adapt/*) echo "-D_GNU_SOURCE $(pkg-config --cflags $(host "$1") 2>/dev/null |
		sed 's/-I/-isystem /g')" ;;
	esac
}

# there HEADER: if it is an adapter, its host's headers are
there() {
	case $1 in
	ferry/adapt/ev.h) echo '#include <ev.h>' | gcc -fsyntax-only -x c - 2>/dev/null ;;
	*) [ -z "$(host "$1")" ] || pkg-config --exists "$(host "$1")" ;;
	esac
}

# alone HEADER COMPILER LANGUAGE STANDARD
alone() {
	what="$1 alone as $4 by $2"
	if ! there "$1"; then
		skip "$what" "its host's headers were not found"
		return
	fi
	if ! command -v "$2" >/dev/null 2>&1; then
		skip "$what" "$2 not found"
		return
	fi
	check "$what" "$(printf '#include <%s>\n#include <%s>\n' "$1" "$1" |
		"$2" -I. $(flags "$1") -x "$3" "-std=$4" -pedantic -Wall -Wextra -Werror -fsyntax-only - 2>&1 ||
		echo "$2 failed")"
}

for header in $(find . -name '*.h' | sed 's|^\./||' | LC_ALL=C sort); do
	for compiler in gcc clang; do
		alone "$header" "$compiler" c c99
		alone "$header" "$compiler" c c11
	done
	for compiler in g++ clang++; do
		alone "$header" "$compiler" c++ c++17
	done
done
for header in $(find . -name '*.hpp' | sed 's|^\./||' | LC_ALL=C sort); do
	case $header in
	*/*) alone "$header" g++ c++ c++20 ;;
	*)
		for compiler in g++ clang++; do
			alone "$header" "$compiler" c++ c++17
			alone "$header" "$compiler" c++ c++20
		done
		for wanted in 'C++17: -std=c++14' 'exceptions: -std=c++17 -fno-exceptions'; do
			what="$header says that it needs ${wanted%%:*}"
			if ! command -v g++ >/dev/null 2>&1; then
				skip "$what" "g++ not found"
				continue
			fi
			check "$what" "$(printf '#include <%s>\n' "$header" |
				g++ -I. -x c++ ${wanted#*:} -fsyntax-only - 2>&1 |
				grep -q "error: #error.*needs ${wanted%%:*}" || echo "it does not")"
		done
		;;
	esac
done
# As the compiler sees it: without what comments say.
inlined() {
	for header in $(find . -name '*.h' ! -path './ferry/adapt/*' | LC_ALL=C sort); do
		gcc -fpreprocessed -dD -E -P "$header" 2>/dev/null | grep -E '\binline\b' |
			sed "s|^|$header: |"
	done
}
check "no header of C has an inline function but the adapters, which are no part of the library" \
	"$(inlined)"
finish
