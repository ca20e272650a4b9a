# SPDX-License-Identifier: LGPL-2.1-or-later
# How files look: the licence line, an opening comment, one noun per file, lines that fit.
# Usage: files.sh ROOT
. "$(dirname "$0")/tap.sh"
cd "$1" || exit 1

# All that somebody wrote as a program, of whatever language.
sources() {
	{
		find include lib tests perf docs .ci -type f \( -name '*.[ch]' -o -name '*.[ch]pp' \
			-o -name '*.sh' -o -name '*.py' \
			-o -name '*.awk' -o -name '*.map' -o -name '*.[1-9]' -o -name meson.build \
			-o -name Makefile -o -name CMakeLists.txt -o -name '*.cmake.in' -o -name '*.wrap' \
			-o -perm -u+x \)
		echo meson.build
	} | LC_ALL=C sort
}

check "every source file has its SPDX line at the top" "$(sources | while IFS= read -r file; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2\.1-or-later' || echo "$file"
done)"

check "every .c file of lib/ opens with what it is, in at least four lines" \
	"$(find lib -name '*.c' | LC_ALL=C sort | while IFS= read -r file; do
		awk '
			NR == 1 && /SPDX/ { next }
			!begun && /^[ \t]*$/ { next }
			!begun && !/^\/\*/ { exit }
			{ begun = 1; lines++ }
			/\*\// { exit }
			END { exit lines < 4 }' "$file" || echo "$file"
	done)"

check "no file of lib/, nor of what C++ has in its place, is over 450 lines" \
	"$(find lib include -name '*.hpp' -o -path 'lib/*.[ch]' | LC_ALL=C sort |
	xargs awk 'FNR == 451 { print FILENAME ": over 450 lines" }')"

check "no line of C is over 100 columns" "$(sources | grep -E '\.[ch](pp)?$' | while IFS= read -r file; do
	expand "$file" | awk -v file="$file" \
		'length($0) > 100 { print file ":" NR ": " length($0) " columns" }'
done)"

check "C is indented by tabs, and no line ends in a blank" "$(sources | grep -E '\.[ch](pp)?$' |
	xargs grep -HnE '^        |[ 	]$')"
finish
