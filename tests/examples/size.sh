# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/size-*: the sizes of files from the loop of each host, by its adapter.
# Usage: size.sh PROGRAM...
. "$(dirname "$0")/../shape/tap.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

printf 12345 >"$folder/five"
: >"$folder/none"
expected="$folder/five: 5
$folder/missing: No such file or directory
$folder/none: 0"

for program; do
	check "${program##*/} tells sizes and errors, and ends" "$(
		said=$("$program" "$folder/five" "$folder/none" "$folder/missing" 2>&1) || echo "status $?"
		[ "$(printf '%s\n' "$said" | LC_ALL=C sort)" = "$expected" ] || printf '%s\n' "$said"
	)"
	check "${program##*/} ends when nothing is asked" "$("$program" 2>&1 || echo "status $?")"
done
check "an example of an adapter has at most 60 lines" "$(
	for file in "$(dirname "$0")"/../../docs/examples/size-*.c; do
		[ "$(wc -l <"$file")" -le 60 ] || echo "$file"
	done)"
finish
