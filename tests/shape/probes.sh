# SPDX-License-Identifier: LGPL-2.1-or-later
# The probes for tracers: all that lib/ places are in the library, as the guide lists them, and none
# is left where they are not wanted. Usage: probes.sh ROOT LIBRARY [probes]
. "$(dirname "$0")/tap.sh"
cd "$1" || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# noted FILE: "provider name" of each probe that it has
noted() {
	readelf -n "$1" | awk '/Provider:/ { provider = $NF } /^ *Name:/ { print provider, $2 }' |
		LC_ALL=C sort -u
}

placed=$(grep -rhoE '\bprobe\([a-z_]+' lib --include='*.c' | sed 's/.*(/ferry /' |
	LC_ALL=C sort -u)
listed=$(sed -n '/^## Probes/,$s/^| `\([a-z_]*\)` | .*/ferry \1/p' docs/guide.md | LC_ALL=C sort -u)
same() {
	[ "$1" = "$2" ] || printf '%s\n' "$1" "not:" "$2"
}

check "there are probes in lib/" "$(test -n "$placed" || echo none)"
check "docs/guide.md lists each probe of lib/, and no other" "$(same "$listed" "$placed")"
if [ "${3-}" = probes ]; then
	check "the library has each of them, and no other" "$(same "$(noted "$2")" "$placed")"
else
	skip "the library has each of them, and no other" "sys/sdt.h was not found"
	check "the library has none without sys/sdt.h" "$(noted "$2")"
fi

# As if the header were there, or as it is.
without() {
	for file in $(grep -rlE '\bprobe\(' lib --include='*.c'); do
		${CC:-cc} -std=c11 -D_GNU_SOURCE "$@" -Iinclude -Ilib -Wall -Wextra -Werror -c "$file" \
			-o "$folder/without.o" 2>&1 || echo "$file does not compile"
		noted "$folder/without.o" | sed "s|^|$file: |"
	done
}
check "with FERRY_NO_PROBES there is none" "$(without -DFERRY_PROBES -DFERRY_NO_PROBES)"
check "there is none unless it is asked for" "$(without)"
finish
