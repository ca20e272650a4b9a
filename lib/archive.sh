# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes libferry.a. What the library keeps to itself is hidden in libferry.so; in an archive it would
# be seen, and collide with a program's own queue_push(). There each such name is given the prefix
# ferry_internal_ instead.
# Usage: archive.sh AR NM OBJCOPY ARCHIVE OBJECT...
set -eu
ar=$1 nm=$2 objcopy=$3 archive=$4
shift 4
new=$archive.new names=$archive.names
trap 'rm -f "$new" "$names"' EXIT
rm -f "$new"
"$ar" rcs "$new" "$@"

# What is left for link-time optimization alone, by gcc or by clang, has no names to be changed.
if ! grep -q __gnu_lto_slim "$1" && [ "$(head -c 2 "$1")" != BC ]; then
	# What is there for it besides would go by the old names.
	"$objcopy" --remove-section='.gnu.lto_*' "$new"
	"$nm" --extern-only --defined-only "$new" |
		awk 'NF == 3 && $3 !~ /^(ferry|_)/ && !told[$3]++ { print $3, "ferry_internal_" $3 }' \
			>"$names"
	"$objcopy" --redefine-syms="$names" "$new"
fi
mv "$new" "$archive"
