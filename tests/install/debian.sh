# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/packaging/debian makes Debian packages of this tree: what it says agrees with the tree, its
# source package is made, and lintian has nothing to say. In the long form the packages are built as
# well, twice, and must be the same to the byte; they hold what they should, depend on what they
# should, and are used by the consumers as their autopkgtest does. Nothing is installed: packages
# are unpacked in a temporary folder. Usage: debian.sh ROOT BUILD
. "$(dirname "$0")/install.sh"
unset CC CFLAGS CXXFLAGS CPPFLAGS LDFLAGS DEB_BUILD_PROFILES DEB_BUILD_MAINT_OPTIONS SOURCE_DATE_EPOCH
export HOME="$folder" LC_ALL=C.UTF-8 DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)"
packaging=$root/docs/packaging/debian

# ---- what it says, and what the tree has ----

# Of a symbol the package tells the node of the map, and the release that first had it.
awk '
	/^[A-Z_0-9.]+ \{/ { node = $1; print " " node "@" node }
	/^[ \t]*\/\*/ { next }
	match($0, /^[ \t]*ferry_[a-z0-9_]*;/) { gsub(/[ \t;]/, ""); print " " $0 "@" node }
' "$root/lib/ferry.map" | LC_ALL=C sort >"$folder/exported"
sed -n 's/^\( [^ ]*@[^ ]*\) .*/\1/p' "$packaging/libferry0.symbols" | LC_ALL=C sort >"$folder/told"
check "libferry0.symbols has a line for each name in lib/ferry.map" "$(
	test -s "$folder/exported" || echo "lib/ferry.map exports nothing"
	LC_ALL=C comm -23 "$folder/exported" "$folder/told" | sed "s/\$/ $version/; s/^/missing:/")"
check "libferry0.symbols has no other" "$(LC_ALL=C comm -13 "$folder/exported" "$folder/told")"
said=$(sed -n '1s/^ferry (\(.*\)-[^-]*) .*/\1/p' "$packaging/changelog")
check "its changelog begins with the version of base.h" \
	"$(test "$said" = "$version" || echo "$said, not $version")"
check "its packages are named by the SONAME" "$(
	grep -qx "Package: libferry${version%%.*}" "$packaging/control" ||
		echo "no Package: libferry${version%%.*}"
	grep -q "^libferry\.so\.${version%%.*} libferry${version%%.*} " "$packaging/libferry0.symbols" ||
		echo "libferry0.symbols is of another library"
)"

# ---- the source package ----

if ! has dpkg-source dpkg-buildpackage; then
	skip "a source package is made, and lintian has nothing to say" "dpkg-dev not found"
	finish
	exit
fi

# unpacked FOLDER: the tree with debian/ in its place, and beside it the archive of upstream
unpacked() {
	tree=$1/ferry-$version
	mkdir -p "$tree" && (cd "$root" && tar -cf - --exclude=./build --exclude=./.git .) |
		tar -xf - -C "$tree" &&
		tar -C "$1" --sort=name --owner=0 --group=0 -czf "$1/ferry_$version.orig.tar.gz" \
			"ferry-$version" &&
		cp -R "$packaging" "$tree/debian"
}

# faultless FILE: nothing, or what lintian says of it, down to what is merely pedantic; but for which
# policy is the newest, which each lintian knows by its own date
faultless() {
	lintian --no-cfg --display-info --pedantic \
		--suppress-tags out-of-date-standards-version,newer-standards-version \
		--fail-on error --fail-on warning --fail-on info --fail-on pedantic "$1" 2>"$folder/said" ||
		cat "$folder/said"
}

check "the tree is unpacked" "$(quietly unpacked "$folder/one")"
check "a source package is made" \
	"$(cd "$folder/one" && quietly dpkg-source --build "ferry-$version")"
if has lintian; then
	check "lintian has nothing to say about it" "$(faultless "$(echo "$folder"/one/ferry_*.dsc)")"
else
	skip "lintian has nothing to say about it" "lintian not found"
fi

# ---- the packages ----

lacking=$(cd "$folder/one/ferry-$version" && dpkg-checkbuilddeps -P nocheck 2>&1)
reason=
if [ "${FERRY_TEST_LONG-0}" != 1 ]; then
	reason="only in the long form"
elif ! has dh; then
	reason="debhelper not found"
elif [ -n "$lacking" ]; then
	reason="not found: ${lacking##*: }"
fi
if [ -n "$reason" ]; then
	skip "the packages are built, hold what they should, and are used" "$reason"
	finish
	exit
fi

# built NAME: the packages, made in a folder of that name, as somebody else would
built() {
	cd "$folder/$1/ferry-$version" && dpkg-buildpackage --unsigned-source --unsigned-changes
}

# package NAME: the file of a package that the first build made
package() {
	echo "$folder"/one/"$1"_*.deb
}

