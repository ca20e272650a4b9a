# SPDX-License-Identifier: LGPL-2.1-or-later
# What the macros do against a mistake can be taken away: in copies of the headers it is, and then
# traps.sh must say of its trap that it is not caught. And no step of this tree has a variable above
# FERRY_BEGIN, which nobody else notices. Usage: catches.sh ROOT LIBRARY COMPILER RUNNER
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
root=$1 library=$2 compiler=$3 runner=$(readlink -f "$4")

check "no variable that is not static stands above FERRY_BEGIN in a step of this tree" \
	"$(find "$root/include" "$root/lib" "$root/docs" "$root/perf" "$root/tests" -name '*.[ch]' \
		! -path '*/traps/local_above.c' | LC_ALL=C sort | xargs awk '
		/^\{/ { above = "" }
		/^\t[a-z]/ && !/^\tstatic/ { above = above FILENAME ":" FNR ": " $0 "\n" }
		/^\tFERRY_BEGIN\(/ { printf "%s", above }')"
if ! command -v "$compiler" >/dev/null 2>&1; then
	skip "$compiler shows that the traps can be missed" "$compiler not found"
	finish
	exit 0
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# missed WHAT SED TRAP...: with the headers changed so, each of these is not caught
missed() {
	what=$1 change=$2
	shift 2
	rm -rf "$folder/include"
	cp -R "$root/include" "$folder"
	find "$folder/include" -name '*.h' | xargs sed -i "$change"
	diff -r "$root/include" "$folder/include" >"$folder/difference" && {
		check "$what can be taken away" "nothing is changed by: $change"
		return
	}
	# Else it would be missed for another reason.
	[ "$1" = correct ] || check "$what can be taken away from what is correct" \
		"$(sh "$here/traps.sh" "$folder" "$library" "$compiler" "$runner" correct 2>&1 |
			grep -v '^ok\|^1')"
	for name; do
		check "without $what $name is missed by $compiler" \
			"$(sh "$here/traps.sh" "$folder" "$library" "$compiler" "$runner" "$name" 2>&1 |
				grep -q '^not ok' || echo "it is caught")"
	done
}

missed "constants that no int can hold" 's/UINT64_C(1) << 40/UINT64_C(1) << 20/' \
	await_in_switch timeout_in_switch
missed "the pragmas" 's/diagnostic error/diagnostic ignored/' \
	await_in_switch emit_in_switch local_that_is_initialized local_of_a_loop
case $compiler in
gcc) missed "the pragma for a return" '/diagnostic error.*-Wreturn-type/d' plain_return ;;
clang) missed "the pragma for what is set on some paths" '/-Wconditional-uninitialized/d' \
	local_that_is_set local_above local_behind_finally ;;
esac
missed "a constant of the body" 's/FERRY_BODY_ &&//;s/(void)FERRY_BODY_[;,]//' \
	return_behind_finally fail_behind_finally try_behind_finally timeout_behind_finally
missed "the assertion about the frame" '/FERRY_FRAME comes first/s/_Static.*;/(void)0;/' \
	frame_not_first
missed "the assertion about the line" 's/__LINE__ < FERRY_AT_END/1/' \
	too_many_lines scope_beyond_the_lines
missed "a struct that steps return" '/^typedef struct ferry_step {/,/^}/c typedef int ferry_step;
	s/^typedef struct ferry_step (/typedef int (/' return_of_a_number
missed "a look at where the step ended" 's/(ferry_at_ < FERRY_FAR_ + FERRY_AT_END, 0)/(0, 0)/' \
	break_outside_a_loop await_in_wide_switch break_behind_finally break_before_a_wait \
	break_right_behind_finally
missed "a place of what cleans up" '/^\t\tferry_at_ = FERRY_FAR_;/d;s/\(flags |= .*SHIELDED;\).*/\1/' \
	break_right_behind_finally
missed "saying that a step goes on behind a wait" '/^	__attribute__((fallthrough));/d' correct
finish
