# SPDX-License-Identifier: LGPL-2.1-or-later
# The consumer projects of this folder are built and run outside of the tree, in each way that users
# have: by pkg-config with the shared library and with the static one, by CMake, and by meson, as it
# is installed and as a subproject. It is installed under DESTDIR, in a prefix that has a space in
# its name, and that prefix is then moved. Usage: consumers.sh ROOT BUILD
. "$(dirname "$0")/install.sh"
destination=$folder/destination

# consume WAY [OPTION...]: nothing, or what went wrong
consume() {
	way=$1
	shift
	sh "$here/consume.sh" "$way" "$consumers" "$@"
}

# shared LIBRARIES [OPTION...]: the way pkgconfig, run with the library in LIBRARIES
shared() {
	export LD_LIBRARY_PATH="$1"
	shift
	consume pkgconfig "$@"
}

# try PROGRAM WHAT COMMAND...: checks that COMMAND says nothing, if there is PROGRAM
try() {
	program=$1 what=$2
	shift 2
	if has "$program"; then
		check "$what" "$("$@")"
	else
		skip "$what" "$program not found"
	fi
}

# begin NAME: a folder for consumers of their own
begin() {
	consumers=$folder/$1
	mkdir "$consumers"
}

# needs PROGRAM: the shared libraries that it is linked to
needs() {
	readelf -dW "$1" 2>&1 | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p; /Error/p'
}

# linked PROGRAM: to the shared libferry
linked() {
	needs "$1" | grep -qx "libferry\.so\.${version%%.*}" ||
		echo "not linked to libferry.so.${version%%.*}: $1"
}

# inside PROGRAM: it is linked to the shared libferry, and PROGRAM-static is not
inside() {
	linked "$1"
	needs "$1-static" | grep -v '^\(libc\|libpthread\|liburcu-[a-z]*\|ld-linux[a-z0-9-]*\)\.so'
}

# newer OPTION...: the meson project of this place, if it wants a version that is not there yet
newer() {
	project=$consumers/consumer-meson
	sed -i "s/>= 0\.1/> $version/" "$project/meson.build"
	refuses "$version.* need.*> $version\|need.*> $version.* $version" \
		meson setup "$@" "$project/newer" "$project"
}

# ---- under DESTDIR ----

check "meson install under DESTDIR" \
	"$(DESTDIR=$destination quietly meson install -C "$build" --no-rebuild)"
libraries=$(libraries "$destination")
prefix=$destination$(sed -n 's/^prefix=//p' "$libraries/pkgconfig/ferry.pc")
export PKG_CONFIG_PATH="$libraries/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$destination"
begin "under DESTDIR"
try make "under DESTDIR: a Makefile uses the shared library by pkg-config" shared "$libraries"
try make "and is linked to it by its name" linked "$consumers/consumer-pkgconfig/halve"
try make "under DESTDIR: a Makefile uses the static library by pkg-config" consume static
try make "and is linked to nothing" needs "$consumers/consumer-static/add"
# by_hand: all shared but libferry
by_hand() {
	quietly ${CC:-cc} -std=c11 $(pkg-config --cflags ferry) "$here/consumer-pkgconfig/halve.c" \
		-o "$consumers/halve" -L"$libraries" -l:libferry.a -lurcu-cds -lurcu-bp -pthread
	[ "$("$consumers/halve")" = 42 ] || echo "does not print 42"
	needs "$consumers/halve" | grep libferry
}
check "under DESTDIR: a program has libferry inside, and all else shared" "$(by_hand)"
# in_cpp: consumer.cpp, which includes <ferry.hpp>
in_cpp() {
	quietly g++ -std=c++17 "$here/consumer.cpp" -o "$consumers/cpp" \
		$(pkg-config --cflags --libs ferry)
	said=$(LD_LIBRARY_PATH=$libraries "$consumers/cpp") && [ "$said" = 42 ] || echo "said $said"
}
try g++ "under DESTDIR: a program in C++ uses the shared library by pkg-config" in_cpp
try cmake "under DESTDIR: a CMake project uses both by find_package()" \
	consume cmake "-DCMAKE_PREFIX_PATH=$prefix"
try cmake "and has libferry inside where it asked for that" \
	inside "$consumers/consumer-cmake/build/double"
