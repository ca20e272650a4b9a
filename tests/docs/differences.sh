# SPDX-License-Identifier: LGPL-2.1-or-later
# A page that shows the difference between two files shows the one that there is. Such a block has a
# marker above it, with names of files as they are from the page's folder:
#   <!-- diff: BEFORE AFTER -->
# Blanks at the end of a line do not count. Usage: differences.sh ROOT LIBRARY
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
cd "$1" || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# shown PAGE LINE: the block below the marker of that line
shown() {
	awk -v line="$2" '
		NR > line && /^```$/ { exit }
		NR > line + 1 { print }
		NR == line + 1 && !/^```diff$/ { exit }' "$1"
}

# differs PAGE LINE BEFORE AFTER: nothing, or how the page differs from the files
differs() {
	shown "$1" "$2" >"$folder/shown"
	(cd "${1%/*}" && diff -u --label "${3##*/}" --label "${4##*/}" "$3" "$4") 2>&1 |
		sed 's/[[:blank:]]*$//' >"$folder/is"
	diff -u --label "the page" --label "the files" "$folder/shown" "$folder/is"
}

grep -n '^<!-- diff: .* -->$' docs/*.md docs/*/*.md 2>/dev/null | sed 's/:/ /; s/:/ /' >"$folder/list"
check "a page shows a difference" "$(test -s "$folder/list" || echo "no marker")"
while read -r page line _ _ before after _; do
	check "$page:$line: the difference is that of the files" \
		"$(differs "$page" "$line" "$before" "$after")"
done <"$folder/list"
check "every difference has its marker" "$(awk '
	/^```diff$/ && previous !~ /^<!-- diff: / { print FILENAME ":" FNR }
	{ previous = $0 }' docs/*.md docs/*/*.md)"
finish
