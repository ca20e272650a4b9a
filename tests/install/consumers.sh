# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the library under DESTDIR and builds consumer.c outside the tree in each way that users
# have: pkg-config and shared, pkg-config and static, as a meson subproject.
# Usage: consumers.sh ROOT BUILD
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
root=$1
build=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
unset LD_LIBRARY_PATH

# quietly COMMAND...: what it said, only if it failed
quietly() {
	"$@" >"$folder/said" 2>&1 </dev/null || {
		cat "$folder/said"
		echo "failed: $*"
	}
}

# prints COMMAND...: nothing if it prints 42, else what it did instead
prints() {
	said=$("$@" 2>&1) && [ "$said" = 42 ] || echo "expected 42, got: $said"
}

check "meson install under DESTDIR" \
	"$(DESTDIR=$folder/destination quietly meson install -C "$build" --no-rebuild)"

installed=$(cd "$folder/destination" 2>/dev/null && find . ! -type d | LC_ALL=C sort)
there() {
	printf '%s\n' "$installed" | grep -q "/$1\$" || echo "$1 is not installed"
}
check "headers, libraries, pkg-config file and man pages are installed" "$(
	for header in "$root"/include/*.h "$root"/include/ferry/*.h "$root"/include/ferry/*/*.h; do
		there "${header#"$root/"}"
	done
	there 'libferry\.so'
	there 'libferry\.so\.0'
	there 'libferry\.a'
	there 'pkgconfig/ferry\.pc'
	for page in "$root"/docs/man/*; do
		there "man${page##*.}/${page##*/}"
	done
)"
check "nothing else is installed" "$(printf '%s\n' "$installed" |
	grep -vE '/share/(ferry/gdb/ferry_gdb/[a-z_]+\.py|gdb/auto-load/.*/libferry\.so\.[0-9.]+-gdb\.py)$' |
	grep -vE '/(include/ferry\.h|include/ferry/[a-z/]+\.h|libferry\.(a|so[0-9.]*)|ferry\.pc|ferry\.7|ferry_[a-z_]+\.3)$')"

config=$(find "$folder/destination" -name ferry.pc)
libraries=$(dirname "$(dirname "$config")")
export PKG_CONFIG_PATH="${config%/*}" PKG_CONFIG_SYSROOT_DIR="$folder/destination"
version=$(sed -n 's/^#define FERRY_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' "$root/include/ferry/base.h" |
	paste -sd .)
check "ferry.pc bears the version of base.h" \
	"$(test "$(pkg-config --modversion ferry)" = "$version" || pkg-config --modversion ferry 2>&1)"
check "ferry.pc keeps liburcu private" "$(
	pkg-config --libs ferry | grep urcu
	pkg-config --print-requires-private ferry | grep -qx liburcu-bp || echo "not in Requires.private"
	pkg-config --print-requires-private ferry | grep -qx liburcu-cds || echo "not in Requires.private"
)"

cc=${CC:-cc}
check "builds by pkg-config against the shared library" \
	"$(quietly $cc -std=c11 "$here/consumer.c" -o "$folder/shared" $(pkg-config --cflags --libs ferry))"
check "and runs" "$(LD_LIBRARY_PATH=$libraries prints "$folder/shared")"
check "and is linked to libferry.so.0" \
	"$(readelf -dW "$folder/shared" 2>&1 | grep -q 'NEEDED.*libferry\.so\.0' || echo "is not")"

check "builds by pkg-config --static, all static" \
	"$(quietly $cc -std=c11 -static "$here/consumer.c" -o "$folder/static" \
		$(pkg-config --static --cflags --libs ferry))"
check "and runs without any library" "$(prints "$folder/static")"

unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
consumer=$folder/consumer
mkdir -p "$consumer/subprojects/ferry"
(cd "$root" && tar -cf - --exclude=./build --exclude=./.git .) |
	tar -xf - -C "$consumer/subprojects/ferry"
cp "$here/consumer.c" "$consumer"
cat >"$consumer/subprojects/ferry.wrap" <<'TXT'
[wrap-file]
directory = ferry
[provide]
dependency_names = ferry
TXT
cat >"$consumer/meson.build" <<'TXT'
project('consumer', 'c', default_options: ['werror=true'])
executable('consumer', 'consumer.c', dependencies: dependency('ferry'))
TXT
check "is found by dependency('ferry') as a meson subproject" \
	"$(quietly meson setup --wrap-mode=forcefallback "$consumer/build" "$consumer")"
check "builds as a meson subproject" "$(quietly ninja -C "$consumer/build")"
check "and runs there" "$(prints "$consumer/build/consumer")"
finish
