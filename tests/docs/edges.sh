# SPDX-License-Identifier: LGPL-2.1-or-later
# The edges that comments in lib/ cite by name, [submit-run] and the like, are those of the table in
# docs/memory-model.md. Usage: edges.sh ROOT
. "$(dirname "$0")/../shape/tap.sh"
cd "$1" || exit 1
page=docs/memory-model.md
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# What stands in brackets in a comment is an edge, unless it says how long an array is.
find lib -name '*.[ch]' | LC_ALL=C sort | xargs awk '
	FNR == 1 { inside = 0 }
	{
		line = $0
		text = ""
		while (line != "") {
			if (inside) {
				end = index(line, "*/")
				text = text " " (end ? substr(line, 1, end - 1) : line)
				line = end ? substr(line, end + 2) : ""
				inside = !end
			} else {
				begin = index(line, "/*")
				line = begin ? substr(line, begin + 2) : ""
				inside = begin
			}
		}
		gsub(/array \[[a-z-]+\]/, "", text)
		while (match(text, /(^|[^a-z0-9_])\[[a-z]+(-[a-z]+)*\]/)) {
			edge = substr(text, RSTART, RLENGTH)
			sub(/^[^[]*/, "", edge)
			print edge
			text = substr(text, RSTART + RLENGTH)
		}
	}' | LC_ALL=C sort -u >"$folder/cited"
sed -n 's/^| \(\[[a-z-]*\]\) |.*/\1/p' "$page" >"$folder/rows"
LC_ALL=C sort -u "$folder/rows" >"$folder/told"

check "comments in lib/ cite edges" "$(test -s "$folder/cited" || echo "none found")"
check "every edge that is cited is in the table of $page" \
	"$(LC_ALL=C comm -23 "$folder/cited" "$folder/told")"
check "every edge of the table is cited" "$(LC_ALL=C comm -13 "$folder/cited" "$folder/told")"
check "no edge is in the table twice" "$(LC_ALL=C sort "$folder/rows" | uniq -d)"
finish
