# SPDX-License-Identifier: LGPL-2.1-or-later
# The shared library itself: its name, what it needs, and that it is never unloaded.
# Usage: library.sh ROOT LIBRARY
. "$(dirname "$0")/tap.sh"
dynamic=$(readelf -dW "$2") || exit 1

entries() {
	printf '%s\n' "$dynamic" | sed -n "s/.*($1).*\[\(.*\)\].*/\1/p"
}

check "it calls itself libferry.so.0" "$(entries SONAME | grep -vx 'libferry\.so\.0')$(
	test -n "$(entries SONAME)" || echo "no SONAME")"
check "it needs only the C library, pthreads and liburcu" \
	"$(entries NEEDED | grep -vE '^(libc|libpthread|liburcu(-[a-z]+)?|ld-linux[a-z0-9-]*)\.so\.[0-9]+$')"
check "it needs liburcu, shared: there is one in a process" \
	"$(entries NEEDED | grep -q '^liburcu-bp\.so' || echo "liburcu-bp is not among what it needs")"
check "it stays mapped after dlclose (L3)" \
	"$(printf '%s\n' "$dynamic" | grep -q 'FLAGS_1.*NODELETE' || echo "no NODELETE flag")"
check "no page of code is written to at load" "$(printf '%s\n' "$dynamic" | grep TEXTREL)"
check "its stack is not executable" \
	"$(readelf -lW "$2" | awk '$1 == "GNU_STACK" && $7 ~ /E/')"
finish
