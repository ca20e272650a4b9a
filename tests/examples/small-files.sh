# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/small-files: each policy reads the same, and all of it; what cannot be read, Ctrl-C,
# what it leaves behind, its output, usage and exit statuses. Usage: small-files.sh SMALL_FILES
. "$(dirname "$0")/../walk/walk.sh"

policies="auto inline pool blocking"
TMPDIR=$folder/temporary
export TMPDIR
mkdir "$TMPDIR"

# reads OPTION... [DIR]
reads() {
	$as "$program" --json "$@" >"$json" 2>"$told"
	status=$?
}

# word NAME: a string of the totals
word() {
	field "$1" | tr -d '"'
}

# left_behind: what is in the folder for temporary folders
left_behind() {
	expect "left behind" "$(ls -A "$TMPDIR")" ""
}

# ---- files of its own ----

# own OPTION...: the problems of a run that makes three hundred files
own() {
	reads --files 300 "$@"
	expect status $status 0
	expect stderr "$(cat "$told")" ""
	expect found "$(field found)" 300
	expect done "$(field done)" 300
	expect read "$(field read)" 300
	expect errors "$(field errors)" 0
	expect verified "$(field verified)" true
	expect interrupted "$(field interrupted)" false
	expect abandoned "$(field abandoned)" 0
	expect "calls" $(($(field hits) + $(field misses) + $(field avoided))) "$(field calls)"
	expect "calls that were no hits" "$(field pooled)" $(($(field misses) + $(field avoided)))
	left_behind
}
for policy in $policies; do
	check "files of its own are read as they were written with --policy $policy" "$(
		own --policy $policy
		expect policy "$(word policy)" $policy)"
done
check "so it is one at a time" "$(own --limit 1; own --limit 1 --policy inline)"
check "so it is on one thread" "$(own --threads 1; own --threads 1 --policy pool)"
check "so it is without a limit that matters" "$(own --limit 512)"
check "ten thousand are made if nothing is said" "$(
	reads
	expect status $status 0
	expect read "$(field read)" 10000
	left_behind)"
check "as many are under way at once as may be, and never more" "$(for limit in 1 7 64; do
	reads --files 200 --limit $limit --policy pool
	expect "most of $limit" "$(field most_at_once)" $limit
done)"
check "the policy says where calls are made" "$(
	own --policy pool
	# A root, its names; and of each file: open, read, close.
	expect calls "$(field calls)" $((2 + 3 * 300))
	expect hits "$(field hits)" 0
	expect misses "$(field misses)" 0
	own --policy blocking
	expect "calls of blocking" "$(field calls)" 2)"
if [ "$(stat -f -c %T .)" = ext2/ext3 ]; then
	# Where there is work for others too it may be taken for slow now and then.
	check "what was just written is answered inline" "$(for round in 1 2 3 4 5 6 7 8 9 10; do
		reads --files 1000 --policy inline
		[ "$(field hits)" -gt 0 ] && exit
	done
	echo "never a hit")"
else
	skip "what was just written is answered inline" "it is not known of this filesystem"
fi
check "where no folder can be made nothing is done" "$(
	TMPDIR=$folder/nowhere "$program" >words 2>"$told"
	expect status $? 3
	expect stdout "$(cat words)" ""
	expect stderr "$(cat "$told")" "small-files: cannot make the files: No such file or directory")"

# ---- files of others ----

mkdir -p many/inner
seq 45000 | split -l 150 -a 3 - many/lines-
: >many/empty
head -c 65536 /dev/zero >many/largest
echo not this >many/inner/deeper
mkfifo many/fifo
ln -s empty many/link
files=302
bytes=$(find many -maxdepth 1 -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
checksum=$(python3 -c '
import os
total = 0
for entry in os.scandir("many"):
	if entry.is_file(follow_symlinks=False):
		one = 0xcbf29ce484222325
		for byte in open(entry, "rb").read():
			one = (one ^ byte) * 0x100000001b3 % 2**64
		total = (total + one) % 2**64
print("%016x" % total)' 2>/dev/null)

# others OPTION...: the problems of a run over them
others() {
	reads "$@" many
	expect status $status 0
	expect stderr "$(cat "$told")" ""
	expect found "$(field found)" $files
	expect read "$(field read)" $files
	expect bytes "$(field bytes)" "$bytes"
	expect errors "$(field errors)" 0
	expect checksum "$(word checksum)" "${checksum:-$(word checksum)}"
}
for policy in $policies; do
	check "the regular files of DIR are read, whole, with --policy $policy" "$(
		others --policy $policy
		expect verified "$(field verified)" false)"
done
check "a checksum that was told holds for each policy" "$(
	others
	told_before=$(word checksum)
	for policy in $policies; do
		others --policy $policy --checksum "$told_before"
		expect verified "$(field verified)" true
	done)"
