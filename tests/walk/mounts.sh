# SPDX-License-Identifier: LGPL-2.1-or-later
# ferry-walk among mounts: it goes into them as find does, counts an inode that is seen twice twice,
# and does not go round in circles. Runs itself again with mounts of its own, where that is allowed.
# Usage: mounts.sh FERRY_WALK
. "$(dirname "$0")/walk.sh"

if [ "$2" != inside ]; then
	if inside=$(own_mounts); then
		TMPDIR=$folder $inside sh "$script" "$program" inside
	else
		skip "mounts" "no right to make any"
		finish
	fi
	exit
fi

mkdir -p tree/original/inner tree/twin tree/memory circle/inner/outer
echo file >tree/original/inner/file
mount --bind tree/original tree/twin
mount -t tmpfs walk tree/memory
echo file >tree/memory/file

for options in "--in-flight 256" "--in-flight 1" "--policy inline" "--policy pool" "--blocking"; do
	check "mounts are walked into, and what is seen twice counts twice, $options" "$(
		same_as_find $options tree
		expect "inodes seen twice" \
			"$(cut -d ' ' -f 2,3 "$list" | sort | uniq -d | wc -l)" 3
		expect "devices" "$(cut -d ' ' -f 2 "$list" | sort -u | wc -l)" 2)"
done

# A directory that lies in itself: find complains, and neither counts it nor goes in.
mount --bind circle circle/inner/outer
for options in "--in-flight 256" "--policy inline" "--policy pool" "--blocking"; do
	check "a directory within itself is counted as an error, not walked into, $options" "$(
		walk $options circle
		find_entries circle >"$wanted"
		expect status $status 1
		expect errors "$(field errors)" 1
		expect "errors at descent" "$(kind descent ELOOP)" 1
		expect "stderr" "$(cat "$told")" \
"ferry-walk: descent: circle/inner/outer: The directory is one of those that lead to it"
		differs)"
done

# The linker needs /proc to find a library beside the program.
LD_LIBRARY_PATH=$(ldd "$program" | sed -n 's|.*=> \(.*\)/libferry.*|\1|p')
export LD_LIBRARY_PATH
mount -t tmpfs walk /proc
check "without /proc the descriptors are not counted" "$(
	walk tree/original
	expect errors "$(field errors)" 0
	expect descriptors_left "$(field descriptors_left)" null)"
finish
