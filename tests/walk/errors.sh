# SPDX-License-Identifier: LGPL-2.1-or-later
# What goes wrong is counted and told, and ends nothing: no permission, paths that are too long,
# files that vanish, a DIR that is not there. Usage: errors.sh FERRY_WALK
. "$(dirname "$0")/walk.sh"

# ---- without permission ----

# Root may read anything; without these two rights it is like anybody else.
[ "$(id -u)" -ne 0 ] || as="setpriv --bounding-set=-dac_override,-dac_read_search \
	--inh-caps=-dac_override,-dac_read_search"
mkdir -p tree/closed tree/readable/inner tree/searchable tree/open
: >tree/closed/file
: >tree/readable/file
: >tree/searchable/file
: >tree/open/secret
ln -s nowhere tree/readable/link
chmod 0 tree/closed tree/open/secret
chmod 444 tree/readable
chmod 111 tree/searchable

# forbidden OPENS OPTION...: the problems of a walk in which so many files cannot be opened
forbidden() {
	opens=$1
	shift
	walk "$@" tree
	find_entries tree >"$wanted"
	expect status $status 1
	expect errors "$(field errors)" $((5 + opens))
	expect "directories that cannot be read" "$(kind readdir EACCES)" 2
	expect "entries that cannot be searched for" "$(kind lstat EACCES)" 3
	expect "files that cannot be opened" "$(kind open EACCES)" "$opens"
	differs
}

if $as cat tree/open/secret 2>/dev/null; then
	skip "without permission" "no way to drop the right to read everything"
else
	check "what is forbidden is counted, and all the rest is found" "$(forbidden 1)"
	check "so it is one at a time" "$(forbidden 1 --in-flight 1)"
	for policy in inline pool blocking; do
		check "so it is with --policy $policy" "$(forbidden 1 --policy $policy)"
	done
	check "--no-open opens nothing" "$(forbidden 0 --no-open; forbidden 0 --no-open --blocking)"
	check "each kind is told by name" "$(
		walk tree
		for line in "open: tree/open/secret" "readdir: tree/closed" \
			"readdir: tree/searchable" "lstat: tree/readable/file" \
			"lstat: tree/readable/link" "lstat: tree/readable/inner"; do
			grep -qxF "ferry-walk: $line: Permission denied" "$told" || echo "$line"
		done
		expect "lines told" "$(wc -l <"$told")" 6)"
	check "a DIR that cannot be read is an error of the walk" "$(for policy in auto pool; do
		walk --policy $policy tree/closed
		expect status $status 3
		expect directories "$(field directories)" 1
		expect errors "$(kind readdir EACCES)" 1
	done)"
	check "a DIR that may not be opened, a file, is a counted error" "$(
		walk tree/open/secret
		expect status $status 1
		expect files "$(field files)" 1)"
fi
as=

check "a DIR that is not there is an error of the walk" "$(
	walk nowhere
	expect status $status 3
	expect errors "$(kind lstat ENOENT)" 1
	expect stderr "$(cat "$told")" "ferry-walk: lstat: nowhere: No such file or directory"
	walk --blocking nowhere
	expect status $status 3
	walk ""
	expect status $status 3)"

# ---- too long ----

# Names of 250 bytes, deeper than a path may be; each level has a file too.
make_too_deep() (
	mkdir deep && cd deep || exit
	step=$(printf '%0250d' 0)
	for level in $(seq 20); do
		: >"file" && mkdir "$step" && cd -P "$step" || exit
	done
)
make_too_deep 2>/dev/null

# too_long MOST OPTION...: the walk sees what has a path that fits, and one error for each entry of the
# last directory that does. Below a root DIR is no part of the path.
too_long() {
	most=$1
	shift
	walk "$@" deep
	find_entries deep | awk -v most="$most" '
		{ path = $0; sub(/^. [0-9]+ [0-9]+ [0-9]+ /, "", path) }
		length(path) <= most' >"$wanted"
	expect status $status 1
	expect errors "$(field errors)" "$(kind lstat ENAMETOOLONG)"
	expect errors "$(field errors)" \
		"$(find deep -printf '%p\n' | awk -v most="$most" '
			length($0) > most { sub(/\/[^\/]*$/, ""); if (length($0) <= most) n++ }
			END { print n }')"
	differs
}
check "the tree is deeper than a path may be long" \
	"$(find deep -printf '%p\n' | awk 'length($0) > 4500 { found = 1 } END { exit !found }' || echo no)"
