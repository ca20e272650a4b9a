# SPDX-License-Identifier: LGPL-2.1-or-later
# A file includes only lower floors or its own; loop and pool do not know each other; one file
# knows liburcu. Usage: floors.sh ROOT
. "$(dirname "$0")/tap.sh"
cd "$1" || exit 1

# Which floors each may include; of the public headers likewise.
allowed='
base   base
future base future
pool   base future pool
loop   base future loop
bridge base future pool loop bridge
task   base future pool loop bridge task
fs     base future pool loop bridge task fs
adapt  base future pool loop bridge task fs adapt
cpp    base future pool loop bridge task fs cpp
'

# includes FOLDER...: lines "file:line: floor-of-the-file included-name"
includes() {
	find "$@" -name '*.[ch]' -o -name '*.hpp' | LC_ALL=C sort | while IFS= read -r file; do
		awk -v file="$file" '
			/^[ \t]*#[ \t]*include/ {
				name = $0
				sub(/^[^"<]*["<]/, "", name)
				sub(/[">].*/, "", name)
				floor = file
				sub(/^lib\//, "", floor)
				sub(/^include\/ferry\//, "", floor)
				sub(/\.h(pp)?$/, "", floor)
				sub(/\/.*/, "", floor)
				print file ":" FNR ": " floor " " name
			}' "$file"
	done
}

# beyond: of such lines, those that reach too high or sideways
beyond() {
	awk -v allowed="$allowed" '
		BEGIN {
			n = split(allowed, line, "\n")
			for (i = 1; i <= n; i++) {
				m = split(line[i], word, " ")
				if (m)
					known[word[1]] = 1
				for (j = 2; j <= m; j++)
					may[word[1], word[j]] = 1
			}
		}
		{
			floor = $2
			name = $3
			if (name == "ferry.h") {
				print $1 " " floor " includes all of libferry"
				next
			}
			sub(/^ferry\//, "", name)
			sub(/\.h(pp)?$/, "", name)
			sub(/\/.*/, "", name)
			if (!(floor in known))
				print $1 " " floor " is no floor"
			else if (name in known && !((floor, name) in may))
				print $1 " " floor " includes " $3
		}'
}

check "lib/ includes only lower floors, and neither loop nor pool the other" \
	"$(includes lib | beyond)"
check "public headers include only lower floors" "$(includes include/ferry | beyond)"
check "lib/ names each of its own headers by floor, so that none is out of sight" \
	"$(grep -rnE '^[ \t]*#[ \t]*include[ \t]*"' lib --include='*.[ch]' |
		grep -vE '"(base|future|pool|loop|bridge|task|fs)/[a-z_-]+\.h"')"
check "headers of lib/ do not include each other in a circle" \
	"$(find lib -name '*.h' | while IFS= read -r file; do
		sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\(.*\)".*/\1/p' "$file" | sed "s|^|${file#lib/} |"
	done | tsort 2>&1 >/dev/null)"
check "headers for C++ do not include each other in a circle" \
	"$(find include -name '*.hpp' | while IFS= read -r file; do
		sed -n 's/^[ \t]*#[ \t]*include[ \t]*<\(ferry.*\.hpp\)>.*/\1/p' "$file" |
			sed "s|^|${file#include/} |"
	done | tsort 2>&1 >/dev/null)"
check "only lib/base/rcu.c includes liburcu (its plain lists come by lib/base/list.h)" \
	"$(grep -rnE '#[ \t]*include[ \t]*[<"]urcu' lib include --include='*.[ch]' |
		grep -v '^lib/base/rcu\.c:' | grep -v '^lib/base/list\.h:[0-9]*:#include <urcu/list\.h>')"
check "only lib/base/atomic.h includes <stdatomic.h>" \
	"$(grep -rnE '#[ \t]*include[ \t]*[<"]stdatomic\.h' lib include --include='*.[ch]' |
		grep -v '^lib/base/atomic\.h:')"
finish
