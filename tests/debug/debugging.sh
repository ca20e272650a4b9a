# SPDX-License-Identifier: LGPL-2.1-or-later
# What gdb says on docs/debugging.md is what it says: of each program there that has a session,
# stopped in look(). Usage: debugging.sh ROOT LIBRARY
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
. "$here/debugger.sh"
root=$1 library=$2
page=$root/docs/debugging.md
needs_debugger "gdb says what docs/debugging.md says" "$library"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

awk -v folder="$folder" -v page=docs/debugging.md -f "$here/../docs/snippets.awk" "$page" >/dev/null
# Sessions: below a line <!-- gdb: NAME -->, all of one program together.
awk -v folder="$folder" '
	/^<!-- gdb: [a-z-]+ -->$/ { name = $3; next }
	/^```/ { inside = name != "" && !inside; if (!inside) name = ""; next }
	inside { print >(folder "/" name ".session") }' "$page"
check "docs/debugging.md has a session" "$(ls "$folder" | grep -q 'session$' || echo "it has none")"

for session in "$folder"/*.session; do
	name=$(basename "$session" .session)
	said=$("${CC:-cc}" -g -std=c11 -D_GNU_SOURCE -O0 -I"$root/include" "$folder/$name.c" \
		-o "$folder/$name" "$library" -pthread -Wl,-rpath,"${library%/*}" 2>&1
		debug "$folder/$name" -ex "source $root/lib/gdb/load.py" -ex 'break look' -ex run \
			-ex "set \$session = \"$session\"" -ex "set \$said = \"$folder/said\"" \
			-ex "source $here/session.py")
	check "gdb says of $name what the page says" "$([ -f "$folder/said" ] || echo "$said"
		plain "$folder/said" 2>&1 | diff -u --label "the page" --label gdb "$session" -)"
done
finish
