#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Counts the instructions of the hot paths with callgrind, and holds them to their budgets.
#
#   perf/instructions.sh PROGRAM BUDGET [--json=FILE | --set]
#
#   PROGRAM        perf/instructions as built
#   BUDGET         perf/instructions.budget
#   --json=FILE    JSON lines into FILE
#   --set          write what was counted into BUDGET, as this compiler's column; do that when a
#                  change is worth its cost, or saved so much that the old budget would hide a loss
#
# Shows the count of each path for one operation beside its budget. Leaves with status 0 if all are
# within the tolerance; 1 if one is not, or has no budget; 2 if misused; 77 if it cannot be judged
# here: no valgrind, another machine than x86-64, a build that is not optimized or is instrumented.
set -u

if [ "${1-}" = --help ]; then
	sed -n '/^# Counts/,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"
	exit 0
fi
program=${1-} budget=${2-} json='' write='' wrong=''
case ${3-} in
'') ;;
--json=?*) json=${3#--json=} ;;
--set) write=1 ;;
*) wrong=1 ;;
esac
if [ -z "$program" ] || [ -z "$budget" ] || [ -n "$wrong" ] || [ $# -gt 3 ]; then
	echo "usage: instructions.sh PROGRAM BUDGET [--json=FILE | --set]; see --help" >&2
	exit 2
fi
if [ ! -x "$program" ] || [ ! -r "$budget" ]; then
	echo "instructions.sh: $program is not a program, or $budget cannot be read" >&2
	exit 2
fi

skip() {
	echo "instructions: skipped: $1"
	exit 77
}

command -v valgrind >/dev/null || skip "valgrind was not found"
[ "$(uname -m)" = x86_64 ] || skip "budgets are for x86-64"
built=$("$program" --compiler) || exit 1
compiler=${built%% *}
case $built in
*' optimized') ;;
*) skip "a build by ${built} is not what budgets are for" ;;
esac
paths=$("$program" --list) || exit 1

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
# Valgrind need not understand the newest debug information.
strip --strip-debug -o "$folder/program" "$program" 2>"$folder/log" || cp "$program" "$folder/program"

dumps=
for path in $(printf '%s\n' "$paths" | sed 's/ .*//'); do
	dumps="$dumps --dump-after=path_$path"
done
# Each return from a path ends a dump, so that every call has a count of its own.
# shellcheck disable=SC2086 # one option a path
if ! valgrind --tool=callgrind --callgrind-out-file="$folder/counts" --toggle-collect='path_*' \
	$dumps "$folder/program" >"$folder/log" 2>&1; then
	cat "$folder/log" >&2
	echo "instructions.sh: $program failed under callgrind" >&2
	exit 1
fi

# summary NUMBER: what the dump of that number counted
summary() {
	if [ -r "$folder/counts.$1" ]; then
		sed -n '/^summary: /{s///p;q;}' "$folder/counts.$1"
	else
		echo 0
	fi
}

# Those that cannot be held to anything here.
sed -n 's/: beside a remote filesystem$//p' "$folder/log" >"$folder/remote"
if [ -n "$write" ] && [ -s "$folder/remote" ]; then
	echo "instructions.sh: no budget is set while a remote filesystem is mounted" >&2
	exit 1
fi

# Three dumps a path: warm-up, N operations, 2 N operations.
number=0
printf '%s\n' "$paths" | while read -r name operations; do
	echo "$name $operations $(summary $((number + 2))) $(summary $((number + 3)))"
	number=$((number + 3))
done >"$folder/paths"

if [ -n "$write" ]; then
	# A path that the file did not know gets a line; another compiler's column stays.
	awk -v compiler="$compiler" '
		FNR == NR {
			count[$1] = int(($4 - $3) / $2 + 0.999)
			order[++paths] = $1
			next
		}
		$1 == "#" && $2 == "path" {
			gcc = 2
			clang = 3
			column = compiler == "clang" ? clang : gcc
			print
			next
		}
		!column || /^#/ || NF < 2 { print; next }
		{ line[$1] = $0 }
		END {
			for (i = 1; i <= paths; i++) {
				split(line[order[i]], old)
				old[column] = count[order[i]]
				printf "%-20s %7s %7s\n", order[i], old[gcc] == "" ? "-" : old[gcc],
					old[clang] == "" ? "-" : old[clang]
				split("", old)
			}
		}' "$folder/paths" "$budget" >"$folder/budget" && cat "$folder/budget" >"$budget" || exit 1
fi

awk -v compiler="$compiler" -v built="$built" -v json="$json" -v commit="${FERRY_COMMIT-unknown}" '
	FILENAME ~ /\/remote$/ {
		remote[$1]
		next
	}
	FILENAME !~ /\/paths$/ {
		if ($1 == "tolerance")
			tolerance = $2 / 100
		else if ($1 !~ /^#/ && NF == 3)
			budget[$1] = compiler == "clang" ? $3 : $2
		next
	}
	FNR == 1 {
		print "instructions of one operation, built by " built
		printf "%-20s %9s %9s\n", "path", "count", "budget"
	}
	{
		count = ($4 - $3) / $2
		most = $1 in budget ? budget[$1] : "-"
		verdict = ""
		if (count <= 0)
			verdict = "NOT COUNTED"
		else if (most == "-")
			verdict = "NO BUDGET"
		else if ($1 in remote)
			verdict = "not judged: a remote filesystem is mounted"
		else if (count > most * (1 + tolerance))
			verdict = "TOO MANY"
		else if (count < most * (1 - 2 * tolerance))
			verdict = "much less than its budget: lower it (--set)"
		printf "%-20s %9.1f %9s  %s\n", $1, count, most, verdict
		failed += verdict ~ /^[A-Z]/
		if (json != "")
			printf "{\"program\":\"instructions\",\"name\":\"%s\",\"instructions\":%.1f," \
				"\"budget\":%s,\"tolerance\":%s,\"compiler\":\"%s\",\"commit\":\"%s\"}\n",
				$1, count, most == "-" ? "null" : most, tolerance, built, commit >json
		seen[$1] = 1
	}
	END {
		for (name in budget)
			if (!(name in seen)) {
				print name ": has a budget, but there is no such path"
				failed++
			}
		exit failed > 0
	}' "$folder/remote" "$budget" "$folder/paths"
