# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual page is clean and, with the guide, complete. Usage: manual.sh ROOT
. "$(dirname "$0")/../shape/tap.sh"
cd "$1" || exit 1
page=docs/man/ferry.7

if command -v mandoc >/dev/null; then
	check "mandoc has nothing to say about $page" "$(mandoc -Tlint "$page" 2>/dev/null)"
	check "$page can be shown" "$(mandoc -Tutf8 "$page" 2>/dev/null | sed 's/.\x08//g' |
		grep -q 'ferry_offload()' || echo "ferry_offload() is not in it")"
else
	skip "mandoc has nothing to say about $page" "mandoc not found"
fi

names=$(sed -n '/^[ \t]*\/\*/!s/^[ \t]*\(ferry_[a-z0-9_]*\);.*/\1/p' lib/ferry.map)
check "lib/ferry.map exports something" "$(test -n "$names" || echo "no names")"
check "every exported name is in $page" "$(for name in $names; do
	grep -qw -- "$name" "$page" || echo "$name"
done)"
check "$page names nothing else" "$(grep -oE '\bferry_[a-z0-9_]+' "$page" | LC_ALL=C sort -u |
	while read -r name; do
		printf '%s\n' $names | grep -qx -- "$name" ||
			grep -qE "\\b$name;|\\bstruct $name\\b" include/ferry/*.h || echo "$name"
	done)"
check "every exported name is used in a program of docs/guide.md, or told there" \
	"$(for name in $names; do
		grep -qw -- "$name" docs/guide.md || echo "$name"
	done)"
finish
