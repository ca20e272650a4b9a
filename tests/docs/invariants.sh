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
	printf 'P%d\n' 1 2 3 4 5 6 7 8 9 10
	printf 'L%d\n' 1 2 3 4 5 6
	printf 'T%d\n' 1 2 3 4 5 6 7 8
	printf 'E%d\n' 1 2 3
} | LC_ALL=C sort >"$folder/all"
sed -n '/^## Invariants$/,/^## /s/^| \([A-Z][0-9]*\) | ..*/\1/p' "$page" | LC_ALL=C sort >"$folder/told"
check "$page tells each invariant once" "$(LC_ALL=C diff "$folder/all" "$folder/told")"

# In comments of code and tests, and on pages: (F3), (P1, P2), "F1-F7" and the like.
find lib include tests docs README.md -name '*.[ch]' -o -name '*.md' | LC_ALL=C sort |
	xargs grep -ohE '\b[FPLTE][0-9]{1,2}\b' | LC_ALL=C sort -u >"$folder/cited"
check "no other invariant is cited" "$(LC_ALL=C comm -13 "$folder/all" "$folder/cited")"

# field PATCH NAME: what the patch says of itself
field() {
	sed -n "/^---/q;s/^$2: *//p" "$1"
}

sed -n '/<!-- mutants:begin -->/,/<!-- mutants:end -->/p' "$page" >"$folder/table"
check "$page tells each patch: its invariant, what it breaks, the test that catches it" "$(
	for patch in tests/mutants/*.patch; do
		[ -f "$patch" ] || continue
		name=$(basename "$patch" .patch)
		grep -F -- "$name" "$folder/table" >"$folder/row" || {
			echo "$patch: no row"
			continue
		}
		for of in Invariant Breaks "Caught by"; do
			says=$(field "$patch" "$of")
			[ -n "$says" ] || echo "$patch: no line \"$of:\""
			grep -qF -- "$says" "$folder/row" || echo "$patch: its row does not say: $says"
		done
	done)"
check "each patch that $page tells of is there" "$(
	grep -oE '[FPLTE][0-9]{1,2}-[a-z0-9-]+' "$folder/table" | LC_ALL=C sort -u | while read -r name; do
		[ -f "tests/mutants/$name.patch" ] || echo "$name"
	done)"
check "each invariant has a patch that breaks it" "$(
	while read -r invariant; do
		grep -qE "^\| *$invariant *\|" "$folder/table" || echo "$invariant"
	done <"$folder/all")"
finish
