# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/overlap on a real pool: which writes overlap the work, by the order of events and by
# sums that hold however busy the machine is; its output, usage and exit statuses. The exact times
# are overlap_order's part. Usage: overlap.sh OVERLAP
. "$(dirname "$0")/../walk/walk.sh"

brief="--work-ms 3 --write-ms 2 --repeat 1"

# ---- what happens ----

# What does not depend on how fast the machine is. Of writes that go on side by side, or beside work
# that nobody waits for them to end before, the ends may come in any order.
order_problems='
import json, sys
told = json.load(sys.stdin)
short = {"work_begins": "X%d>", "work_ends": "X%d<", "output_begins": "O%d>>",
	"write_begins": "W%d>>>", "write_locked": "L%d", "write_ends": "W%d<<<",
	"output_ends": "O%d<<", "starting": "", "awaiting_last": "last", "done": ""}
begins = "O%d>> W%d>>> "
ends = "W%d<<< O%d<< "
work = "X%d> X%d< "
def of(form, i):
	return form.replace("%d", str(i))
serial = "".join(of(work + begins + ends, i) for i in range(3))
late = of(work, 0) + of(work, 1) + of(begins + ends, 0) + of(work, 2) + of(begins + ends, 1) + \
	of(begins + ends, 2)
beside = of(work + begins, 0) + of(work, 1) + of(ends, 0) + of(begins, 1) + of(work, 2) + \
	of(ends, 1) + of(begins, 2) + "last " + of(ends, 2)
works = "".join(of(work, i) for i in range(3))
together = works + "".join(of(begins, i) for i in range(3))
locked = works + "O0>> W0>>> L0 O1>> W1>>> O2>> W2>>> O0<< L1 O1<< L2 O2<< "
exact = {1: serial, 2: late, 5: locked, 6: late, 7: beside, 8: beside, 10: beside}
verdicts = {1: "serial", 2: "serial", 3: "together", 4: "together", 5: "serial", 6: "serial",
	7: "overlaps", 8: "overlaps", 9: "partly", 10: "overlaps"}
numbers = [case["case"] for case in told["cases"]]
if numbers != list(range(1, 11)):
	print("cases:", numbers)
for case in told["cases"]:
	number = case["case"]
	events = [short[e["event"]].replace("%d", str(e["round"])) for e in case["events"]]
	text = "".join(e + " " for e in events if e)
	if number in exact and text != exact[number]:
		print(number, "is", text, "and not", exact[number])
	if number in (3, 4):
		rest = text[len(together):].split()
		if not text.startswith(together) or sorted(rest) != sorted(
				"".join(of(ends, i) for i in range(3)).split()):
			print(number, "is", text)
		if any(rest.index(of("W%d<<<", i)) + 1 != rest.index(of("O%d<<", i))
				for i in range(3)):
			print(number, "has its ends apart:", text)
	if number == 9:
		at = {e: i for i, e in enumerate(events)}
		for first, then in ("X0<", "O0>>"), ("O0>>", "L0"), ("L0", "X1>"), \
				("X1<", "O0<<"), ("X1<", "O1>>"), ("X2<", "O2>>"), \
				("O0<<", "L1"), ("O1<<", "L2"), ("L2", "O2<<"):
			if at[first] >= at[then]:
				print(number, "has", first, "behind", then + ":", text)
	if case["verdict"] != verdicts[number] and (number, case["verdict"]) != (9, "overlaps"):
		print(number, "is", case["verdict"])
	if case["expected"] != verdicts[number] or not case["is_expected"]:
		print(number, "is not as it expects")
	times = [e["at_ns"] for e in case["events"]]
	if times != sorted(times) or times[0] != 0 or times[-1] != case["total_ns"]:
		print(number, "has times", times, "and total", case["total_ns"])
	if case["verdict"] == "serial" and case["total_ns"] < case["serial_ns"]:
		print(number, "is serial and faster than serial")
	# Of those whose writes and works are in the order that the ideal is put together from.
	if number in (7, 8, 10) and case["total_ns"] < case["ideal_ns"]:
		print(number, "is better than the ideal")
	if not case["serial_ns"] >= case["ideal_ns"] >= 3 * 3000000 + 2000000:
		print(number, "has serial and ideal times", case["serial_ns"], case["ideal_ns"])