# depends NAME: what it depends on, one a line, versions left out
depends() {
	dpkg-deb --field "$(package "$1")" Depends | tr ',' '\n' | sed 's/^ *//; s/ *(.*//'
}

# holds NAME PATTERN...: its files, but for those about the package itself, are described by the
# PATTERNs, and each PATTERN by one of them
holds() {
	dpkg-deb --fsys-tarfile "$(package "$1")" | tar -tf - |
		grep -v '/$\|/usr/share/doc/\|/usr/share/lintian/' | sed 's/^\.//' >"$folder/files"
	shift
	for pattern; do
		grep -qE "^$pattern\$" "$folder/files" || echo "not there: $pattern"
		grep -vE "^$pattern\$" "$folder/files" >"$folder/others"
		mv "$folder/others" "$folder/files"
	done
	cat "$folder/files"
}

# pages SECTION...: patterns for the pages of docs/man of those sections
pages() {
	for section; do
		for page in "$root"/docs/man/*."$section"; do
			echo "/usr/share/man/man$section/${page##*/}\.gz"
		done
	done
}

check "the packages are built" "$(quietly built one)"
if has lintian; then
	check "lintian has nothing to say about them" \
		"$(faultless "$(echo "$folder"/one/ferry_*.changes)")"
fi
check "libferry0 is the shared library" \
	"$(holds libferry0 "/usr/lib/.*/libferry\.so\.${version%%.*}" "/usr/lib/.*/libferry\.so\.$version")"
check "it needs the C library and liburcu, and nothing else" \
	"$(depends libferry0 | grep -vx 'libc6\|liburcu[0-9]*')"
check "libferry-dev is what installed.sh found, less what others have" \
	"$(holds libferry-dev $(cd "$root" && find include ! -type d | sed 's|^|/usr/|; s|\.|\\.|g') \
		'/usr/lib/.*/libferry\.(a|so)' '/usr/lib/.*/pkgconfig/ferry\.pc' \
		'/usr/lib/.*/cmake/ferry/ferryConfig(Version)?\.cmake' \
		"/usr/share/gdb/auto-load/usr/lib/.*/libferry\.so\.$version-gdb\.py" \
		$(cd "$root/lib/gdb" && find load.py ferry_gdb -name '*.py' | sed 's|^|/usr/share/ferry/gdb/|') \
		$(pages 3 7))"
check "it needs that very libferry0, and liburcu to be linked to" "$(
	dpkg-deb --field "$(package libferry-dev)" Depends | grep -qF "libferry0 (= $version-" ||
		echo "not that very libferry0"
	depends libferry-dev | grep -qx liburcu-dev || echo "not liburcu-dev"
	depends libferry-dev | grep -vx 'libferry0\|liburcu-dev'
)"
check "its pages lead to pages and programs that it has" "$(
	dpkg-deb --fsys-tarfile "$(package libferry-dev)" | tar -tf - >"$folder/files"
	cd "$root/docs" && grep -ohE '\]\((coming-from|decisions|examples)/[^)#]+' -- *.md |
		sed 's/^](//' | LC_ALL=C sort -u | while IFS= read -r name; do
		grep -qF "/usr/share/doc/libferry-dev/$name" "$folder/files" || echo "not there: $name"
	done)"
check "ferry-tools is ferry-walk" \
	"$(holds ferry-tools /usr/bin/ferry-walk $(pages 1))"

# As if installed: what autopkgtest runs, on what was unpacked.
scratch=$folder/scratch
check "they can be unpacked" "$(for name in libferry0 libferry-dev ferry-tools; do
	quietly dpkg-deb --extract "$(package "$name")" "$scratch"
done)"
libraries=$(libraries "$scratch")
export PKG_CONFIG_PATH="$libraries/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$scratch" \
	LD_LIBRARY_PATH="$libraries" CMAKE_PREFIX_PATH="$scratch/usr" PATH="$scratch/usr/bin:$PATH"
mkdir "$folder/autopkgtest"
# tested: each command of debian/tests/control, in a tree of the source package
tested() {
	cd "$folder/one/ferry-$version" || return
	sed -n 's/^Test-Command: //p' debian/tests/control | while IFS= read -r command; do
		AUTOPKGTEST_TMP=$folder/autopkgtest quietly sh -c "$command"
	done
}
if has make cmake; then
	check "what their autopkgtest runs passes" "$(tested)"
else
	skip "what their autopkgtest runs passes" "make or cmake not found"
fi

# ---- the same again ----

unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH CMAKE_PREFIX_PATH
# another NAME: somewhere else, at another time of the day, and in another language
another() {
	umask 027
	export TZ=Pacific/Kiritimati LC_ALL=C
	unpacked "$folder/$1" && built "$1"
}
check "they are built once more, in another folder" "$(quietly another another/and-longer)"
check "and are the same to the byte" "$(for file in "$folder"/one/*.deb; do
	cmp "$file" "$folder/another/and-longer/${file##*/}" 2>&1
done)"
finish