check "a path that is too long is counted, and all before it is found" "$(too_long 4095 --policy pool)"
check "so it is with --blocking" "$(too_long 4095 --blocking)"
check "so it is below a root, and it may be longer by that" "$(
	too_long $((4095 + 5)) --policy auto
	too_long $((4095 + 5)) --policy inline --in-flight 1)"
check "a DIR that is too long is an error of the walk" "$(
	walk "$(printf '%05000d' 0)"
	expect status $status 3
	expect errors "$(kind lstat ENAMETOOLONG)" 1
	walk "$(printf '%0256d' 0)"
	expect errors "$(kind lstat ENAMETOOLONG)" 1)"

# ---- vanished ----

# The list is a FIFO: once it is full the walk stands still, with most names read and not begun.
# vanish OPTION...: what is left then vanishes
vanish() {
	rm -rf many && many_files many 2000
	rm -f gate && mkfifo gate
	"$program" --json --list gate "$@" many >"$json" 2>"$told" &
	exec 3<gate
	read -r line <&3
	rm -rf many
	cat <&3 >"$list"
	exec 3<&-
	wait $!
	expect status $? 1
	seen=$(($(field files) + $(kind lstat ENOENT)))
	expect "files and errors" "$seen" 2000
	expect directories "$(field directories)" 1
	[ "$(kind lstat ENOENT)" -gt 0 ] || echo "nothing vanished"
	expect errors "$(field errors)" $(($(kind lstat ENOENT) + $(kind open ENOENT)))
	expect "lines told" "$(wc -l <"$told")" $((
		1 + 3 + ($(kind open ENOENT) < 3 ? $(kind open ENOENT) : 3)))
	expect "the rest" "$(tail -n 1 "$told" | grep -c 'and [0-9]* more errors$')" 1
}
check "files that vanish after they were found are counted" "$(vanish --in-flight 1)"
check "so it is with many in flight" "$(vanish --in-flight 1024)"
check "so it is with what is answered inline" "$(vanish --policy inline --in-flight 1)"
check "so it is with --blocking" "$(vanish --blocking)"

# Names come and go all the time; whatever the walk meets, it can only miss what is gone.
rounds=${FERRY_TEST_LONG:+400}
storm() {
	while :; do
		for at in storm/a storm/b; do
			: >$at/file; ln -s file $at/link; mkdir -p $at/directory/inner
			mv $at/file $at/directory; rm -rf $at/directory $at/link
			mkfifo $at/file; rm $at/file
		done
	done
} 2>/dev/null
mkdir -p storm/a storm/b
storm &
storm=$!
trap 'kill $storm; cleanup' EXIT
in_storm() {
	for round in $(seq ${rounds:-30}); do
		walk "$@" storm
		[ $status -le 1 ] || { echo "status $status"; cat "$told"; }
		gone=$(($(kind lstat ENOENT) + $(kind open ENOENT) + $(kind readdir ENOENT)))
		changed=$(($(kind open ELOOP) + $(kind open ENXIO) + $(kind open EISDIR) +
			$(kind readdir ENOTDIR) + $(kind readdir ELOOP)))
		expect errors "$(field errors)" $((gone + changed))
		expect descriptors_left "$(field descriptors_left)" 0
	done | sort | uniq -c
}
check "a tree that changes all the time is walked to its end" "$(in_storm)"
check "so it is with what is answered inline" "$(in_storm --policy inline --in-flight 1)"
check "so it is on the pool" "$(in_storm --policy pool)"
check "so it is with --blocking" "$(in_storm --blocking)"
finish
