# SPDX-License-Identifier: LGPL-2.1-or-later
# ferry-walk counts what find counts, by device and inode, on a tree with every type of file and
# every awkward name, however it is asked to walk. Usage: counts.sh FERRY_WALK
. "$(dirname "$0")/walk.sh"

make_files() {
	mkdir -p tree/empty-directory tree/few tree/many
	: >tree/empty
	echo some >tree/few/some
	truncate -s 5G tree/sparse
	ln tree/few/some tree/hard-link
	ln tree/few/some tree/few/hard-link
	seq 3000 | sed 's|^|tree/many/|' | xargs touch
}

make_links() {
	mkdir tree/links
	ln -s nowhere tree/links/dangling
	ln -s ../few tree/links/to-directory
	ln -s .. tree/links/upward
	ln -s self tree/links/self
	ln -s there tree/links/here
	ln -s here tree/links/there
}

make_names() {
	long=$(printf '%0255d' 0)
	mkdir "tree/$long" "tree/new
line"
	: >"tree/$long/$long"
	: >"tree/new
line/new

lines
"
	: >"tree/with spaces "
	: >tree/-type
	: >tree/...
	: >'tree/back\slash\n'
	: >"tree/$(printf 'tab\tbyte\001delete\177no-utf8\377')"
}

# A chain of long names whose last path is only just short enough, and one of many short names.
make_deep() {
	deep=tree/deep
	step=$(printf '%0240d' 0)
	while [ ${#deep} -lt 3800 ]; do
		deep=$deep/$step
	done
	mkdir -p "$deep" "tree/nested/$(printf 'a/%.0s' $(seq 500))"
	find tree/deep -type d | sed 's|$|/file|' | xargs touch
}

make_special() {
	mkfifo tree/fifo
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die' \
		tree/socket ||
		python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
			tree/socket
	mknod tree/null c 1 3
	mknod tree/loop b 7 0
} 2>/dev/null

make_files
make_links
make_names
make_deep
make_special

for type in f d l p; do
	check "the tree has entries of type $type" \
		"$(find_entries tree | grep -q "^$type" || echo none)"
done
for type in s c b; do
	if find_entries tree | grep -q "^$type"; then
		check "the tree has entries of type $type" ""
	else
		skip "the tree has entries of type $type" "they cannot be made here"
	fi
done

# ---- however it walks ----

check "every entry is found once, as a matter of course" "$(same_as_find tree)"
for options in "--in-flight 1" "--in-flight 4096" "--threads 1" "--threads 8" \
	"--threads 1 --in-flight 1" "--blocking" "--no-open" "--blocking --no-open" \
	"--policy auto" "--policy auto --in-flight 1" "--policy inline" \
	"--policy inline --in-flight 1" "--policy pool" "--policy blocking"; do
	check "every entry is found once with $options" "$(same_as_find $options tree)"
done

# ---- wherever it begins ----

ln -s tree link
check "DIR may end in a slash" "$(same_as_find tree/)"
check "DIR may be the current directory" "$(cd tree/few && same_as_find .)"
check "DIR may be absolute" "$(same_as_find "$folder/tree/few")"
check "DIR that is a link is counted, not followed" "$(
	same_as_find link
	expect others "$(field others)" 1)"
check "DIR that is a link is followed if it ends in a slash" "$(same_as_find link/)"
check "so it is with every policy" "$(for policy in inline pool blocking; do
	same_as_find --policy $policy link
	same_as_find --policy $policy link/
done)"
check "DIR that is a file is counted" "$(same_as_find tree/few/some)"
check "DIR that is a FIFO is counted, not opened" "$(same_as_find tree/fifo)"
check "DIR that is a link to itself is counted" "$(same_as_find tree/links/self)"
check "DIR may look like an option after --" "$(
	mkdir ./-dir && : >./-dir/file
	walk -- -dir
	expect status $status 0
	expect files "$(field files)" 1)"

# ---- with few descriptors ----

# limited LIMIT NUMBER OPTION...: the problems of a walk with a limit on open files; stderr is kept
limited() {
	(
		ulimit "$1" "$2"
		shift 2
		walk "$@" tree
		expect status $status 0
		expect errors "$(field errors)" 0
		find_entries tree >"$wanted"
		differs
	)
}

check "a low limit on open files is raised as far as is needed" "$(
	limited -Sn 40 --in-flight 4096
	expect stderr "$(cat "$told")" ""
	expect in_flight "$(field in_flight)" 4096)"
check "one that cannot be raised bounds what is in flight" "$(
	limited -n 100 --in-flight 4096
	expect "what is told of it" "$(grep -c 'only 100 files may be open' "$told")" 1)"
check "where nearly none may be open, one entry at a time is in flight" "$(
	limited -n 40
	expect in_flight "$(field in_flight)" 1)"
finish