check "under DESTDIR: a meson project uses both by dependency()" "$(consume meson)"
check "and has libferry inside where it asked for that" \
	"$(inside "$consumers/consumer-meson/build/size")"
check "and is refused when it wants a newer version" "$(newer --wrap-mode=nofallback)"
unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR

# ---- as a subproject, by the wrap ----

begin "as-a-subproject"
mkdir -p "$consumers/consumer-meson/subprojects"
# copies FOLDER: the tree as it is, and what no clone would have left out
copies() {
	mkdir -p "$1" && (cd "$root" && tar -cf - --exclude=./build --exclude=./.git .) |
		tar -xf - -C "$1"
}
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test \
	GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test
# published: a repository with a tag
published() {
	copies "$folder/published" && cd "$folder/published" &&
		git init -q && git add -A && git commit -qm all && git tag v1
}
spaced="$folder/a prefix"
if has git; then
	check "a repository to clone from" "$(quietly published)"
	sed "s|^url = ADDRESS$|url = file://$folder/published|; s|^revision = REVISION$|revision = v1|" \
		"$root/docs/packaging/ferry.wrap" >"$consumers/consumer-meson/subprojects/ferry.wrap"
else
	skip "a repository to clone from" "git not found"
	copies "$consumers/consumer-meson/subprojects/ferry"
	cp "$root/docs/packaging/ferry.wrap" "$consumers/consumer-meson/subprojects"
fi
check "a meson project takes it as a subproject, by docs/packaging/ferry.wrap" \
	"$(consume meson --wrap-mode=forcefallback --prefix="$spaced" --libdir=lib)"
check "and has libferry inside where it asked for that" \
	"$(inside "$consumers/consumer-meson/build/size")"
# outside: the headers are below the prefix, wherever the libraries are
outside() {
	quietly meson setup --wrap-mode=forcefallback --prefix=/one --libdir=/another/lib \
		"$consumers/outside" "$consumers/consumer-meson"
	grep -qF '"/one/include"' "$consumers/outside/subprojects/ferry/lib/ferryConfig.cmake" ||
		echo "not in /one/include"
}
check "CMake finds the headers if the libraries are outside of the prefix" "$(outside)"
check "and is refused when it wants a newer version" "$(newer --wrap-mode=forcefallback)"
check "what it installs is libferry, into a prefix with a space in its name" "$(
	quietly meson install -C "$consumers/consumer-meson/build" --no-rebuild
	test -f "$spaced/lib/libferry.so.${version%%.*}" || echo "no shared library"
	test -f "$spaced/lib/libferry.a" || echo "no static library"
)"

if [ "${FERRY_TEST_LONG-0}" = 1 ]; then
	subprojects=$consumers/consumer-meson/subprojects
	begin "as a static subproject"
	mkdir "$consumers/consumer-meson"
	cp -R "$subprojects" "$consumers/consumer-meson"
	check "a meson project takes it as a static subproject, whether it says so or not" "$(
		consume meson --wrap-mode=forcefallback -Dferry:default_library=static
		needs "$consumers/consumer-meson/build/size" | grep libferry
	)"
else
	skip "a meson project takes it as a static subproject" "only in the long form"
fi

# ---- in a prefix with a space in its name ----

export PKG_CONFIG_PATH="$spaced/lib/pkgconfig"
begin "in a prefix"
try make "in a prefix with a space: a Makefile uses the shared library by pkg-config" \
	shared "$spaced/lib"
try make "in a prefix with a space: a Makefile uses the static library by pkg-config" consume static
try cmake "in a prefix with a space: a CMake project uses both by find_package()" \
	consume cmake "-DCMAKE_PREFIX_PATH=$spaced"

# ---- where that was moved to ----

mv "$spaced" "$folder/moved"
export PKG_CONFIG_PATH="$folder/moved/lib/pkgconfig"
begin "elsewhere"
try make "moved: a Makefile uses the shared library by pkg-config --define-prefix" \
	shared "$folder/moved/lib" "PKG_CONFIG=pkg-config --define-prefix"
try cmake "moved: a CMake project uses both by find_package()" \
	consume cmake "-DCMAKE_PREFIX_PATH=$folder/moved"
finish
