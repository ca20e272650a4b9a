# SPDX-License-Identifier: LGPL-2.1-or-later
# Each public header compiles alone, twice over, as C99, C11 and C++17, by each compiler found,
# with every warning an error. Usage: headers.sh ROOT
. "$(dirname "$0")/tap.sh"
cd "$1/include" || exit 1

# alone HEADER COMPILER LANGUAGE STANDARD
alone() {
	what="$1 alone as $4 by $2"
	if ! command -v "$2" >/dev/null 2>&1; then
		skip "$what" "$2 not found"
		return
	fi
	check "$what" "$(printf '#include <%s>\n#include <%s>\n' "$1" "$1" |
		"$2" -I. -x "$3" "-std=$4" -pedantic -Wall -Wextra -Werror -fsyntax-only - 2>&1 ||
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
# As the compiler sees it: without what comments say.
inlined() {
	for header in $(find . -name '*.h' | LC_ALL=C sort); do
		gcc -fpreprocessed -dD -E -P "$header" 2>/dev/null | grep -E '\binline\b' |
			sed "s|^|$header: |"
	done
}
check "no header has an inline function" "$(inlined)"
finish
