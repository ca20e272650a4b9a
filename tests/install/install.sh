# SPDX-License-Identifier: LGPL-2.1-or-later
# What the scripts of this suite begin with; sourced, with ROOT and BUILD as arguments. Everything
# that they make lies in $folder, which goes when they end.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
root=$1
build=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
# Nothing that the user has set decides what is found.
unset LD_LIBRARY_PATH PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR DESTDIR MAKEFLAGS \
	CMAKE_PREFIX_PATH ferry_DIR ferry_ROOT

# has PROGRAM...: they are installed here
has() {
	for program; do
		command -v "$program" >/dev/null || return 1
	done
}

# quietly COMMAND...: what it said, or the end of that, only if it failed
quietly() {
	"$@" >"$folder/said" 2>&1 </dev/null || {
		tail -n 60 "$folder/said"
		echo "failed: $*"
	}
}

# refuses TEXT COMMAND...: COMMAND fails, and says TEXT
refuses() {
	text=$1
	shift
	if "$@" >"$folder/said" 2>&1 </dev/null; then
		echo "did not fail: $*"
	else
		grep -q -- "$text" "$folder/said" || cat "$folder/said"
	fi
}

# libraries TREE: the folder of libferry under TREE
libraries() {
	dirname "$(find "$1" -name libferry.a)"
}

version=$(sed -n 's/^#define FERRY_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' "$root/include/ferry/base.h" |
	paste -sd .)
