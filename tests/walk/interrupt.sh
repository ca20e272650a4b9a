# SPDX-License-Identifier: LGPL-2.1-or-later
# SIGINT and SIGTERM end a walk at once, cleanly, and with the totals so far. The walk is held still
# by a list that nobody reads on, so that it is surely in the middle. Usage: interrupt.sh FERRY_WALK
. "$(dirname "$0")/walk.sh"

many_files many 4000
mkfifo gate
entries=4001

# held SIGNAL OPTION...: a walk that gets the signal while it stands still, then may go on
held() {
	signal=$1
	shift
	# What the shell runs in the background ignores SIGINT, if it is not told otherwise.
	env --default-signal=INT,TERM "$program" --list gate "$@" many >"$json" 2>"$told" &
	exec 3<gate
	read -r line <&3
	kill -s "$signal" $!
	{ echo "$line" && cat <&3; } >"$list"
	exec 3<&-
	wait $!
	status=$?
}

# interrupted SIGNAL OPTION...: the problems of a walk that should end before its time
interrupted() {
	signal=$1
	shift
	held "$signal" --json "$@"
	expect status $status 130
	expect interrupted "$(field interrupted)" true
	expect errors "$(field errors)" 0
	expect stderr "$(cat "$told")" ""
	expect directories "$(field directories)" 1
	expect "files listed" "$(grep -c '^f' "$list")" "$(field files)"
	[ $(($(field files) + 1)) -lt $entries ] || echo "it was not in the middle"
	expect descriptors_left "$(field descriptors_left)" 0
	expect abandoned "$(field abandoned)" 0
}

check "SIGINT ends a walk with the totals so far" "$(interrupted INT --in-flight 256)"
check "SIGTERM too" "$(interrupted TERM --in-flight 256)"
check "so it is with one entry in flight" "$(interrupted INT --in-flight 1)"
check "so it is with nearly all of them in flight" "$(interrupted INT --in-flight 2048)"
check "so it is on one thread" "$(interrupted INT --threads 1)"
# What goes on inline has a turn of the loop for itself before another callback comes: few of them.
check "so it is with --policy inline" "$(interrupted INT --policy inline --in-flight 2)"
for policy in pool blocking; do
	check "so it is with --policy $policy" "$(interrupted INT --policy $policy)"
done
check "every job of an interrupted walk is accounted for" "$(
	held INT --json --in-flight 2048
	expect "jobs accepted" "$(field accepted)" $(($(field ran) + $(field cancelled))))"
check "in words the totals say that the walk was interrupted" "$(
	held INT --in-flight 256
	expect status $status 130
	expect "first line" "$(head -n 1 "$json")" "interrupted; the totals so far"
	expect "files" "$(awk '$1 == "files" { print $2 }' "$json")" "$(grep -c '^f' "$list")")"

check "a signal that was ignored from the start stays ignored" "$(
	(trap '' INT && exec "$program" --json --list gate many) >"$json" 2>"$told" &
	exec 3<gate
	read -r line <&3
	kill -s INT $!
	cat <&3 >"$list"
	wait $!
	expect status $? 0
	expect interrupted "$(field interrupted)" false
	expect files "$(field files)" 4000)"
finish
