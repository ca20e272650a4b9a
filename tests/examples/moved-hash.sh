# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/moved/hash-before and hash-after, the same program with uv_queue_work() and with
# libferry: both print what cksum(1) prints, and both can be interrupted.
# Usage: moved-hash.sh [HASH_BEFORE HASH_AFTER]
. "$(dirname "$0")/../shape/tap.sh"
LC_ALL=C
export LC_ALL
if [ $# -eq 0 ]; then
	skip "the same program before and after it was moved" "libuv not found"
	finish
	exit
fi
before=$(realpath "$1") after=$(realpath "$2")
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

# expect WHAT GOT WANTED: a problem if they differ
expect() {
	[ "$2" = "$3" ] || echo "$1 is '$2', not '$3'"
}

mkdir folder
: >empty
echo one >one
seq 100000 >many
truncate -s 300000 zeros
printf '\377\376\375' >odd
i=0
while [ $i -lt 100 ]; do
	echo $i >small.$i
	i=$((i + 1))
done

# sums PROGRAM FILE...: its output and errors, and its status last
sums() {
	"$@" >out 2>told
	echo "status $?" | cat out told -
}

check "before, sums are those of cksum, in order" "$(
	"$before" empty one many zeros odd small.* >out 2>told
	expect status $? 0
	expect stderr "$(cat told)" ""
	cksum empty one many zeros odd small.* | diff - out)"
check "after, they are as well" "$(
	"$after" empty one many zeros odd small.* >out 2>told
	expect status $? 0
	expect stderr "$(cat told)" ""
	cksum empty one many zeros odd small.* | diff - out)"
check "what cannot be read is told by both, in order" "$(
	sums "$before" one missing folder many one/inside empty >before.said
	sums "$after" one missing folder many one/inside empty >after.said
	expect status "$(tail -n 1 before.said)" "status 1"
	expect errors "$(grep -c ': ' before.said)" 3
	diff before.said after.said)"
check "both tell what they are for" "$(
	for program in "$before" "$after"; do
		expect "what --help says" "$(sums "$program" --help)" "usage: hash FILE...
status 0"
		expect "without a file" "$(sums "$program")" "usage: hash FILE...
status 2"
		expect "with an option" "$(sums "$program" -x one)" "usage: hash FILE...
status 2"
	done)"
check "output that cannot be written is an error of both" "$(
	for program in "$before" "$after"; do
		"$program" one >/dev/full 2>told
		expect "status of $program" $? 3
		expect stderr "$(cat told)" "cannot write: No space left on device"
	done)"
# libuv itself aborts where it has none for its loop.
check "where descriptors are missing both say so" "$(
	for program in "$before" "$after"; do
		said=
		for limit in 5 8 9 10 12 13 20; do
			sh -c "ulimit -n $limit"' && exec "$0" one' "$program" >out 2>told
			case $? in
			0) expect "sum with $limit" "$(cat out)" "$(cksum one)" ;;
			134) [ "$limit" -lt 16 ] || echo "aborts with $limit" ;;
			*)
				said=1
				grep -qxE '(cannot (begin|watch signals)|one): (Too many|Cannot alloc).*' \
					told || cat told
				;;
			esac
		done 2>/dev/null
		[ -n "$said" ] || echo "$program has never said so"
		[ -s out ] || echo "$program does not get along with $limit"
	done)"

# interrupt PROGRAM: it has four threads, and each of them waits in a FIFO that we hold open; then
# comes SIGINT. Leaves descriptors 4 to 7 open.
interrupt() {
	rm -f fifo.* said
	mkfifo fifo.1 fifo.2 fifo.3 fifo.4 said
	env --default-signal=INT "$1" fifo.1 fifo.2 fifo.3 fifo.4 one empty >out 2>said &
	program=$!
	exec 3<said 4>fifo.1 5>fifo.2 6>fifo.3 7>fifo.4 # each opens when a thread has opened it
	kill -s INT $program
	read -r line <&3
	expect "what is said first" "$line" interrupted
}

check "before, SIGINT cancels what has not begun, and what has is waited for" "$(
	interrupt "$before"
	exec 4>&- 5>&- 6>&- 7>&-
	cat <&3 >told
	wait $program
	expect status $? 130
	expect sums "$(cat out)" "$(for n in 1 2 3 4; do echo "4294967295 0 fifo.$n"; done)"
	expect stderr "$(cat told)" "one: Operation canceled
empty: Operation canceled")"
check "after, SIGINT interrupts what has begun, too, and nothing is waited for" "$(
	interrupt "$after"
	wait $program
	expect status $? 130
	exec 4>&- 5>&- 6>&- 7>&-
	cat <&3 >told
	expect sums "$(cat out)" ""
	expect stderr "$(cat told)" "$(for name in fifo.1 fifo.2 fifo.3 fifo.4 one empty; do
		echo "$name: Operation canceled"
	done)")"
finish
