# SPDX-License-Identifier: LGPL-2.1-or-later
# What is installed, and what pkg-config and CMake say of it: every file that should be there and no
# other, the version, what is refused. Usage: installed.sh ROOT BUILD
. "$(dirname "$0")/install.sh"
destination=$folder/destination

check "meson install under DESTDIR" \
	"$(DESTDIR=$destination quietly meson install -C "$build" --no-rebuild)"

configured=$(sed -n 's/^prefix=//p' "$build/meson-private/ferry.pc")
prefix=$destination$configured
libraries=$(libraries "$destination")
from_prefix=${libraries#"$prefix/"}
major=${version%%.*}

{
	(cd "$root" && find include ! -type d)
	for page in "$root"/docs/man/*; do
		echo "share/man/man${page##*.}/${page##*/}"
	done
	echo "bin/ferry-walk"
	(cd "$root/lib/gdb" && find load.py ferry_gdb -name '*.py') | sed 's|^|share/ferry/gdb/|'
	echo "share/gdb/auto-load$configured/$from_prefix/libferry.so.$version-gdb.py"
	for name in libferry.a libferry.so "libferry.so.$major" "libferry.so.$version" \
		pkgconfig/ferry.pc cmake/ferry/ferryConfig.cmake cmake/ferry/ferryConfigVersion.cmake; do
		echo "$from_prefix/$name"
	done
} | LC_ALL=C sort >"$folder/wanted"
(cd "$prefix" && find . ! -type d) | sed 's/^\.\///; s/\.gz$//' | LC_ALL=C sort >"$folder/there"
check "headers, libraries, package files, man pages, printers and ferry-walk are installed" \
	"$(LC_ALL=C comm -23 "$folder/wanted" "$folder/there")"
check "nothing else is installed" "$(LC_ALL=C comm -13 "$folder/wanted" "$folder/there")"
check "nothing is installed outside of the prefix" \
	"$(find "$destination" ! -type d ! -path "$prefix/*")"

export PKG_CONFIG_PATH="$libraries/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$destination"
check "ferry.pc bears the version of base.h" \
	"$(test "$(pkg-config --modversion ferry)" = "$version" || pkg-config --modversion ferry 2>&1)"
check "ferry.pc keeps liburcu private" "$(
	pkg-config --libs ferry | grep urcu
	pkg-config --print-requires-private ferry | grep -qx liburcu-bp || echo "not in Requires.private"
	pkg-config --print-requires-private ferry | grep -qx liburcu-cds || echo "not in Requires.private"
)"
check "pkg-config finds this version, and refuses a newer one" "$(
	quietly pkg-config --exists --print-errors "ferry >= $version"
	refuses "ferry > $version" pkg-config --exists --print-errors "ferry > $version"
)"
if has make; then
	check "a Makefile that wants a newer version is refused" \
		"$(refuses "not found by pkg-config: ferry > $version" \
			make -n -C "$here/consumer-pkgconfig" wanted="ferry > $version")"
else
	skip "a Makefile that wants a newer version is refused" "make not found"
fi

check "a program can use every name that is not libferry's, with libferry.a as well" \
	"$(nm --extern-only --defined-only "$libraries/libferry.a" 2>/dev/null |
		awk 'NF == 3 && $3 !~ /^(ferry_|_)/ { print $3 }' | LC_ALL=C sort -u)$(
		nm --extern-only --defined-only "$libraries/libferry.a" 2>/dev/null |
			grep -q ' ferry_offload$' || echo "ferry_offload is not there")"

check "the package files of CMake name no folder of this machine" \
	"$(grep -n "$configured\|$root\|$build" "$libraries"/cmake/ferry/* 2>&1)"
if has cmake; then
	for only in shared static; do
		mkdir "$folder/$only" && cp -R "$prefix/include" "$prefix/lib"* "$folder/$only"
	done
	rm "$folder/shared/$from_prefix/libferry.a" "$folder/static/$from_prefix"/libferry.so*
	mkdir "$folder/linked" && ln -s "$prefix/${from_prefix%%/*}" "$folder/linked/${from_prefix%%/*}"
	check "find_package() finds versions and components as docs/install.md says, or says why not" \
		"$(quietly cmake -S "$here/refusals-cmake" -B "$folder/refusals" -DVERSION="$version" -DTEMPLATES="$root/lib" \
			-DCMAKE_PREFIX_PATH="$prefix" -DSHARED_ONLY="$folder/shared" \
			-DSTATIC_ONLY="$folder/static" -DLINKED="$folder/linked")"
else
	skip "find_package() finds versions and components" "cmake not found"
fi
finish