check "another checksum is an error" "$(for policy in $policies; do
	others
	told_before=$(word checksum)
	cp many/lines-aab kept && echo changed >many/lines-aab
	reads --policy $policy --checksum "$told_before" many
	cp kept many/lines-aab
	expect status $status 1
	expect verified "$(field verified)" false
	expect stderr "$(cat "$told")" "small-files: the checksum should be $told_before"
done)"
check "at most so many are read as are asked for" "$(
	reads --files 10 many
	expect status $status 0
	expect read "$(field read)" 10)"
check "DIR may be empty" "$(
	mkdir empty
	reads empty
	expect status $status 0
	expect read "$(field read)" 0
	expect checksum "$(word checksum)" 0000000000000000)"
check "a DIR that is not there, or none, is an error" "$(
	reads nowhere
	expect status $status 3
	expect stdout "$(cat "$json")" ""
	expect stderr "$(cat "$told")" \
		"small-files: cannot read the folder: No such file or directory"
	reads many/empty
	expect "status of a file" $status 3
	expect stderr "$(cat "$told")" "small-files: cannot read the folder: Not a directory"
	reads ""
	expect "status of an empty name" $status 3)"

# ---- what cannot be read ----

mkdir odd
echo small >odd/small
head -c 65537 /dev/zero >odd/large
check "a file that is not small is counted" "$(for policy in $policies; do
	reads --policy $policy odd
	expect status $status 1
	expect read "$(field read)" 1
	expect done "$(field done)" 2
	expect errors "$(kind read EFBIG)" 1
	expect stderr "$(cat "$told")" "small-files: read: large: File too large"
done)"

# Root may read anything; without these two rights it is like anybody else.
[ "$(id -u)" -ne 0 ] || as="setpriv --bounding-set=-dac_override,-dac_read_search \
	--inh-caps=-dac_override,-dac_read_search"
mkdir forbidden
echo open >forbidden/open
echo secret >forbidden/secret
chmod 0 forbidden/secret
if $as cat forbidden/secret >/dev/null 2>&1; then
	skip "what is forbidden is counted" "no way to drop the right to read everything"
else
	check "what is forbidden is counted, and all else is read" "$(for policy in $policies; do
		reads --policy $policy forbidden
		expect status $status 1
		expect read "$(field read)" 1
		expect bytes "$(field bytes)" 5
		expect done "$(field done)" 2
		expect errors "$(field errors)" 1
		expect "files that cannot be opened" "$(kind open EACCES)" 1
		expect stderr "$(cat "$told")" "small-files: open: secret: Permission denied"
	done)"
fi
as=

# ---- interrupted ----

# A signal that is there before the program begins comes as soon as it looks: in its first turns, when
# most files have not been begun.
pending='
import os, signal, sys
which = getattr(signal, sys.argv[1])
signal.signal(which, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [which])
os.kill(os.getpid(), which)
os.execv(sys.argv[2], sys.argv[2:])
'
# interrupted SIGNAL OPTION...
interrupted() {
	signal=$1
	shift
	python3 -c "$pending" "$signal" "$program" --json --files 1000 "$@" >"$json" 2>"$told"
	expect status $? 130
	expect stderr "$(cat "$told")" ""
	expect interrupted "$(field interrupted)" true
	expect verified "$(field verified)" false
	[ "$(field done)" -lt 1000 ] || echo "it was not in the middle"
	expect read "$(field read)" "$(field done)"
	expect abandoned "$(field abandoned)" 0
	left_behind
}
if python3 -c '' 2>/dev/null; then
	for policy in $policies; do
		check "SIGINT ends it with the totals so far, with --policy $policy" "$(
			interrupted SIGINT --policy $policy)"
	done
	check "SIGTERM too" "$(interrupted SIGTERM)"
	check "in words the totals say so" "$(
		python3 -c "$pending" SIGINT "$program" --files 1000 >words 2>"$told"
		expect status $? 130
		expect "first line" "$(head -n 1 words)" "interrupted; the totals so far")"
