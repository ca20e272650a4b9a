# SPDX-License-Identifier: LGPL-2.1-or-later
# gdb loads the printers by itself from where they are installed, with the library.
# Usage: autoload.sh ROOT BUILD
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
build=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

check "meson install under DESTDIR" "$(DESTDIR=$folder/destination meson install -C "$build" \
	--no-rebuild >"$folder/said" 2>&1 </dev/null || cat "$folder/said")"
library=$(find "$folder/destination" -name 'libferry.so.*.*' ! -name '*.py')
there=${library#"$folder/destination"}
share=$(dirname "$(find "$folder/destination" -path '*/gdb/auto-load')")
check "the script lies where gdb looks for that of the installed library" \
	"$(test -f "$share/auto-load$there-gdb.py" || find "$folder/destination" -path '*gdb*')"

# The library runs from under DESTDIR, so that gdb looks for the name that it has there.
mkdir -p "$share/auto-load/${folder#/}"
ln -s "$share/auto-load" "$share/auto-load/${folder#/}/destination"
what="gdb loads them by itself with the library"
if ! command -v gdb >/dev/null; then
	skip "$what" "gdb not found"
else
	loaded=$(gdb -nx -batch -iex "set auto-load scripts-directory $share/auto-load" \
		-iex "add-auto-load-safe-path $share" -ex 'info pretty-printer' "$library" 2>&1 </dev/null)
	check "$what" "$(printf '%s\n' "$loaded" | grep -qx ' *libferry' || printf '%s\n' "$loaded")"
	sourced=$(gdb -nx -batch -ex "source ${share%/gdb}/ferry/gdb/load.py" \
		-ex 'info pretty-printer' 2>&1 </dev/null)
	check "and from where they are installed when it is told to" \
		"$(printf '%s\n' "$sourced" | grep -qx ' *libferry' || printf '%s\n' "$sourced")"
	check "and leaves nothing in their folder" "$(find "$share/.." -name '__pycache__')"
fi
finish