'
if python3 -c 'import json' 2>/dev/null; then
	check "each case overlaps as it should, and events are in order" "$(
		"$program" --json $brief | python3 -c "$order_problems" 2>&1)"
	check "so it is where a write takes longer than the work" "$(
		"$program" --json --work-ms 3 --write-ms 12 --repeat 1 |
			python3 -c "$order_problems" 2>&1)"
	check "so it is with the best of several" "$(
		"$program" --json --work-ms 3 --write-ms 2 --repeat 4 |
			python3 -c "$order_problems" 2>&1)"
else
	skip "each case overlaps as it should" "python3 not found to read JSON"
fi
check "--json prints one line" "$(expect lines "$("$program" --json $brief | wc -l)" 1)"

# ---- in words ----

check "in words each case has its timeline, and its line in the table" "$(
	"$program" $brief >words 2>"$told"
	expect status $? 0
	expect stderr "$(cat "$told")" ""
	for number in 1 2 3 4 5 6 7 8 9 10; do
		expect "timelines of case $number" "$(grep -c "^case $number: " words)" 1
		expect "rows of case $number" "$(grep -cE "^ +$number  .* of 2 " words)" 1
	done
	expect "events" "$(grep -c ' ms  ' words)" $(((2 + 3 * 6) * 10 + 3)))"
check "the table says which overlap" "$(
	expect overlapping "$("$program" --quiet $brief | awk '/  overlaps$/ { print $1 }' | xargs)" \
		"7 8 10")"
check "--quiet prints the table only" "$(
	"$program" --quiet $brief >words
	expect "timelines" "$(grep -c '^case [0-9]' words)" 0
	expect "rows" "$(grep -c '^ .* of 2 ' words)" 10)"
check "--case plays one" "$(
	"$program" --case 10 $brief >words
	expect "timelines" "$(grep '^case [0-9]' words | cut -d : -f 1)" "case 10"
	expect "rows" "$(grep -c '^ .* of 2 ' words)" 1
	grep -qE '^[01] of the 1 that overlap came within 5 % of the ideal$' words || cat words)"

# ---- usage ----

# usage TOLD ARGUMENT...: wrong, and told so on stderr; nothing is played
usage() {
	wrong=$1
	shift
	"$program" "$@" >words 2>"$told"
	expect "status of $*" $? 2
	expect stdout "$(cat words)" ""
	grep -qF -- "$wrong" "$told" || cat "$told"
	grep -qx 'overlap: try --help' "$told" || echo "--help is not told of"
}
check "wrong usage is told" "$(
	usage "--case: '11' is not a number from 1 to 10" --case 11
	usage "--case: '0' is not a number" --case 0
	usage "--work-ms: '1x' is not a number from 1 to 10000" --work-ms 1x
	usage "--write-ms: '-1' is not a number" --write-ms -1
	usage "--repeat: '' is not a number" --repeat ""
	usage "it takes no 'this'" this
	usage "nonsense" --nonsense)"
check "--help tells every option" "$(
	"$program" --help >words 2>"$told"
	expect status $? 0
	for option in case work-ms write-ms repeat quiet json help; do
		grep -q "^  --$option" words || echo "--$option"
	done)"
check "output that cannot be written is an error" "$(
	for option in "" --json; do
		sh -c '"$0" $1 --case 1 --work-ms 1 --write-ms 1 >/dev/full' "$program" "$option" 2>"$told"
		expect status $? 3
		grep -q '^overlap: cannot write what came of it: No space' "$told" || cat "$told"
	done)"
check "where no descriptor is left for a loop nothing is played" "$(
	sh -c 'ulimit -n 4 && exec "$0"' "$program" >words 2>"$told"
	expect status $? 3
	expect stdout "$(cat words)" ""
	grep -q '^overlap: cannot make a loop: Too many' "$told" || cat "$told")"
finish