else
	skip "SIGINT ends it with the totals so far" "python3 not found to send it beforehand"
fi

# ---- output ----

check "--json prints one line" "$(
	reads many
	expect lines "$(wc -l <"$json")" 1)"
check "in words the totals are the same" "$(
	"$program" --policy pool many >words 2>"$told"
	expect status $? 0
	expect stderr "$(cat "$told")" ""
	for line in "^many: $files of $files files in .* a second$" "^  read  *$files$" \
		"^  bytes  *$bytes$" '^  errors  *0$' "^  checksum  ${checksum:-[0-9a-f]*}$" \
		'^  at a time  *64 at most, of 64 allowed$' \
		'^  calls: 908, 0 hits, 0 misses, 908 avoided, 908 pooled$' \
		'^  pool: .* threads, 909 jobs ran'; do
		grep -q "$line" words || echo "no line $line"
	done
	"$program" --files 5 >words
	grep -q '^a folder of its own: 5 of 5 files in' words || cat words
	grep -q '^  checksum  [0-9a-f]*, as it should be$' words || cat words)"
check "control characters in names do not reach the terminal" "$(
	mkdir control
	head -c 65537 /dev/zero >"$(printf 'control/odd\033\nname')"
	reads control
	expect stderr "$(cat "$told")" 'small-files: read: odd\033\012name: File too large')"
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	check "progress is shown on a terminal" "$(
		script -qec "'$program' many" /dev/null </dev/null >terminal
		grep -qE '[0-9]+ of 302 found \([0-9]+ %\), [0-9]+/s, .* s left' \
			terminal || cat terminal)"
else
	skip "progress is shown on a terminal" "no script(1) to make one"
fi

# ---- usage ----

# usage TOLD ARGUMENT...: wrong, and told so on stderr; nothing is started
usage() {
	wrong=$1
	shift
	"$program" "$@" >words 2>"$told"
	expect "status of $*" $? 2
	expect stdout "$(cat words)" ""
	grep -qF -- "$wrong" "$told" || cat "$told"
	grep -qx 'small-files: try --help' "$told" || echo "--help is not told of"
}
check "wrong usage is told" "$(
	usage "--policy: 'never' is none of auto, inline, pool, blocking" --policy never
	usage "--files: '0' is not a number from 1 to 1000000" --files 0
	usage "--limit: '513' is not a number from 1 to 512" --limit 513
	usage "--threads: '1x' is not a number from 1 to 1024" --threads 1x
	usage "--checksum: 'abc' is not 16 hexadecimal digits" --checksum abc
	usage "--checksum: '0123456789abcdeg' is not 16" --checksum 0123456789abcdeg
	usage "more than one DIR" many many
	usage "nonsense" --nonsense)"
check "--help tells every option and every policy" "$(
	"$program" --help >words 2>"$told"
	expect status $? 0
	for option in policy files limit threads checksum json help; do
		grep -q "^  --$option" words || echo "--$option"
	done
	for policy in $policies; do
		grep -q "^      $policy " words || echo "$policy"
	done)"
check "output that cannot be written is an error" "$(
	for option in "" --json; do
		sh -c '"$0" $1 many >/dev/full' "$program" "$option" 2>"$told"
		expect status $? 3
		grep -q '^small-files: cannot write the totals: No space' "$told" || cat "$told"
	done)"
check "where no descriptor is left for a loop nothing is done" "$(
	for limit in 4 5; do
		sh -c "ulimit -n $limit"' && exec "$0" many' "$program" >words 2>"$told"
		expect status $? 3
		expect stdout "$(cat words)" ""
		grep -q '^small-files: cannot make a loop: Too many' "$told" || cat "$told"
	done)"
check "where few descriptors are left, what could not be opened is counted" "$(
	(
		ulimit -n 20
		reads --policy pool many
		[ $status -le 1 ] || cat "$told"
		expect done "$(field done)" $files
		expect errors "$(field errors)" "$(kind open EMFILE)"
		expect read "$(field read)" $((files - $(field errors)))
	))"
finish
