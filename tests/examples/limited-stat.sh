# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/limited-stat on a small tree of odd files, beside find: what it counts, how many are
# under way at once, Ctrl-C, its output, usage and exit statuses. Usage: limited-stat.sh LIMITED_STAT
. "$(dirname "$0")/../walk/walk.sh"

# stats OPTION... [DIR]
stats() {
	$as "$program" --json "$@" >"$json" 2>"$told"
	status=$?
}

mkdir -p tree/empty tree/inner/most
echo 12345 >tree/file
: >tree/inner/nothing
: >"tree/$(printf '%0255d' 0)"
: >"$(printf 'tree/new\nline')"
: >"$(printf 'tree/\033[31m')"
: >tree/-n
: >"tree/ "
truncate -s 5G tree/inner/most/large
mkfifo tree/inner/fifo
ln -s file tree/link
ln -s inner tree/link-to-folder
ln -s nowhere tree/dangling
ln -s /nowhere/at/all tree/inner/dangling
ln -s circle tree/circle
names=$(find tree -printf 'x\n' | wc -l)

# Of which kind each is, links followed: L and N are links to nothing.
find tree -printf '%Y\n' >kinds
of_kind() {
	grep -c "^[$1]" kinds
}

# counts TIMES OPTION...: the problems of a run that stats each file so many times
counts() {
	times=$1
	shift
	stats --count $((names * times)) "$@" tree
	expect status $status 1
	expect submitted "$(field submitted)" $((names * times))
	expect done "$(field done)" $((names * times))
	expect names "$(field names)" "$names"
	expect files "$(field files)" $(($(of_kind f) * times))
	expect directories "$(field directories)" $(($(of_kind d) * times))
	expect others "$(field others)" $(($(of_kind p) * times))
	expect errors "$(field errors)" $(($(of_kind LN) * times))
	expect "links to nothing" "$(kind stat ENOENT)" $(($(of_kind N) * times))
	expect "links to themselves" "$(kind stat ELOOP)" $(($(of_kind L) * times))
	expect bytes "$(field bytes)" $(((5 * 1024 * 1024 * 1024 + 2 * 6) * times))
	expect interrupted "$(field interrupted)" false
	expect abandoned "$(field abandoned)" 0
	expect unreadable "$(field unreadable)" 0
	# The table of mounts is read by one more, and by another where mounts come or go.
	[ "$(field jobs_ran)" -gt $((names * times)) ] || echo "$(field jobs_ran) jobs ran"
}

# ---- what it counts ----

check "the tree has one of each" "$(for one in f d p L N; do
	[ "$(of_kind $one)" -gt 0 ] || echo "no $one"
done)"
check "each file is statted once" "$(counts 1)"
check "names are used again where there are too few" "$(counts 1000)"
check "so it is one at a time" "$(counts 100 --limit 1)"
check "so it is on one thread" "$(counts 100 --threads 1)"
check "so it is without a limit that matters" "$(counts 1000 --limit 1000000)"
check "where there are more names than are wanted the first are taken" "$(
	stats --count 3 tree
	expect names "$(field names)" 3
	expect done "$(field done)" 3)"
check "DIR may be a single file" "$(
	stats --count 10 tree/file
	expect status $status 0
	expect files "$(field files)" 10
	expect stderr "$(cat "$told")" "")"
check "DIR may be a link, which is statted and not gone into" "$(
	stats --count 10 tree/link-to-folder
	expect status $status 0
	expect names "$(field names)" 1
	expect directories "$(field directories)" 10)"
check "a DIR that is not there is an error" "$(
	stats nowhere
	expect status $status 3
	expect stdout "$(cat "$json")" ""
	expect stderr "$(cat "$told")" "limited-stat: cannot gather names: No such file or directory"
	stats ""
	expect "status of an empty name" $status 3)"

# ---- at most so many at once ----

# Those that are handed in before the loop has a turn fill all places at once.
check "as many as are allowed are under way at once, and never more" "$(
	for limit in 1 2 63 64 65 1000; do
		stats --count 5000 --limit $limit tree
		expect "most of $limit" "$(field most_at_once)" $limit
		expect limit "$(field limit)" $limit
	done
	stats --count 5000 tree
	expect "most by default" "$(field most_at_once)" 64
	stats --count 10 tree
	expect "most of ten" "$(field most_at_once)" 10)"

# ---- without permission ----

# Root may read anything; without these two rights it is like anybody else.
[ "$(id -u)" -ne 0 ] || as="setpriv --bounding-set=-dac_override,-dac_read_search \
	--inh-caps=-dac_override,-dac_read_search"
mkdir -p forbidden/closed forbidden/readable
: >forbidden/closed/file
: >forbidden/readable/file
chmod 0 forbidden/closed
chmod 444 forbidden/readable
if $as ls forbidden/closed >/dev/null 2>&1; then
	skip "what is forbidden is counted" "no way to drop the right to read everything"
else
	check "what is forbidden is counted" "$(
		stats --count 8 forbidden
		expect status $status 1
		expect unreadable "$(field unreadable)" 1
		expect names "$(field names)" 4
		expect directories "$(field directories)" 6
		expect errors "$(kind stat EACCES)" 2)"
fi
as=

# ---- interrupted ----

