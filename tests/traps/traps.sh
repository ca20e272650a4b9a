# SPDX-License-Identifier: LGPL-2.1-or-later
# The usual mistakes in steps are noticed, each by the words that are meant for it, and what is
# correct passes without a word. What is expected stands in the traps; trap.h says how.
# Usage: traps.sh ROOT LIBRARY COMPILER RUNNER TRAP...
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
root=$1 library=$2 compiler=$3 runner=$(readlink -f "$4")
shift 4
LC_ALL=C
export LC_ALL
if ! command -v "$compiler" >/dev/null 2>&1; then
	skip "$compiler notices the usual mistakes" "$compiler not found"
	finish
	exit 0
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
# So that messages name the files as they are called here.
cd "$here" || exit 1

compile() {
	"$compiler" -std=c11 -D_GNU_SOURCE -I"$root/include" "$@" 2>&1
}

# said WHO TRAP FLAGS: what is expected of a compiler with these flags, "error WORDS" or "warning
# WORDS", or of whoever else; nothing if nobody promises anything
said() {
	sed -n '/^ \*\//q;s/^ \*   //p' "$2.c" | while IFS= read -r line; do
		who=${line%%:*}
		case $who in "$1" | "$1 "*) ;; *) continue ;; esac
		for flag in $who; do
			case " $1 $3 " in *" $flag "*) ;; *) continue 2 ;; esac
		done
		echo "${line#*: }"
	done
}

# stopped TRAP FLAGS KIND WORDS: the problems
stopped() {
	output=$(compile $2 -c "$1.c" -o "$folder/trap.o")
	status=$?
	if [ "$3" = error ] && [ "$status" -eq 0 ]; then
		echo "it compiles"
	elif [ "$3" = warning ] && [ "$status" -ne 0 ]; then
		echo "it does not compile"
	fi
	# The first of them: nothing else is wrong there.
	printf '%s\n' "$output" | grep " $3: " | head -n 1 | grep -q -e "$4" ||
		printf 'no %s that says: %s\n%s\n' "$3" "$4" "$output"
	if [ "$3" = warning ]; then
		output=$(compile $2 -Werror -c "$1.c" -o "$folder/trap.o") &&
			echo "-Werror compiles it"
	fi
}

# built TRAP FLAGS: the problems; else it is there to be run
built() {
	output=$(compile $2 -Wall -Wextra "$1.c" "$runner" "$library" \
		-Wl,-rpath,"${library%/*}" -o "$folder/program")
	[ $? -eq 0 ] && [ -z "$output" ] ||
		printf 'it does not compile without a word:\n%s\n' "$output"
}

# failed TRAP FLAGS WORDS: the problems
failed() {
	problems=$(built "$1" "$2")
	if [ -n "$problems" ]; then
		echo "$problems"
		return
	fi
	line=$(grep -n '/\* named \*/' "$1.c" | cut -d : -f 1)
	words="$3${line:+ $1.c, line $line}"
	output=$("$folder/program" 2>&1) || echo "it leaves with status $?"
	[ "$output" = "$words" ] || printf 'not "%s", but:\n%s\n' "$words" "$output"
}

# ended TRAP FLAGS WORDS: the problems
ended() {
	problems=$(built "$1" "$2 -g -fsanitize=address")
	if [ -n "$problems" ]; then
		echo "$problems"
		return
	fi
	output=$(ASAN_OPTIONS=detect_stack_use_after_return=1 "$folder/program" 2>&1) &&
		echo "it ends well"
	printf '%s\n' "$output" | grep -q -e "ERROR: AddressSanitizer: $3" ||
		printf 'AddressSanitizer does not say: %s\n%s\n' "$3" "$output"
}

# silent FLAGS: what is said of correct.c
silent() {
	compile $1 -Wall -Wextra -Wpedantic -Wshadow -Wimplicit-fallthrough -Wconversion \
		-Wcast-qual -Werror -c correct.c -o "$folder/correct.o" ||
		echo "it does not compile"
}

can_sanitize() {
	echo 'int main(void) { return 0; }' >"$folder/nothing.c"
	compile -fsanitize=address "$folder/nothing.c" -o "$folder/nothing" >/dev/null &&
		"$folder/nothing" >/dev/null 2>&1
}

for name; do
	[ "$name" = correct ] || check "$name: it says who notices it" \
		"$(grep -q '^ \*   [a-z][^:]*: ' "$name.c" || echo "nobody does")"
	for flags in -O0 '-O0 -Wall' -O2 '-O2 -Wall'; do
		expected=$(said "$compiler" "$name" "$flags")
		[ -n "$expected" ] || continue
		check "$name: $compiler $flags gives the ${expected%% *} that is meant" \
			"$(stopped "$name" "$flags" "${expected%% *}" "${expected#* }")"
	done
	run=$(said run "$name") sanitized=$(said sanitized "$name")
	for flags in -O0 -O2; do
		[ -z "$run" ] || check "$name: by $compiler $flags the task fails and says where" \
			"$(failed "$name" "$flags" "$run")"
		if [ -n "$sanitized" ] && can_sanitize; then
			check "$name: by $compiler $flags AddressSanitizer ends it" \
				"$(ended "$name" "$flags" "$sanitized")"
		elif [ -n "$sanitized" ]; then
			skip "$name: by $compiler $flags AddressSanitizer ends it" \
				"$compiler has no AddressSanitizer"
		fi
		[ "$name" != correct ] || check "correct: $compiler $flags says nothing" \
			"$(silent "$flags -std=c11")$(silent "$flags -std=gnu17")"
	done
done
finish
