# SPDX-License-Identifier: LGPL-2.1-or-later
# The same names in three places: declared in the public headers, listed in lib/ferry.map,
# exported by the shared library. Usage: names.sh ROOT LIBRARY
. "$(dirname "$0")/tap.sh"
here=$(dirname "$0")
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

find "$1/include" -name '*.h' | LC_ALL=C sort | xargs awk -f "$here/declared.awk" | cut -f1 | LC_ALL=C sort >"$folder/declared"
sed -n '/^[ \t]*\/\*/!s/^[ \t]*\(ferry_[a-z0-9_]*\);.*/\1/p' "$1/lib/ferry.map" | LC_ALL=C sort >"$folder/listed"
nm -D --defined-only "$2" | sed 's/^[^ ]* //' | awk '$1 != "A" { sub(/@.*/, "", $2); print $2 }' |
	LC_ALL=C sort >"$folder/exported"

only() {
	LC_ALL=C comm -23 "$folder/$1" "$folder/$2"
}

check "something is declared" "$(test -s "$folder/declared" || echo "no FERRY_API in include/")"
check "no name is listed twice" "$(uniq -d "$folder/listed")"
check "every declared name is in lib/ferry.map" "$(only declared listed)"
check "every name in lib/ferry.map is declared" "$(only listed declared)"
check "every name in lib/ferry.map is exported" "$(only listed exported)"
check "nothing else is exported" "$(only exported listed)"
check "every exported name begins with ferry_" "$(grep -v '^ferry_' "$folder/exported")"
finish
