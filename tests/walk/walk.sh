# SPDX-License-Identifier: LGPL-2.1-or-later
# What the scripts of the suite walk share: a folder of their own to work in, ferry-walk beside find,
# and readers of its output. Sourced by each as: . "$(dirname "$0")/walk.sh"
#   $program              ferry-walk, the first argument of the script
#   $json, $list, $told   files: what the last `walk` printed, listed and told on stderr
#   $status               its exit status
#   $as                   a command that `walk` and `find_entries` run under; none at first
. "$(dirname "$0")/../shape/tap.sh"
LC_ALL=C
export LC_ALL

program=$(realpath "$1")
script=$(realpath "$0")
folder=$(mktemp -d) || exit 1
json=$folder/json
list=$folder/list
told=$folder/told
wanted=$folder/wanted
as=
cleanup() {
	chmod -R u+rwX "$folder"
	rm -rf "$folder"
} 2>/dev/null
trap cleanup EXIT
cd "$folder" || exit 1

# walk OPTION... DIR
walk() {
	$as "$program" --json --list "$list" "$@" >"$json" 2>"$told"
	status=$?
}

# field NAME: a number or a word of the totals
field() {
	sed -n 's/.*[{,]"'"$1"'":\([^],}]*\).*/\1/p' "$json"
}

# kind OPERATION ERRNO: how many errors of a kind the totals have
kind() {
	count=$(sed -n 's/.*{"operation":"'"$1"'","error":"'"$2"'","count":\([0-9]*\)}.*/\1/p' "$json")
	echo "${count:-0}"
}

# expect WHAT GOT WANTED: a problem if they differ
expect() {
	[ "$2" = "$3" ] || echo "$1 is '$2', not '$3'"
}

# Paths as --list writes them; from lines that end in a zero byte to lines that end in a newline.
escaped() {
	sed -z 's/\\/\\134/g; s/\n/\\012/g; s/\t/\\011/g; s/\x01/\\001/g; s/\x7f/\\177/g' |
		tr '\0' '\n'
}

# find_entries DIR: what find knows of every entry, as --list writes it
find_entries() {
	$as find "$@" -printf '%y %D %i %s %p\0' 2>/dev/null | escaped | sort
}

# differs: entries that the walk and $wanted do not have in common, and totals that do not agree
differs() {
	sort "$list" | diff "$wanted" - | sed -n '/^[<>]/p' |
		sed 's/^</only find:/; s/^>/only walk:/' | head -n 10
	expect files "$(field files)" "$(grep -c '^f' "$wanted")"
	expect directories "$(field directories)" "$(grep -c '^d' "$wanted")"
	expect others "$(field others)" "$(grep -vc '^[fd]' "$wanted")"
	expect bytes "$(field bytes)" \
		"$(awk '$1 == "f" { n += $4 } END { printf "%.0f", n }' "$wanted")"
	expect descriptors_left "$(field descriptors_left)" 0
}

# same_as_find OPTION... DIR: the problems of a walk that should find what find does, and no error
same_as_find() {
	walk "$@"
	for last; do :; done
	find_entries "$last" >"$wanted"
	expect status $status 0
	expect errors "$(field errors)" 0
	expect stderr "$(cat "$told")" ""
	differs
}

# many_files DIR COUNT: a directory whose --list is far longer than a pipe holds
many_files() {
	mkdir "$1"
	long=$(printf '%0200d' 0)
	seq "$2" | sed "s|^|$1/$long|" | xargs touch
}

# Prints the command that gives a program mounts of its own; fails where that is not allowed.
own_mounts() {
	for command in "unshare -m" "unshare -rm"; do
		if $command mount -t tmpfs walk "$folder" 2>/dev/null; then
			echo "$command"
			return 0
		fi
	done
	return 1
}
