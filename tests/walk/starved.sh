# SPDX-License-Identifier: LGPL-2.1-or-later
# Whichever allocation fails, ferry-walk neither crashes nor hangs nor leaves a descriptor open: it
# says what it could not do, or has counted it. Usage: starved.sh FERRY_WALK STARVE_LIBRARY
. "$(dirname "$0")/walk.sh"
starve=$(realpath "$2")

mkdir -p tree/inner/most tree/empty
touch tree/file tree/inner/one tree/inner/two tree/inner/most/three
ln -s nowhere tree/link
entries=9

# starve_walk NUMBER OPTION...: the problems of a walk whose allocation of that number fails
starve_walk() {
	number=$1
	shift
	LD_PRELOAD=$starve FERRY_STARVE=$number "$program" --json "$@" tree >"$json" 2>"$told"
	status=$?
	case $status in
	0)
		expect entries "$(($(field files) + $(field directories) + $(field others)))" $entries
		expect errors "$(field errors)" 0
		;;
	1 | 3)
		grep -q '^ferry-walk: .*: \(Cannot allocate memory\|Resource temporarily unav\)' "$told" ||
			cat "$told"
		;;
	*)
		echo "status is $status"
		;;
	esac
	# Counting them takes memory too, without which they are not known.
	[ ! -s "$json" ] || [ "$(field descriptors_left)" = null ] ||
		expect descriptors_left "$(field descriptors_left)" 0
}

# starve_each OPTION...: every allocation in turn, until there are no more
starve_each() {
	number=0
	until [ $number -gt 9 ] && grep -q 'starve: not reached' "$told"; do
		number=$((number + 1))
		starve_walk $number "$@" | sed "s/^/allocation $number: /"
		[ $number -lt 10000 ] || { echo "there is no end of them"; break; }
	done
	[ $number -gt 9 ] || echo "nothing was starved"
}

check "the tree is as expected" "$(starve_walk 1000000)"
check "each allocation of a walk may fail" "$(starve_each --threads 2)"
check "each with one entry in flight" "$(starve_each --threads 1 --in-flight 1)"
check "each with --policy pool" "$(starve_each --threads 2 --policy pool)"
check "each with --blocking" "$(starve_each --blocking)"
check "each with a list" "$(starve_each --list "$list")"
finish
