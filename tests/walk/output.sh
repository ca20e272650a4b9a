# SPDX-License-Identifier: LGPL-2.1-or-later
# What ferry-walk says and how it ends: totals in words and as JSON, where calls were made, progress
# on a terminal only, usage, exit statuses, output that cannot be written. Usage: output.sh FERRY_WALK
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
if totals["policy"] != sys.argv[1]:
	print("policy is", totals["policy"])
if totals["policy"] == "blocking":
	if totals["pool"] is not None or totals["fs"] is not None:
		print("there is a pool")
else:
	pool = totals["pool"]
	calls = totals["fs"]
	# lstat of each, readdir, open and close; DIR is made a root where that is of use.
	if calls["calls"] != 5 + 2 + 2 * 2 + (totals["policy"] != "pool"):
		print("calls:", calls)
	if totals["policy"] == "pool" and calls["hits"] + calls["misses"] != 0:
		print("not on the pool:", calls)
	if calls["calls"] != calls["hits"] + calls["pooled"]:
		print("calls:", calls)
	if calls["pooled"] != calls["misses"] + calls["avoided"]:
		print("calls:", calls)
	# The table of mounts is read by one more.
	if pool["ran"] <= calls["pooled"]:
		print("jobs:", pool, "of calls:", calls)
	if pool["attempted"] != pool["refused"] + pool["accepted"]:
		print("books:", pool)
	if pool["accepted"] != pool["ran"] + pool["cancelled"]:
		print("books:", pool)
if not totals["loop"]["turns"] > 0:
	print("loop:", totals["loop"])
'
if python3 -c 'import json' 2>/dev/null; then
	check "--json prints one object with all fields" "$(
		"$program" --json tree | python3 -c "$json_problems" auto 2>&1)"
	for policy in auto inline pool blocking; do
		check "so it does with --policy $policy" "$(
			"$program" --json --policy $policy tree |
				python3 -c "$json_problems" $policy 2>&1)"
	done
	check "--blocking is another name of --policy blocking" "$(
		"$program" --json --blocking tree | python3 -c "$json_problems" blocking 2>&1)"
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
	for line in '^tree: 5 entries in .* a second$' '^  longest stall .*or on a pool' \
		'^  CPU time' '^  calls: 12, [0-9]* hits, [0-9]* misses, [0-9]* avoided, [0-9]* pooled$' \
		'^  pool: .* jobs ran' '^  loop: '; do
		grep -q "$line" words || echo "no line $line"
	done)"
check "with --policy pool all calls are on it" "$(
	"$program" --policy pool tree >words
	grep -q '^  longest stall .*, calls on a pool' words || cat words
	grep -qx '  calls: 11, 0 hits, 0 misses, 11 avoided, 11 pooled' words || cat words)"
if [ "$(stat -f -c %T .)" = ext2/ext3 ]; then
	# All but DIR itself, before it is a root, and the two directories that are read. Where there is
	# work for others too the disk may be taken for slow now and then.
	check "with --policy inline what is cached is answered so, opening and closing too" "$(
		for policy in inline auto; do
			for round in 1 2 3 4 5 6 7 8 9 10; do
				walk --policy $policy --in-flight 1 tree
				hits=$(field hits)
				[ "$hits" -lt 8 ] || break
			done
			expect "hits of $policy" "$hits" 8
		done)"
else
	skip "with --policy inline what is cached is answered so" "it is not known of this filesystem"
fi
check "with --blocking there is no pool to tell of" "$(
	"$program" --blocking tree | grep -e pool -e calls:)"
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
			grep -q ' of .* found (.*%), .*/s, .* s left' terminal ||
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
for policy in "" Auto pools inlined never; do
	check "'$policy' is no policy" "$(
		usage "--policy: '$policy' is none of auto, inline, pool, blocking" \
			--policy "$policy" tree)"
done
check "--policy without a word is wrong usage" "$(usage "policy" tree --policy)"
check "the last policy counts" "$(
	walk --blocking --policy pool tree
	expect policy "$(field policy)" '"pool"'
	walk --policy pool --blocking tree
	expect policy "$(field policy)" '"blocking"')"
check "--help tells every option" "$(
	"$program" --help >words 2>"$told"
	expect status $? 0
	for option in policy in-flight threads blocking no-open list json help version; do
		grep -q "^  --$option" words || echo "--$option"
	done
	for policy in auto inline pool blocking; do
		grep -q "^      $policy " words || echo "$policy"
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
