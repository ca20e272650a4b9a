# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/install.md shows the files that the other scripts of this suite build, letter by letter, less
# the licence line. A block that follows a line "<!-- file: NAME -->" is that file.
#   page.sh ROOT           compares
#   page.sh ROOT --write   puts the files into the page, for whoever changes one of them
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
cd "$1" || exit 1
page=docs/install.md
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

awk '
	function put(name,   line) {
		while ((getline line < name) > 0)
			if (line !~ /SPDX-License-Identifier/)
				print line
		close(name)
	}
	/^<!-- file: .* -->$/ { name = $3 }
	/^```/ && inside { inside = 0 }
	!inside { print }
	/^```./ && name != "" { put(name); inside = 1; name = "" }
' "$page" >"$folder/page"
if [ "${2-}" = --write ]; then
	cat "$folder/page" >"$page"
	exit
fi
check "$page shows each file as it is" \
	"$(diff -u --label "the page" --label "the files" "$page" "$folder/page")"
check "and it shows how each way is built" "$(
	for file in tests/install/consumer-*/Makefile tests/install/consumer-*/CMakeLists.txt \
		tests/install/consumer-*/meson.build docs/packaging/ferry.wrap; do
		grep -qxF "<!-- file: $file -->" "$page" || echo "$file is not shown"
	done
)"
check "the loader is told of the library on each page that installs it" "$(
	awk 'was ~ /^meson install/ && $0 != "ldconfig" { print FILENAME ": no ldconfig follows " was }
		{ was = $0 }' README.md docs/install.md)"
finish
