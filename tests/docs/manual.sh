# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual pages are clean and, with the guides, complete: ferry(7) names every call, the pages
# of section 3 every call of the floors of tasks and files, with its prototype, and the page of a
# program its options.
# Usage: manual.sh ROOT
. "$(dirname "$0")/../shape/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit 1
page=docs/man/ferry.7
guides="docs/guide.md docs/tasks.md docs/groups.md docs/files.md"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# That our own pages are not installed here says nothing; that they are there is looked at below.
lint() {
	mandoc -Tlint "$1" 2>/dev/null | grep -v 'referenced manual not found: Xr ferry'
}

# shown PAGE: it can be shown, with a call that it tells of, or the program
shown() {
	word=$(sed -n 's/^\.Nm \(ferry_[a-z0-9_]*\).*/\1/p' "$1" | head -n 1)
	word="${word:-ferry_offload}()"
	[ "${1##*.}" != 1 ] || word=$(basename "$1" .1)
	mandoc -Tutf8 "$1" 2>/dev/null | sed 's/.\x08//g' | grep -qF "$word" ||
		echo "$word is not in it"
}

# words FILE...: each word that is in one of them, once; lacking WORDS: which of the names that are
# read are not among them
words() {
	cat "$@" | grep -oE '[A-Za-z0-9_]+' | LC_ALL=C sort -u
}
lacking() {
	LC_ALL=C sort -u | LC_ALL=C comm -23 - "$1"
}

for each in docs/man/*.[1-9]; do
	if command -v mandoc >/dev/null; then
		check "mandoc has nothing to say about $each" "$(lint "$each")"
		check "$each can be shown" "$(shown "$each")"
	else
		skip "mandoc has nothing to say about $each" "mandoc not found"
	fi
done

# What a page calls an option, and what the program takes.
told() {
	sed -n 's/^\.It Fl Fl \([a-z-]*\).*/\1/p' docs/man/ferry-walk.1 | LC_ALL=C sort
}
taken() {
	sed -n 's/^.*{ "\([a-z-]*\)", [a-z]*_argument, .*/\1/p' docs/examples/walk-options.c |
		LC_ALL=C sort
}
check "the page of ferry-walk tells its options" "$(
	test -n "$(taken)" || echo "no options found"
	told >"$folder/told"
	taken | LC_ALL=C diff - "$folder/told"
)"

names=$(sed -n '/^[ \t]*\/\*/!s/^[ \t]*\(ferry_[a-z0-9_]*\);.*/\1/p' lib/ferry.map)
floors=$(sed -n '/^[ \t]*\/\* task \*\/$/,$s/^[ \t]*\(ferry_[a-z0-9_]*\);.*/\1/p' lib/ferry.map)
headers=$(find include -name '*.h' | LC_ALL=C sort)
check "lib/ferry.map exports something, some of it for tasks and files" \
	"$(test -n "$names" || echo "no names"; test -n "$floors" || echo "none for tasks and files")"
words "$page" >"$folder/page"
words $headers >"$folder/headers"
words docs/man/* >"$folder/pages"
words $guides >"$folder/guides"
check "every exported name is in $page" "$(printf '%s\n' $names | lacking "$folder/page")"

# Other pages, types and macros are named as well. A page's title is in capitals.
check "the pages of docs/man name nothing that is not there" "$(for each in docs/man/*.[1-9]; do
	grep -v '^\.Dt ' "$each" | grep -oE '\b(ferry|FERRY)_[A-Za-z0-9_]+' |
		lacking "$folder/headers" | while read -r name; do
			[ -f "docs/man/$name.3" ] || echo "$each: $name"
		done
done)"
check "every public macro for tasks and files is in a page of docs/man" "$(
	sed -n 's/^#define \(FERRY_[A-Z_]*[A-Z]\)\b.*/\1/p' include/ferry/task.h include/ferry/task/*.h \
		include/ferry/fs/*.h |
		grep -v '_H$' | grep -vxE 'FERRY_TASK_(DUE|INTERRUPTED)' | lacking "$folder/pages")"
check "every page that a page of docs/man refers to is there" "$(for each in docs/man/*.[1-9]; do
	sed -n 's/^\.Xr \(ferry[a-z_-]*\) \([0-9]\).*/\1.\2/p' "$each" | while read -r other; do
		[ -f "docs/man/$other" ] || echo "$each: $other"
	done
done)"

# Lines "name parameter...": in the pages, and in the headers.
cat docs/man/*.3 | awk '
	/^\.Fo / { line = $2 }
	/^\.Fa "/ && line != "" {
		parameter = $0
		gsub(/^\.Fa "|"$/, "", parameter)
		if (match(parameter, /\(\*[a-z_]+\)/))
			parameter = substr(parameter, RSTART + 2, RLENGTH - 3)
		sub(/.*[^a-z0-9_]/, "", parameter)
		line = line " " parameter
	}
	/^\.Fc/ { print line; line = "" }' | LC_ALL=C sort >"$folder/told"
awk -f "$here/../shape/declared.awk" $headers | awk -F '\t' -v names="$(echo $floors)" '
	BEGIN { n = split(names, list, " "); for (i = 1; i <= n; i++) of_floors[list[i]] = 1 }
	$1 in of_floors { print $1 ($4 == "" ? "" : " " $4) }' | LC_ALL=C sort >"$folder/declared"
check "every name for tasks and files has its prototype in one page of section 3, as it is declared" \
	"$(LC_ALL=C diff "$folder/declared" "$folder/told")"
sed -n 's/^\.Nm \(ferry_[a-z0-9_]*\)\( ,\)\{0,1\}$/\1/p' docs/man/*.3 | LC_ALL=C sort -u >"$folder/called"
check "every name for tasks and files is a name of a page of section 3" \
	"$(printf '%s\n' $floors | lacking "$folder/called")"

check "every exported name is used in a program of the guides, or told there: $guides" \
	"$(printf '%s\n' $names | lacking "$folder/guides")"
finish
