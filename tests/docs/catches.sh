# SPDX-License-Identifier: LGPL-2.1-or-later
# The rules of this suite can be broken: each is, in a copy of what they look at, and the script that
# watches over it must say so. Usage: catches.sh ROOT LIBRARY
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../shape/tap.sh"
root=$1 library=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

mkdir -p "$folder/sound/tests/mutants" "$folder/page/docs"
cp -R "$root/README.md" "$root/docs" "$root/lib" "$root/include" "$folder/sound"
[ ! -d "$root/tests/mutants" ] || cp "$root"/tests/mutants/*.patch "$folder/sound/tests/mutants"

# One page with one program of each kind, so that compiling takes no time.
cp -R "$root/include" "$folder/page"
cat >"$folder/page/README.md" <<'TXT'
# A page

<!-- test: version -->
```c
#include <stdio.h>
#include <ferry.h>

int main(int argc, char **argv)
{
	(void)argv;
	return printf("%d\n", ferry_version() / 1000000 + (unsigned)argc) < 0;
}
```

```console
$ cc version.c -o version -lferry
$ ./version
1
$ ./version one two
3
```

<!-- test: unit compile -->
```c
#include <ferry.h>

unsigned twice(void);

unsigned twice(void)
{
	return 2 * ferry_version();
}
```

<!-- test: newer compile c11 -->
```c
#if __STDC_VERSION__ < 201112
#error "C11, please"
#endif
```
TXT
# And one with two programs that print the same.
mkdir "$folder/pair"
cat >"$folder/pair/README.md" <<'TXT'
# A pair

<!-- test: three-python python beside -->
```python
print(3)
```

<!-- test: three -->
```c
#include <stdio.h>

int main(void)
{
	return puts("3") < 0;
}
```

```text
3
```
TXT
# And one in C++.
mkdir -p "$folder/pair/docs" "$folder/plus/docs"
cat >"$folder/plus/README.md" <<'TXT'
# In C++

<!-- test: words c++17 -->
```cpp
#include <cstdio>

int main()
{
	auto words = [] { return 3; };

	std::printf("%d\n", words());
}
```

```text
3
```

<!-- test: concepts compile c++20 -->
```cpp
template <class T> concept anything = true;
```
TXT
judge() { # SCRIPT TREE
	sh "$here/$1.sh" "$2" "$library" 2>&1
}

check "snippets finds nothing in the sound page" "$(judge snippets "$folder/page" | grep -v '^ok\|^1\.\.')"

# caught SCRIPT TREE RULE WHAT COMMAND: in a copy of TREE, COMMAND does WHAT, which breaks RULE
caught() {
	rm -rf "$folder/broken"
	cp -R "$folder/$2" "$folder/broken"
	if ! (cd "$folder/broken" && eval "$5" && ! diff -rq . "$folder/$2" >/dev/null); then
		check "$1 catches $4" "could not break the tree: $5"
		return
	fi
	found=$(judge "$1" "$folder/broken" | grep '^not ok')
	case $found in
	*"$3"*) check "$1 catches $4" "" ;;
	*) check "$1 catches $4" "\"$3\" did not fail; what failed: ${found:-nothing}" ;;
	esac
}

caught snippets page "version compiles" "a warning" 'sed -i "/(void)argv/d" README.md'
caught snippets page "unit compiles" "a program that calls what is not there" \
	'sed -i "s/2 . ferry_version/2 * ferry_other/" README.md'
caught snippets page "prints what the page says" "an output that is not the page's" \
	'sed -i s/^1\$/2/ README.md'
caught snippets page "prints what the page says" "an output that the page does not show" \
	'sed -i /^1\$/d README.md'
caught snippets page "is marked" "a program without a marker" 'sed -i "/test: unit/d" README.md'
caught snippets page "tells what it prints" "a program whose output nobody tells" \
	'sed -i "/^.*console$/,/^.*$/s/console/sh/" README.md'
caught snippets page "tells what it prints" "two programs of one name" \
	'sed -i "s/test: unit/test: version/" README.md'
caught snippets page "newer compiles" "a program of C11 that does not say so" \
	'sed -i "s/ c11 -->/ -->/" README.md'

if command -v g++ >/dev/null; then
	caught snippets plus "words compiles" "a warning of C++" \
		'sed -i "s/auto words/int unused; &/" README.md'
	caught snippets plus "words prints" "an output of C++ that is not the page's" \
		'sed -i "/return/s/3/4/" README.md'
	caught snippets plus "concepts compiles" "a program of C++20 that is marked as one of C++17" \
		'sed -i "s/ c++20 -->/ c++17 -->/" README.md'
fi
caught snippets plus "is marked" "a program of C++ without a marker" \
	'sed -i "/test: words/d" README.md'
caught snippets plus "is marked" "a block of C++ that is marked as one of C" \
	'sed -i "s/ c++17 -->/ c11 -->/" README.md'
caught snippets page "is marked" "a word in a marker that nobody knows" \
	'sed -i "s/newer compile/newer compiled/" README.md'
caught snippets pair "three prints what the page says" "a program beside another that prints less" \
	'sed -i "/puts/s/3/4/" README.md'
if python3 -c 'import asyncio; asyncio.TaskGroup' 2>/dev/null; then
	caught snippets pair "three-python prints" "one in Python that does not print the same" \
		'sed -i "s/print(3)/print(4)/" README.md'
	caught snippets pair "is marked" "a program in Python without a marker" \
		'sed -i /three-python/d README.md'
fi

caught differences sound "is that of the files" "a difference that is not that of the files" \
	'sed -i "/^[+].*ferry_offload/s/offload/unload/" docs/moving.md'
caught differences sound "is that of the files" "a file that was changed" \
	'sed -i s/CLIENTS/GUESTS/ docs/examples/moved/server-after.c'
caught differences sound "has its marker" "a difference without a marker" \
	'sed -i "/^<!-- diff: .*server/d" docs/moving.md'
caught differences sound "shows a difference" "a page whose differences are gone" \
	'sed -i "/^<!-- diff: /d" docs/moving.md'

caught edges sound "is in the table" "an edge that nobody tells of" \
	'sed -i "/^| \[port\]/d" docs/memory-model.md'
caught edges sound "is cited" "an edge that is not there any more" \
	'sed -i "s/^| \[port\].*/&\n| [gone] | a | b | c |/" docs/memory-model.md'
