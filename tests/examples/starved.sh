# SPDX-License-Identifier: LGPL-2.1-or-later
# Whichever allocation fails, limited-stat, overlap, small-files and mqtt-echo neither crash nor
# hang: they say what they could not do, or have counted it. Usage: starved.sh LIMITED_STAT
# STARVE_LIBRARY OVERLAP SMALL_FILES [MQTT_ECHO]
. "$(dirname "$0")/../walk/walk.sh"
starve=$(realpath "$2")
overlap=$(realpath "$3")
small_files=$(realpath "$4")
mqtt_echo=$5 # a path from the root; none where libmosquitto is not found

mkdir -p tree/inner
touch tree/file tree/inner/one tree/inner/two
entries=5

# stats NUMBER OPTION...: the problems of a run whose allocation of that number fails
stats() {
	number=$1
	shift
	LD_PRELOAD=$starve FERRY_STARVE=$number "$program" --json --count 50 "$@" tree >"$json" \
		2>"$told"
	status=$?
	case $status in
	0)
		expect done "$(field done)" 50
		expect errors "$(field errors)" 0
		;;
	1)
		expect done "$(field done)" 50
		expect errors "$(field errors)" \
			$(($(kind stat ENOMEM) + $(kind stat EAGAIN)))
		;;
	3)
		grep -q '^limited-stat: cannot .*: \(Cannot allocate memory\|Resource temp\)' "$told" ||
			cat "$told"
		;;
	*)
		echo "status is $status"
		;;
	esac
}

# plays NUMBER: the same for overlap, whose cases fail as a whole
plays() {
	LD_PRELOAD=$starve FERRY_STARVE=$1 "$overlap" --json --case "$2" --work-ms 1 --write-ms 1 \
		--repeat 1 >"$json" 2>"$told"
	status=$?
	case $status in
	0) ;;
	3)
		grep -q '^overlap: cannot .*: \(Cannot allocate memory\|Resource temp\)' "$told" ||
			cat "$told"
		;;
	*)
		echo "status is $status"
		;;
	esac
}

# reads NUMBER OPTION...: the same for small-files, with few files of its own
reads() {
	number=$1
	shift
	LD_PRELOAD=$starve FERRY_STARVE=$number TMPDIR=$folder "$small_files" --json --files 5 "$@" \
		>"$json" 2>"$told"
	status=$?
	case $status in
	0)
		expect verified "$(field verified)" true
		;;
	1)
		expect read "$(field read)" $((5 - $(kind open ENOMEM) - $(kind open EAGAIN) - \
			$(kind read ENOMEM) - $(kind read EAGAIN)))
		;;
	3)
		grep -q '^small-files: cannot .*: \(Cannot allocate memory\|Resource temp\)' "$told" ||
			cat "$told"
		;;
	*)
		echo "status is $status"
		;;
	esac
	for one in small-files.*; do
		[ ! -e "$one" ] || echo "left behind: $one"
	done
}

# echoes NUMBER: the same for mqtt-echo and libmosquitto, with the broker that is there
echoes() {
	LD_PRELOAD=$starve FERRY_STARVE=$1 "$mqtt_echo" --json --socket socket --count 3 >"$json" \
		2>"$told"
	status=$?
	case $status in
	0) expect echoed "$(field echoed)" 3 ;;
	1) expect "all ends" $(($(field echoed) + $(field failed))) 3 ;;
	3)
		grep -q '^mqtt-echo: cannot .*: \(Cannot allocate memory\|Resource temp\)' "$told" ||
			cat "$told"
		;;
	*)
		echo "status is $status"
		;;
	esac
}

# threads NUMBER WHY: the problems of mqtt-echo where no more than so many threads can be made
threads() {
	$as prlimit --nproc="$1" "$mqtt_echo" --json --socket socket --count 3 >"$json" 2>"$told"
	expect status $? 3
	expect stderr "$(cat "$told")" "mqtt-echo: cannot $2: Resource temporarily unavailable"
}

# each COMMAND ARGUMENT...: every allocation in turn, until there are no more
each() {
	command=$1
	shift
	number=0
	until [ $number -gt 9 ] && grep -q 'starve: not reached' "$told"; do
		number=$((number + 1))
		$command $number "$@" | sed "s/^/allocation $number: /"
		[ $number -lt 1000 ] || { echo "there is no end of them"; break; }
	done
	[ $number -gt 9 ] || echo "nothing was starved"
}

check "the tree is as expected" "$(
	stats 1000000
	expect names "$(field names)" $entries)"
check "each allocation of limited-stat may fail" "$(each stats --threads 2)"
check "each with one at a time" "$(each stats --threads 1 --limit 1)"
check "each allocation of small-files may fail" "$(for policy in inline pool; do
	each reads --threads 2 --policy $policy
done)"
check "each allocation of a case of overlap may fail" "$(
	for number in 1 3 5 8 9 10; do
		each plays $number
	done)"

if [ -z "$mqtt_echo" ]; then
	skip "each allocation of mqtt-echo may fail" "libmosquitto not found"
elif ! python3 -c '' 2>/dev/null; then
	skip "each allocation of mqtt-echo may fail" "python3 not found to be its broker"
else
	mkfifo said
	python3 "$(dirname "$script")/broker.py" socket clients=100000 >said &
	broker=$!
	read -r line <said
	check "each allocation of mqtt-echo may fail" "$(each echoes)"
	# Root may make any number, so it is somebody who has no threads yet.
	as="setpriv --reuid=54321 --regid=54321 --clear-groups"
	chmod 711 "$folder"
	chmod 777 socket
	if $as "$mqtt_echo" --help >/dev/null 2>&1; then
		check "each thread of mqtt-echo may fail" "$(
			threads 1 "start a worker"
			threads 2 "connect to socket")"
	else
		skip "each thread of mqtt-echo may fail" "no way to be somebody else"
	fi
	kill $broker
fi
finish
