# SPDX-License-Identifier: LGPL-2.1-or-later
# What ferry-walk says and how it ends: totals in words and as JSON, progress on a terminal only,
# usage, exit statuses, output that cannot be written. Usage: output.sh FERRY_WALK
. "$(dirname "$0")/walk.sh"

mkdir -p tree/directory
echo 12345 >tree/file
ln -s file tree/link
: >tree/directory/file

# ---- the totals ----

json_problems='
import json, sys
totals = json.load(sys.stdin)
wanted = {"files": 2, "directories": 2, "others": 1, "bytes": 6, "errors": 0,
	"errors_by_kind": [], "interrupted": False, "abandoned": 0, "descriptors_left": 0}
for name, value in wanted.items():
	if totals.get(name) != value:
		print(name, "is", totals.get(name))
for name in "entries_per_second", "cpu_ns", "wall_ns":
	if not totals[name] > 0:
		print(name, "is", totals[name])
for name in "longest_stall_ns", "beats", "in_flight":
	if not totals[name] >= 0:
		print(name, "is", totals[name])
if totals["blocking"]:
	calls = totals["pool"]
	if calls is not None:
		print("there is a pool")
else:
	pool = totals["pool"]
	if pool["ran"] != 5 + 2 + 2 * 2:
		print("jobs:", pool)
	if pool["attempted"] != pool["refused"] + pool["accepted"]:
		print("books:", pool)
	if pool["accepted"] != pool["ran"] + pool["cancelled"]:
		print("books:", pool)
if not totals["loop"]["turns"] > 0:
	print("loop:", totals["loop"])
'
if python3 -c 'import json' 2>/dev/null; then
	check "--json prints one object with all fields" "$(
		"$program" --json tree | python3 -c "$json_problems" 2>&1)"
	check "so it does with --blocking" "$(
		"$program" --json --blocking tree | python3 -c "$json_problems" 2>&1)"
	check "errors are told by kind in it" "$("$program" --json nowhere 2>/dev/null | python3 -c '
import json, sys
kinds = json.load(sys.stdin)["errors_by_kind"]
if kinds != [{"operation": "lstat", "error": "ENOENT", "count": 1}]:
	print(kinds)' 2>&1)"
else
	skip "--json prints one object with all fields" "python3 not found to read it"
fi
check "--json prints one line" "$(expect lines "$("$program" --json tree | wc -l)" 1)"

check "in words the totals are the same" "$(
	"$program" tree >words 2>"$told"
	expect status $? 0
	expect stderr "$(cat "$told")" ""
	expect totals "$(awk '$1 ~ /^(files|directories|others|bytes|errors)$/ { print $1, $2 }' words |
		paste -s -d ' ')" "files 2 directories 2 others 1 bytes 6 errors 0"
	for line in '^tree: 5 entries in .* a second$' '^  longest stall .*on a pool' '^  CPU time' \
		'^  pool: .* 11 jobs ran' '^  loop: '; do
		grep -q "$line" words || echo "no line $line"
	done)"
check "with --blocking there is no pool to tell of" "$("$program" --blocking tree | grep pool)"
check "in words the errors are told by kind" "$(
	"$program" nowhere 2>/dev/null >words
	grep -qx ' *1  ENOENT at lstat: No such file or directory' words || cat words)"
check "control characters in names do not reach the terminal" "$(
	"$program" "$(printf 'no\033where\nx')" >words 2>"$told"
	expect stderr "$(cat "$told")" \
		'ferry-walk: lstat: no\033where\012x: No such file or directory'
	expect "the name" "$(head -n 1 words | cut -d : -f 1)" 'no\033where\012x')"

# ---- progress ----

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	for options in "" "--blocking"; do
		check "progress is shown on a terminal, $options" "$(
			script -qec "'$program' $options tree" /dev/null </dev/null >terminal
			grep -q ' done of .* found (.*%), .*/s, .* for the rest' terminal ||
				cat terminal)"
	done
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
	expect "stdout" "$(cat words)" ""
	grep -qF -- "$wrong" "$told" || cat "$told"
	grep -qx 'ferry-walk: try --help' "$told" || echo "--help is not told of"
}
check "without DIR it is wrong usage" "$(usage "no DIR was given")"
check "two DIRs are wrong usage" "$(usage "more than one DIR" tree tree)"
check "an unknown option is wrong usage" "$(usage "--nonsense" --nonsense tree; usage "x" -x tree)"
check "an option without its argument is wrong usage" "$(usage "in-flight" tree --in-flight)"
check "an option with an argument too many is wrong usage" "$(usage "json" --json=yes tree)"
for number in 0 65537 -1 +1 "" " 1" 1x x 99999999999999999999; do
	check "'$number' in flight is wrong usage" "$(
		usage "--in-flight: '$number' is not a number from 1 to 65536" \
			--in-flight "$number" tree)"
done
check "absurd numbers of threads are wrong usage" "$(
	usage "is not a number from 1 to 1024" --threads 0 tree
	usage "is not a number from 1 to 1024" --threads 1025 tree)"
check "the largest numbers work" "$(
	walk --in-flight 65536 --threads 1024 tree
	expect status $status 0)"
check "--help tells every option" "$(
	"$program" --help >words 2>"$told"
	expect status $? 0
	for option in in-flight threads blocking no-open list json help version; do
		grep -q "^  --$option" words || echo "--$option"
	done)"
check "--version tells the version" "$(
	"$program" --version >words
	expect status $? 0
	grep -qx 'ferry-walk [0-9]*\.[0-9]*\.[0-9]*' words || cat words)"

# ---- output that cannot be written ----

# broken TOLD ARGUMENT...: a walk that ends with status 3 and says why
broken() {
	wrong=$1
	shift
	"$@" >words 2>"$told"
	expect status $? 3
	grep -q "^ferry-walk: cannot $wrong" "$told" || cat "$told"
}
check "totals that cannot be written are an error" "$(
	broken "write the totals: No space" sh -c '"$0" --json tree >/dev/full' "$program"
	broken "write the totals: No space" sh -c '"$0" tree >/dev/full' "$program")"
check "a list that cannot be written is an error, and the totals are still told" "$(
	broken "write the list: No space" "$program" --list /dev/full tree
	expect lines "$(grep -c '5 entries' words)" 1
	mkdir many
	seq 1000 | sed 's|^|many/|' | xargs touch
	broken "write the list: " "$program" --list /dev/full many)"
check "a list that nobody reads any more is an error, and the totals are still told" "$(
	mkfifo unread
	head -n 1 unread >first &
	"$program" --json --list unread many >"$json" 2>"$told"
	expect status $? 3
	wait $!
	grep -q "^ferry-walk: cannot write the list: Broken pipe" "$told" || cat "$told"
	expect files "$(field files)" 1000)"
check "a list that cannot be made is an error before the walk" "$(
	broken "write the list: No such file" "$program" --list nowhere/list tree
	expect stdout "$(cat words)" "")"
check "where no descriptor is left for a loop there is no walk" "$(
	for limit in 4 5; do
		broken "make a loop: Too many" sh -c "ulimit -n $limit"' && exec "$0" tree' "$program"
		expect stdout "$(cat words)" ""
	done)"
finish
