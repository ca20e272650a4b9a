# SPDX-License-Identifier: LGPL-2.1-or-later
# gdb shows a still life as session.txt says, on the process and on its core file, and what is
# left of it where memory is broken; what it says of tasks is what ferry_loop_dump() does; and the
# printers can be broken: each is, in a copy, and the session must tell.
# Usage: gdb.sh ROOT LIBRARY STILL_LIFE [STILL_LIFE_STATIC]
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
root=$1 library=$2 program=$3 static=${4-}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
. "$here/debugger.sh"
needs_debugger "gdb shows futures, locals, tasks, loops and pools" "$library"

# shown PRINTERS SAID ARGUMENT...: gdb with the printers of a folder; "$session" among the arguments
# has it say the session
session="source $here/session.py"
shown() {
	printers=$1 said=$2
	shift 2
	debug -ex "source $printers/load.py" -ex "set \$session = \"$here/session.txt\"" \
		-ex "set \$said = \"$said\"" "$@"
}

# The session, with the lines that are marked in the program in the place of their names.
sed -n 's|.*/\* at \([a-z]*\) \*/.*|\1|p' "$here/still_tasks.h" | while read -r name; do
	echo "s/@$name@/$(grep -n "/\* at $name \*/" "$here/still_tasks.h" | cut -d: -f1)/"
done >"$folder/lines"
sed -f "$folder/lines" "$here/session.txt" | sed '/^# SPDX/d' >"$folder/expected"

# part FILE SENTENCE: what is below it
part() {
	awk -v sentence="# $2" '/^# / { inside = $0 == sentence } inside' "$1"
}

# ---- the process ----

# It goes on after the session, to where it has written what the library says.
said=$(shown "$root/lib/gdb" "$folder/live" "$program" -ex 'break look' -ex "run $folder/dump" \
	-ex "$session" -ex "generate-core-file $folder/core" -ex continue)
check "gdb stops the program" "$(test -f "$folder/live" || echo "$said")"
[ -f "$folder/live" ] || : >"$folder/live"
plain "$folder/live" >"$folder/plain"
sed -n 's/^# //p' "$folder/expected" >"$folder/sentences"
while IFS= read -r sentence; do
	part "$folder/expected" "$sentence" >"$folder/one"
	check "$sentence" "$(part "$folder/plain" "$sentence" |
		diff -u --label "the session" --label gdb "$folder/one" -)"
done <"$folder/sentences"
check "ferry tasks says what ferry_loop_dump() says" "$(
	sed -n '/^(gdb) ferry tasks loop$/,/^[(#]/{/^[(#]/!p}' "$folder/live" |
		sed 's/^\( *local\) 0x.*/\1/' | diff -u "$folder/dump" - 2>&1)"

# ---- the core file ----

said=$(shown "$root/lib/gdb" "$folder/dead" "$program" "$folder/core" -ex "$session")
check "a core file shows the same" "$(diff -u "$folder/live" "$folder/dead" 2>&1 || echo "$said")"

# ---- the archive ----

if [ -n "$static" ]; then
	said=$(shown "$root/lib/gdb" "$folder/static" "$static" -ex 'break look' \
		-ex "run $folder/dump" -ex "$session")
	plain "$folder/static" 2>/dev/null | sed "/^# SPDX/d" >"$folder/plain"
	check "a program that is linked to the archive shows the same" \
		"$(diff -u "$folder/expected" "$folder/plain" || echo "$said")"
fi

# ---- what is missing ----

strip -g "$library" -o "$folder/libferry.so.0" 2>/dev/null
check "without debug information of the library the commands say so" "$(
	debug "$program" -ex "source $root/lib/gdb/load.py" -ex 'set startup-with-shell off' \
		-ex "set environment LD_PRELOAD $folder/libferry.so.0" -ex 'break look' \
		-ex "run $folder/dump" -ex 'ferry tasks loop' -ex 'ferry pool' >"$folder/said"
	[ "$(grep -c 'no debug information of libferry' "$folder/said")" = 2 ] ||
		cat "$folder/said")"

# ---- memory that is broken ----

