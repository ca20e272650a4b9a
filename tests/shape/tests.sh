# SPDX-License-Identifier: LGPL-2.1-or-later
# Nothing is forgotten: every source file is built, every file of lib/ has its unit test, and no
# test sleeps to let things happen. Usage: tests.sh ROOT
. "$(dirname "$0")/tap.sh"
cd "$1" || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# unlisted FOLDER LIST PATTERN...: files of FOLDER whose names, less what the lists leave out, do not
# stand in quotes in LIST
unlisted() {
	folder=$1 list=$2
	shift 2
	for pattern; do
		find "$folder" -name "$pattern"
	done | LC_ALL=C sort | while IFS= read -r file; do
		name=${file#"${list%/*}/"}
		grep -qF -e "'$name'" -e "'${name%.*}'" "$list" || echo "$file is not in $list"
	done
}

check "every .c file of lib/ is built" "$(unlisted lib lib/meson.build '*.c')"
check "every .c file of perf/ is built" "$(unlisted perf perf/meson.build '*.c')"
check "every .c file of docs/examples/ is built" \
	"$(unlisted docs/examples docs/examples/meson.build '*.c')"
# What consumers bring is built outside of the tree, by their own files.
check "every .c or .cpp file of a suite is built" "$(for list in tests/*/meson.build; do
	unlisted "${list%/*}" "$list" '*.c' '*.cpp'
done | grep -v '^tests/install/consumer')"
check "every script of a suite is run, or sourced by one that is" \
	"$(for list in tests/*/meson.build; do
		unlisted "${list%/*}" "$list" '*.sh' | while read -r file rest; do
			grep -qF "/${file##*/}\"" "${list%/*}"/*.sh || echo "$file $rest"
		done
	done)"

check "every program in Python of a suite is run, or used by one that is" \
	"$(for list in tests/*/meson.build; do
		unlisted "${list%/*}" "$list" '*.py' | while read -r file rest; do
			noun=$(basename "$file" .py)
			grep -qE -e "[/\"]$noun\.py|^(from|import) $noun( |\$)" \
				$(find "${list%/*}" -maxdepth 1 -name '*.sh' -o -maxdepth 1 -name '*.py') ||
				echo "$file $rest"
		done
	done)"

check "every .c file of lib/ has its unit test" \
	"$(find lib -name '*.c' | LC_ALL=C sort | while IFS= read -r file; do
		noun=$(basename "$file" .c)
		floor=$(basename "$(dirname "$file")")
		[ -f "tests/unit/test_$noun.c" ] || [ -f "tests/unit/test_${floor}_$noun.c" ] ||
			echo "$file: no tests/unit/test_$noun.c"
	done)"

# The rows of the tables: what stands in GIVES(...), EACH(...) and their like, with what the macros
# in them stand for.
rows() {
	cat tests/unit/test_misuse_*.c 2>/dev/null | awk '
		/^#define [A-Z]+\(\.\.\.\) / {
			name = $2
			sub(/\(.*/, "", name)
			meaning[name] = $0
		}
		/^\t+(GIVES|REFUSED|EACH|BAD_OPTIONS)\(/ { open = 1 }
		open {
			print
			for (name in meaning)
				if ($0 ~ "[^A-Z]" name "[(]")
					print meaning[name]
		}
		/;[ \t]*$/ { open = 0 }'
}
check "every name in lib/ferry.map is misused in a table" \
	"$(rows >"$folder/rows"
	sed -n '/^[ \t]*\/\*/!s/^[ \t]*\(ferry_[a-z0-9_]*\);.*/\1/p' lib/ferry.map |
		while IFS= read -r name; do
			grep -qw -- "$name" "$folder/rows" ||
				echo "$name is in no row of tests/unit/test_misuse_*.c"
		done)"

check "no test sleeps to let things happen" \
	"$(grep -rnE '\b(u|nano|clock_nano|thrd_)?sleep *\(|\bsleep_(for|until) *\(' tests \
		--include='*.[ch]' --include='*.[ch]pp' | grep -v 'ferry::sleep(')$(
	grep -rnE '(^|[;&|({]|\bdo|\bthen)[[:blank:]]*sleep +[0-9$]' tests --include='*.sh')$(
	grep -rnE '\bsleep\(' tests --include='*.py')"
check "no sanitizer is silenced in a test" "$(find tests -name '*.supp*')$(
	grep -rnE 'no_sanitize|_default_suppressions|suppressions=' tests --include='*.[ch]' \
		--include='*.[ch]pp' --include=meson.build)"
check "nothing is marked as unfinished" \
	"$(grep -rnwE 'TODO|FIXME|XXX|HACK' include lib perf docs meson.build tests --include='*.[ch]' \
		--include='*.[ch]pp' --include='*.md' --include=meson.build --include='*.[1-9]')"
finish
