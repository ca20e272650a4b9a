# SPDX-License-Identifier: LGPL-2.1-or-later
# Memory order in lib/: every atomic operation goes through lib/base/atomic.h, names its order, and
# is argued by a comment on its line or in the six above. Usage: orders.sh ROOT
. "$(dirname "$0")/tap.sh"
cd "$1" || exit 1

# The wrappers, read from where they are defined.
wrappers=$(sed -n \
	's/.*\b\([a-z_]*_\(relaxed\|acquire\|release\|acq_rel\|seq_cst\)\)(.*/\1/p' lib/base/atomic.h |
	LC_ALL=C sort -u)
check "lib/base/atomic.h defines wrappers" "$(test -n "$wrappers" || echo "none found")"

files=$(find lib -name '*.[ch]' ! -path lib/base/atomic.h | LC_ALL=C sort)

# Comments are told from code, so that a word in prose is not an operation.
check "every ordered operation has its argument beside it" "$(printf '%s\n' "$files" |
	xargs awk -v wrappers="$wrappers" '
		BEGIN {
			n = split(wrappers, list, "\n")
			for (i = 1; i <= n; i++)
				wrapper[list[i]] = 1
		}
		FNR == 1 { inside = 0; last = -100 }
		{
			line = $0
			code = ""
			while (line != "") {
				if (inside) {
					last = FNR
					if (!(i = index(line, "*/"))) {
						line = ""
						break
					}
					line = substr(line, i + 2)
					inside = 0
				} else if (i = index(line, "/*")) {
					code = code substr(line, 1, i - 1) " "
					line = substr(line, i + 2)
					inside = 1
					last = FNR
				} else {
					code = code line
					line = ""
				}
			}
			while (match(code, /[A-Za-z0-9_]+[ \t]*\(/)) {
				name = substr(code, RSTART, RLENGTH - 1)
				sub(/[ \t]+$/, "", name)
				code = substr(code, RSTART + RLENGTH)
				if (name in wrapper && FNR - last > 6)
					print FILENAME ":" FNR ": " name
			}
		}')"

code() {
	printf '%s\n' "$files" | xargs grep -HnE "$1"
}

check "no operation goes round lib/base/atomic.h" \
	"$(code '\b(memory_order_[a-z_]+|__atomic_[a-z_]+|__sync_[a-z_]+|atomic_[a-z_]+_explicit)\b')$(
	code '\batomic_(load|store|exchange|fetch_[a-z]+|compare_exchange_(weak|strong)) *\(')"
check "no stand-alone fence: a sanitizer does not see one" \
	"$(grep -rnE '\b(atomic_(thread|signal)_fence|__sync_synchronize|cmm_(mb|rmb|wmb|smp_[a-z]*mb[a-z_]*)|smp_mb)\b' \
		lib --include='*.[ch]')"
check "no volatile: it orders nothing between threads" \
	"$(grep -rnw volatile lib --include='*.[ch]')"
check "no sanitizer is silenced" \
	"$(grep -rnE 'no_sanitize|_suppressions|__(asan|lsan|tsan|ubsan)_(default_suppressions|ignore)|AnnotateIgnore' \
		lib --include='*.[ch]')"
finish
