# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/html/build.py makes a page of each page, manual page and header; what they link to is there;
# and whoever reads them asks nobody else. Usage: html.sh ROOT
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
cd "$1" || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

for tool in python3 cmark-gfm mandoc; do
	if ! command -v $tool >/dev/null; then
		skip "HTML is made of all documentation" "$tool not found"
		finish
		exit 0
	fi
done

build=$here/../../docs/html/build.py
check "the pages are built" "$(python3 "$build" --root . "$folder/site" 2>&1 >/dev/null)"
check "it says how it is used" "$(python3 "$build" --help | grep -q '^usage: build.py' || echo "no")"
check "what it cannot do is said, and leaves with a status" "$(
	said=$(python3 "$build" --root "$folder" "$folder/none" 2>&1)
	[ $? -eq 2 ] && [ -n "$said" ] || echo "$said")"

# place FILE: the page that it has to have
place() {
	case $1 in
	README.md) echo index.html ;;
	docs/man/*) echo "man/${1#docs/man/}.html" ;;
	docs/*) echo "${1#docs/}" | sed 's/md$/html/' ;;
	include/*.hpp) echo "reference/${1#include/}.html" ;;
	include/*) echo "reference/${1#include/}" | sed 's/h$/html/' ;;
	esac
}
check "each page, manual page and header has its page" "$(
	find README.md docs include -name '*.md' -o -name '*.[1-9]' -o -name '*.h' -o -name '*.hpp' |
		grep -v '^docs/examples/' | LC_ALL=C sort | while IFS= read -r file; do
		[ -s "$folder/site/$(place "$file")" ] || echo "$file: no $(place "$file")"
	done)"
find "$folder/site/reference" -name '*.html' -exec cat {} + >"$folder/reference" 2>/dev/null
check "each exported name is in the reference" "$(
	[ ! -f lib/ferry.map ] || sed -n '/^[ \t]*\/\*/!s/^[ \t]*\(ferry_[a-z0-9_]*\);.*/\1/p' lib/ferry.map |
		while read -r name; do
			grep -qF "id=\"$name\"" "$folder/reference" || echo "$name"
		done)"

python3 "$here/site.py" "$folder/site" >"$folder/wrong" 2>&1 || echo "links: $?" >>"$folder/wrong"
# rule NAME SENTENCE
rule() {
	check "$2" "$(sed -n "s/^$1: //p" "$folder/wrong" | head -n 40)"
}
rule links "each link within leads to a page and to an anchor of it"
rule anchors "no anchor is twice on a page"
rule shape "each page has one title, one first heading and the one stylesheet, and ends"
rule network "no page fetches anything from elsewhere"
finish