# The event is given hooks of the program's own, which are called as the library's for groups.
# A count that is none must not fill the memory of this machine.
(
	ulimit -v 4194304
	debug "$program" -ex "source $root/lib/gdb/load.py" -ex 'break look' -ex "run $folder/dump" \
		-ex 'set var sleeper.task.place = 16' -ex 'set var woken.task.state = 77' \
		-ex 'set var family.name = 16' -ex 'set var first.task.scope = 0' \
		-ex 'set var loop.timers.count = 4000000000000' -ex 'set var loop.ready.first.next = 16' \
		-ex 'set var pool.core.workers.next.next = 16' \
		-ex 'set var event.operation.hooks = &group_hooks' \
		-ex 'set var lock.operation.awaitable.word = 1' -ex 'print woken.task' \
		-ex 'print sleeper.task' -ex 'ferry tasks loop' -ex 'ferry loop loop' -ex 'ferry pool pool'
) >"$folder/said" 2>&1
plain "$folder/said" >"$folder/plain"
bad='<Cannot access memory at address 0x10>'
check "of memory that is broken what can be read is shown, and the rest is told" "$(
	while IFS= read -r line; do
		grep -qF -- "$line" "$folder/plain" || echo "not said: $line"
	done <<END
$bad
task "woken" 0x...: task_state 77
task 0x...: $bad
"parent" task 0x...: waiting
group 0x...: $bad
  "member" task 0x...: waiting
a list ends where it should not: $bad
  "first" task 0x...: waiting
  something of this program
  ready: $bad
  timer: in N ms, later()
  pending: local 0x...: pending, of descriptor 6, no callbacks
  worker 4, thread 7: lane ordinary
  $bad
  lane narrow: 1 queued, 0 running, at most 1
END
	grep -n 'Python' "$folder/plain")"

# ---- broken printers ----

# All are broken at once, each in a line that another command shows.
cp -R "$root/lib/gdb" "$folder/gdb"
: >"$folder/broken"
# broken MODULE EDIT COMMAND: what the command shows is not what the session has
broken() {
	cp "$folder/gdb/ferry_gdb/$1.py" "$folder/sound"
	sed -i "$2" "$folder/gdb/ferry_gdb/$1.py"
	cmp -s "$folder/sound" "$folder/gdb/ferry_gdb/$1.py" &&
		check "$1.py can be broken" "nothing is changed by $2"
	printf '%s\t%s\n' "$1" "$3" >>"$folder/broken"
}
broken future 's/WORD_TAKEN_SHIFT/WORD_RAN_SHIFT/' 'print *job_done'
broken local 's/LOCAL_AWAITED/LOCAL_OUT/' 'print *local_given_up'
broken outcome 's/, its disposer /, disposer /' 'print *text'
broken awaitable 's/return "cancelled"/return "result"/' 'print given_up.awaitable'
broken task 's/int(where."line".)/& + 1/' 'print sleeper.task'
broken task 's/"woken"/"waiting"/' 'print woken.task'
broken pool 's/part("CREW_SLEEPING_SHIFT"/part("CREW_SEARCHING_SHIFT"/' 'print *idle_pool'
broken thread 's/thread.num, int/thread.num + 1, int/' 'ferry pool narrow'
broken loop 's/"in_flight"/"live_blocks"/' 'print *loop'
broken dump 's/ or self.has_waiter(task)//' 'ferry tasks loop'

# one FILE COMMAND: what it shows
one() {
	awk -v command="(gdb) $2" '/^[(#]/ { inside = $0 == command } inside' "$1"
}
said=$(shown "$folder/gdb" "$folder/wrong" "$program" "$folder/core" -ex "$session")
[ -f "$folder/wrong" ] || check "gdb shows what broken printers say" "$said"
plain "$folder/wrong" >"$folder/plain"
while IFS='	' read -r module command; do
	check "$command tells of a broken $module.py" "$(
		one "$folder/expected" "$command" >"$folder/one"
		test -s "$folder/one" || echo "it is not in the session"
		one "$folder/plain" "$command" | cmp -s "$folder/one" - && echo "nothing is told")"
done <"$folder/broken"
finish
