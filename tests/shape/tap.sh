# SPDX-License-Identifier: LGPL-2.1-or-later
# The shell's side of the Test Anything Protocol, sourced by every test that is a shell script:
#   check "what must hold" "$problems"    ok if there are no problems; else not ok, and tells them
#   skip "what must hold" "reason"        could not be looked at here
#   finish                                ends the stream
checked=0

check() {
	checked=$((checked + 1))
	if [ -z "$2" ]; then
		printf 'ok %d - %s\n' "$checked" "$1"
	else
		printf 'not ok %d - %s\n' "$checked" "$1"
		printf '%s:\n%s\n' "$1" "$2" | sed '2,$s/^/    /' >&2
	fi
}

skip() {
	checked=$((checked + 1))
	printf 'ok %d - %s # SKIP %s\n' "$checked" "$1" "$2"
}

finish() {
	printf '1..%d\n' "$checked"
}