# A signal that is there before the program begins comes as soon as it looks: in its first turn, when
# most tasks have not been started.
pending='
import os, signal, sys
which = getattr(signal, sys.argv[1])
signal.signal(which, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [which])
os.kill(os.getpid(), which)
os.execv(sys.argv[2], sys.argv[2:])
'
# interrupted SIGNAL OPTION...
interrupted() {
	signal=$1
	shift
	python3 -c "$pending" "$signal" "$program" --json --count 1000000 "$@" tree >"$json" \
		2>"$told"
	expect status $? 130
	expect interrupted "$(field interrupted)" true
	[ "$(field done)" -lt 1000000 ] || echo "it was not in the middle"
	expect counted "$(field done)" $(($(field files) + $(field directories) + \
		$(field others) + $(field errors)))
	expect abandoned "$(field abandoned)" 0
	[ "$(field most_at_once)" -le "$(field limit)" ] || echo "too many at once"
	[ $(($(field jobs_ran) + $(field jobs_cancelled))) -ge "$(field done)" ] ||
		echo "jobs are missing"
}
if python3 -c '' 2>/dev/null; then
	check "SIGINT cancels what is left, and the totals tell what was done" "$(interrupted SIGINT)"
	check "SIGTERM too" "$(interrupted SIGTERM)"
	check "so it is one at a time" "$(interrupted SIGINT --limit 1)"
	check "so it is with many at a time on one thread" "$(
		interrupted SIGINT --limit 100000 --threads 1)"
	check "in words the totals say so" "$(
		python3 -c "$pending" SIGINT "$program" --count 1000000 tree >words 2>"$told"
		expect status $? 130
		expect "first line" "$(head -n 1 words)" "interrupted; the totals so far"
		grep -qE '^  [0-9]+ tasks were cancelled$' words || cat words)"
else
	skip "SIGINT cancels what is left" "python3 not found to send it beforehand"
fi

# ---- output ----

check "--json prints one line" "$(
	stats tree
	expect lines "$(wc -l <"$json")" 1)"
check "in words the totals are the same" "$(
	"$program" --count "$names" tree >words 2>"$told"
	expect status $? 1
	expect totals "$(awk '$1 ~ /^(files|directories|others|errors)$/ { print $1, $2 }' words |
		xargs)" "files $(of_kind f) directories $(of_kind d) others $(of_kind p) \
errors $(of_kind LN)"
	for line in "^tree: $names stats in .* a second$" \
		'^ *1  ELOOP at stat: Too many levels of symbolic links$' \
		"^  at a time .* at most, of 64 allowed and $names submitted$" \
		"^  names  *$names$" "^  pool: .* $((names + 1)) jobs ran" '^  loop: '; do
		grep -q "$line" words || echo "no line $line"
	done)"
check "errors are told with their paths" "$(
	stats --count "$names" tree
	sort "$told" | grep -v 'No such file' |
		diff - /dev/fd/3 3<<-END
			limited-stat: stat: tree/circle: Too many levels of symbolic links
		END
	expect "lines told" "$(wc -l <"$told")" "$(of_kind LN)")"
check "only some of many errors are told" "$(
	stats --count $((names * 1000)) tree
	expect "lines told" "$(wc -l <"$told")" 7
	expect "the rest" "$(tail -n 1 "$told")" \
		"limited-stat: and $(($(of_kind LN) * 1000 - 6)) more errors")"
check "control characters in names do not reach the terminal" "$(
	ln -s nowhere "$(printf 'odd\033\nname')"
	stats --count 1 "$(printf 'odd\033\nname')"
	expect stderr "$(cat "$told")" \
		'limited-stat: stat: odd\033\012name: No such file or directory')"
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	check "progress is shown on a terminal, and taken away in the end" "$(
		script -qec "'$program' tree/file" /dev/null </dev/null >terminal
		grep -qE '[0-9]+ of 100000 stats \([0-9]+ %\), [0-9]+/s, .* s left' terminal || cat terminal
		erase=$(printf '\r\033[K')
		expect "before the totals" \
			"$(grep 'stats in' terminal | sed "s/tree.*//; s/.*left//")" "$erase")"
else
	skip "progress is shown on a terminal" "no script(1) to make one"
fi

# ---- usage ----

# usage TOLD ARGUMENT...: wrong, and told so on stderr; nothing is started
usage() {
	wrong=$1
	shift
	"$program" "$@" >words 2>"$told"
	expect "status of $*" $? 2
	expect stdout "$(cat words)" ""
	grep -qF -- "$wrong" "$told" || cat "$told"
	grep -qx 'limited-stat: try --help' "$told" || echo "--help is not told of"
}
check "wrong usage is told" "$(
	usage "--limit: '0' is not a number from 1 to 1000000" --limit 0 tree
	usage "--count: '1000001' is not a number from 1 to 1000000" --count 1000001 tree
	usage "--threads: '1025' is not a number from 1 to 1024" --threads 1025 tree
	usage "more than one DIR" tree tree
	usage "nonsense" --nonsense)"
check "--help tells every option" "$(
	"$program" --help >words 2>"$told"
	expect status $? 0
	for option in limit count threads json help; do
		grep -q "^  --$option" words || echo "--$option"
	done)"
check "output that cannot be written is an error" "$(
	for option in "" --json; do
		sh -c '"$0" $1 --count 1 tree >/dev/full' "$program" "$option" 2>"$told"
		expect status $? 3
		grep -q '^limited-stat: cannot write the totals: No space' "$told" || cat "$told"
	done)"
check "where no descriptor is left for a loop nothing is done" "$(
	for limit in 4 5; do
		sh -c "ulimit -n $limit"' && exec "$0" tree' "$program" >words 2>"$told"
		expect status $? 3
		expect stdout "$(cat words)" ""
		grep -q '^limited-stat: cannot make a loop: Too many' "$told" || cat "$told"
	done)"
finish
