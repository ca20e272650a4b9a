# SPDX-License-Identifier: LGPL-2.1-or-later
# Every program on a page compiles as C99 and as C11 without a warning, one that is marked c11 as C11
# only, and prints what the page says that it prints (snippets.awk tells how they are marked).
# Usage: snippets.sh ROOT LIBRARY
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
cd "$1" || exit 1
library=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cc=${CC:-cc}

# builds MODE PROGRAM STANDARDS: nothing, or what the compiler said
builds() {
	program=$2 standards=$3
	case $1 in
	compile) set -- -c ;;
	*) set -- "$library" -pthread -Wl,-rpath,"${library%/*}" ;;
	esac
	for standard in $standards; do
		"$cc" -std=$standard -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -Iinclude "$program.c" \
			-o "$program" "$@" 2>&1 || echo "as $standard"
	done
}

# Each command of a session and what follows it, as it is when it is run here.
session() {
	while IFS= read -r line; do
		case $line in
		'$ ./'*)
			printf '%s\n' "$line"
			eval "timeout 60 ${line#??}" </dev/null 2>&1 || echo "status $?"
			;;
		'$ '*) printf '%s\n' "$line" ;;
		esac
	done <"$1"
}

# prints MODE PROGRAM: nothing, or what it did instead
prints() {
	case $1 in
	text) timeout 60 "$2" </dev/null >"$2.does" 2>&1 || echo "status $?" >>"$2.does" ;;
	console) (cd "$(dirname "$2")" && session "$2.said") >"$2.does" ;;
	esac
	diff -u --label "the page" --label "the program" "$2.said" "$2.does"
}

tab=$(printf '\t')
for page in $(find README.md docs -name '*.md' -o -name '*.[1-9]' | LC_ALL=C sort); do
	programs=$folder/$(printf '%s' "$page" | tr / -)
	mkdir "$programs"
	awk -v folder="$programs" -v page="$page" -f "$here/snippets.awk" "$page" >"$programs/list"
	check "$page: every block of C is marked and tells what it prints" \
		"$(sed -n "s|^-$tab\([0-9]*\)$tab|$page:\1: |p" "$programs/list")"
	while IFS="$tab" read -r name line mode standards; do
		[ "$name" != - ] || continue
		problems=$(builds "$mode" "$programs/$name" "$standards")
		check "$page:$line: $name compiles" "$problems"
		if [ -z "$problems" ] && [ "$mode" != compile ]; then
			check "$page:$line: $name prints what the page says" "$(prints "$mode" "$programs/$name")"
		fi
	done <"$programs/list"
done
finish
