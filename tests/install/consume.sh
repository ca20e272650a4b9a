# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the consumer projects of this folder as their users would, against the libferry that
# pkg-config and CMake find, and runs them: each must print 42. By consumers.sh against what was
# installed under a temporary folder, by the package's autopkgtest against the packages.
#
#   consume.sh WAY FOLDER [OPTION...]
#
# WAY is pkgconfig, static, cmake or meson, or all; it is built in FOLDER/consumer-WAY. The OPTIONs
# go to make, or to what configures. Says what went wrong and leaves with status 1, or says nothing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
folder=$2
way=$1
shift 2

# quietly COMMAND...: what it said, only if it failed
quietly() {
	"$@" >"$project.said" 2>&1 </dev/null || {
		cat "$project.said"
		echo "failed: $*"
		exit 1
	}
}

# prints COMMAND...: it prints 42
prints() {
	said=$("$@" 2>&1) && [ "$said" = 42 ] || {
		echo "expected 42, got: $said"
		echo "failed: $*"
		exit 1
	}
}

if [ "$way" = all ]; then
	for way in pkgconfig static cmake meson; do
		sh "$0" $way "$folder" "$@" || exit 1
	done
	exit 0
fi

project=$folder/consumer-$way
# A wrap and a subproject may lie there already.
mkdir -p "$project" && cp "$here/consumer-$way"/* "$project" || exit 1
case $way in
pkgconfig)
	quietly make -C "$project" "$@"
	prints "$project/halve"
	;;
static)
	quietly make -C "$project" "$@"
	# Whatever there may be, it needs none of it.
	LD_LIBRARY_PATH= prints "$project/add"
	;;
cmake)
	quietly cmake -S "$project" -B "$project/build" "$@"
	quietly cmake --build "$project/build"
	prints "$project/build/double"
	prints "$project/build/double-static"
	;;
meson)
	quietly meson setup "$@" "$project/build" "$project"
	quietly meson compile -C "$project/build"
	printf %042d 0 >"$project/answer"
	prints "$project/build/size" "$project/answer"
	prints "$project/build/size-static" "$project/answer"
	;;
*)
	echo "no such way: $way"
	exit 2
	;;
esac
