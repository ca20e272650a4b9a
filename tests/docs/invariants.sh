# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/testing.md tells of every invariant and of every patch in tests/mutants that breaks one.
# Usage: invariants.sh ROOT
. "$(dirname "$0")/../shape/tap.sh"
cd "$1" || exit 1
page=docs/testing.md
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

{
	printf 'F%d\n' 1 2 3 4 5 6 7
	printf 'P%d\n' 1 2 3 4 5 6 7 8 9 10 11
	printf 'L%d\n' 1 2 3 4 5 6
	printf 'T%d\n' 1 2 3 4 5 6 7 8
	printf 'S%d\n' 1 2
	printf 'E%d\n' 1 2 3
} | LC_ALL=C sort >"$folder/all"
sed -n '/^## Invariants$/,/^## /s/^| \([A-Z][0-9]*\) | ..*/\1/p' "$page" | LC_ALL=C sort >"$folder/told"
check "$page tells each invariant once" "$(LC_ALL=C diff "$folder/all" "$folder/told")"

# In comments of code and tests, and on pages: (F3), (P1, P2), "F1-F7" and the like.
find lib include tests docs README.md -name '*.[ch]' -o -name '*.md' | LC_ALL=C sort |
	xargs grep -ohE '\b[FPLTSE][0-9]{1,2}\b' | LC_ALL=C sort -u >"$folder/cited"
check "no other invariant is cited" "$(LC_ALL=C comm -13 "$folder/all" "$folder/cited")"

sed -n '/<!-- mutants:begin -->/,/<!-- mutants:end -->/p' "$page" >"$folder/table"
check "$page tells each patch: its invariant, what it breaks, the test that catches it" "$(
	awk '
		# Ends the patch before: what it says of itself, and what its row says.
		function judge(   name, i) {
			if (!patch)
				return
			name = patch
			gsub(/.*\/|\.patch$/, "", name)
			if (!(name in row))
				print patch ": no row"
			for (i = 1; i <= 3; i++) {
				if (!says[i])
					print patch ": no line \"" fields[i] ":\""
				else if (name in row && !index(row[name], says[i]))
					print patch ": its row does not say: " says[i]
				says[i] = ""
			}
		}
		BEGIN { fields[1] = "Invariant"; fields[2] = "Breaks"; fields[3] = "Caught by" }
		FILENAME == table {
			split($0, cell, / *\| */)
			if (cell[4] != "")
				row[cell[4]] = $0
			next
		}
		FNR == 1 { judge(); patch = FILENAME; over = 0 }
		/^---/ { over = 1 }
		!over {
			for (i = 1; i <= 3; i++)
				if (index($0, fields[i] ":") == 1) {
					says[i] = substr($0, length(fields[i]) + 2)
					sub(/^ */, "", says[i])
				}
		}
		END { judge() }
	' table="$folder/table" "$folder/table" $(ls tests/mutants/*.patch 2>/dev/null))"
check "each patch that $page tells of is there" "$(
	grep -oE '[FPLTSE][0-9]{1,2}-[a-z0-9-]+' "$folder/table" | LC_ALL=C sort -u | while read -r name; do
		[ -f "tests/mutants/$name.patch" ] || echo "$name"
	done)"
check "each invariant has a patch that breaks it" "$(
	while read -r invariant; do
		grep -qE "^\| *$invariant *\|" "$folder/table" || echo "$invariant"
	done <"$folder/all")"
finish