caught edges sound "twice" "an edge that is told twice" \
	'sed -i "s/^| \[port\].*/&\n&/" docs/memory-model.md'
caught edges sound "is in the table" "an edge that the code has new" \
	'printf "/* [new-edge] release */\n" >>lib/pool/queue.c'

caught invariants sound "each invariant once" "an invariant that is not told" \
	'sed -i "/^| P9 /d" docs/testing.md'
caught invariants sound "no other" "an invariant that does not exist" \
	'printf "/* (P99) */\n" >>lib/pool/queue.c'
caught invariants sound "each patch: its" "a patch that is not told" \
	'printf "Invariant: P1\nBreaks: it\nCaught by: unit/test_it\n\n---\n" >tests/mutants/P1-it.patch'
caught invariants sound "tells of is there" "a row whose patch is gone" \
	'sed -i "s/^<!-- mutants:begin -->/&\n| P1 | it | P1-nothing.patch | unit |/" docs/testing.md'
caught invariants sound "has a patch" "an invariant that nothing breaks" \
	'sed -i "/mutants:begin/,/mutants:end/{/^| *P3 /d}; s/^<!-- mutants:end/| P0 |\n&/" docs/testing.md
	rm -f tests/mutants/P3-*'

caught manual sound "exported name is in docs/man" "a function left out of the manual page" \
	'sed -i s/ferry_wrap/ferry_warp/ docs/man/ferry.7'
caught manual sound "name nothing that is not there" "a function that is not there" \
	'sed -i "s/ferry_wrap/& , Fn ferry_warp/" docs/man/ferry.7'
caught manual sound "name nothing that is not there" "a macro that no header has" \
	'sed -i "s/FERRY_SHIELD/FERRY_SHIELDS/" docs/man/ferry_frame.3'
caught manual sound "public macro for tasks and files" "a macro left out of the manual pages" \
	'sed -i "s/FERRY_OPERATION$/FERRY_TASK_OPTIONS_INIT/" docs/man/*'
caught manual sound "refers to is there" "a page that is not there" \
	'rm docs/man/ferry_lock.3'
caught manual sound "as it is declared" "a call for tasks without its prototype" \
	'sed -i "/^\.Fo ferry_task_forget/,/^\.Fc/d" docs/man/ferry_task.3'
caught manual sound "as it is declared" "a parameter that a call for tasks has not" \
	'sed -i "/^\.Fo ferry_task_forget/a.Fa \"int why\"" docs/man/ferry_task.3'
caught manual sound "is a name of a page" "a call for tasks that no page is called by" \
	'sed -i "/^\.Nm ferry_task_forget/d" docs/man/ferry_task.3'
caught manual sound "of the guides" "a function left out of the guides" \
	'sed -i s/ferry_wrap/ferry_warp/g docs/guide.md docs/tasks.md docs/groups.md'
caught manual sound "page of ferry-walk tells its options" "an option left out of its page" \
	'sed -i "/^\.It Fl Fl list/d" docs/man/ferry-walk.1'
if command -v mandoc >/dev/null; then
	caught manual sound "mandoc has nothing" "a macro that is not there" \
		'printf ".Xyz\n" >>docs/man/ferry.7'
	caught manual sound "docs/man/ferry_group.3" "a macro that is not there, in another page" \
		'printf ".Xyz\n" >>docs/man/ferry_group.3'
fi
if command -v python3 >/dev/null && command -v cmark-gfm >/dev/null && command -v mandoc >/dev/null; then
	caught html page "are built" "a link to a file that is not there" \
		'echo "[there](nothing.c)" >>README.md'
	# Building takes longer than looking, so all of these are wrong at once.
	rm -rf "$folder/broken"
	cp -R "$folder/page" "$folder/broken"
	cat >>"$folder/broken/README.md" <<-'TXT'
	[there](#nowhere) ![there](https://example.org/there.png)

	<p id="a-page"></p>

	<div>
	TXT
	mkdir "$folder/broken/lib"
	printf '\tferry_nothing;\n' >"$folder/broken/lib/ferry.map"
	found=$(judge html "$folder/broken" | grep '^not ok')
	while IFS='	' read -r rule what; do
		check "html catches $what" "$(case $found in
		*"$rule"*) ;;
		*) echo "\"$rule\" did not fail; what failed: ${found:-nothing}" ;;
		esac)"
	done <<-TXT
	leads to a page	a link to an anchor that is not there
	anchor is twice	an anchor that is made twice
	and ends	markup that does not end
	from elsewhere	a picture from elsewhere
	in the reference	a name that is told nowhere
	TXT
fi
finish
