# SPDX-License-Identifier: LGPL-2.1-or-later
# The rules of this suite can be broken: a small tree that keeps them all is made, each rule is
# broken in a copy of it, and the script that watches over it must say so. Usage: catches.sh
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
spdx='SPDX-License-Identifier: LGPL-2.1-or-later'

mkdir -p "$folder/sound" && cd "$folder/sound" || exit 1
mkdir -p include/ferry lib/base lib/loop lib/pool tests/unit tests/shape docs/examples perf .ci
cat >include/ferry/base.h <<TXT
/* $spdx */
#ifndef FERRY_BASE_H
#define FERRY_BASE_H
#define FERRY_API __attribute__((visibility("default")))
#ifdef __cplusplus
extern "C" {
#endif

/**
 * ferry_count() - how many there are
 * @of:    what is counted, not NULL
 * @visit: called with each
 *
 * Context: any thread.
 * Return:  0 or more.
 */
FERRY_API int ferry_count(const char *of, void (*visit)(int one));

/** A number that does not change. */
FERRY_API extern const int ferry_constant;

#ifdef __cplusplus
}
#endif
#endif
TXT
cat >include/ferry.h <<TXT
/* $spdx */
#include <ferry/base.h>
TXT
mkdir -p include/ferry/cpp tests/cpp
cat >include/ferry.hpp <<TXT
/* $spdx */
#ifndef FERRY_HPP
#define FERRY_HPP
#include <ferry/cpp/count.hpp>
#endif
TXT
cat >include/ferry/cpp/count.hpp <<TXT
/* $spdx */
#ifndef FERRY_CPP_COUNT_HPP
#define FERRY_CPP_COUNT_HPP
#if __cplusplus < 201703L
#error "it needs C++17"
#endif
#if !defined __cpp_exceptions
#error "it needs exceptions"
#endif
#include <ferry/base.h>
namespace ferry
{
inline int count(const char *of)
{
	return ferry_count(of, nullptr);
}
} // namespace ferry
#endif
TXT
printf '/* %s */\n' "$spdx" >tests/cpp/counts.cpp
printf "# %s\n'counts'\n" "$spdx" >tests/cpp/meson.build
cat >lib/base/atomic.h <<TXT
/* $spdx */
#include <stdatomic.h>
#define atomic_load_acquire(object) atomic_load_explicit(object, memory_order_acquire)
TXT
cat >lib/base/count.c <<TXT
/* $spdx */
/*
 * Counts.
 *
 * Called on any thread.
 */
#include <ferry/base.h>

#include "base/atomic.h"

static _Atomic int count;
const int ferry_constant = 1;

int ferry_count(const char *of, void (*visit)(int one))
{
	(void)of;
	(void)visit;
	/* [E1] acquire: of atomic_load_acquire(), a word in prose, too. */
	return atomic_load_acquire(&count);
}
TXT
cat >lib/ferry.map <<TXT
/* $spdx */
FERRY_0 {
global:
	ferry_count;
	ferry_constant;
local:
	*;
};
TXT
for list in . perf docs/examples tests/shape; do
	echo "# $spdx" >"$list/meson.build"
done
printf '/* %s */\n/* ferry_count ferry_constant */\n' "$spdx" >tests/unit/test_count.c
printf '/* %s */\n\tGIVES(ferry_count(NULL, NULL), 0);\n\tGIVES(ferry_constant, 1);\n' "$spdx" \
	>tests/unit/test_misuse_count.c
printf "# %s\n'base/count.c'\n" "$spdx" >lib/meson.build
printf "# %s\n'test_count'\n'test_misuse_count'\n" "$spdx" >tests/unit/meson.build
printf '# Counting well\n\nSee [guide](docs/guide.md#how-to-count).\n' >README.md
printf '# Guide\n\n## How to `count`\n\nferry_count, ferry_constant\n' >docs/guide.md

# build TREE [FLAG...]: its library, as meson would link it; FLAGs in the place of ours
build() {
	tree=$1
	shift
	if [ $# -eq 0 ]; then
		set -- -Wl,-soname,libferry.so.0 -Wl,-z,nodelete -Wl,--no-as-needed -lurcu-bp
	fi
	cc -D_GNU_SOURCE -std=c11 -fPIC -shared -fvisibility=hidden -I"$tree/include" \
		-I"$tree/lib" "$tree"/lib/*/*.c -o "$tree.so" \
		-Wl,--version-script="$tree/lib/ferry.map" "$@" 2>&1
}

# judge SCRIPT TREE
judge() {
	sh "$here/$1.sh" "$2" "$2.so" 2>&1
}

check "the sound tree builds" "$(build "$folder/sound")"
for script in headers floors names documented library links orders files tests; do
	check "$script finds nothing in the sound tree" \
		"$(judge "$script" "$folder/sound" | grep -v '^ok\|^1\.\.')"
done

# caught SCRIPT RULE WHAT COMMAND [FLAG...]: in a copy of the sound tree, COMMAND (or linking
# with FLAGs) does WHAT, which breaks RULE, a part of the rule's text
caught() {
	script=$1 rule=$2 what=$3 command=$4
	shift 4
	rm -rf "$folder/broken" "$folder/broken.so"
	cp -R "$folder/sound" "$folder/broken"
	if ! (cd "$folder/broken" && eval "$command"); then
		check "$script catches $what" "could not break the tree: $command"
		return
	fi
	case $script in
	names | library) build "$folder/broken" "$@" >"$folder/build" 2>&1 ;;
	esac
	found=$(judge "$script" "$folder/broken" | grep '^not ok')
	case $found in
	*"$rule"*) check "$script catches $what" "" ;;
	*) check "$script catches $what" "\"$rule\" did not fail; what failed: ${found:-nothing}" ;;
	esac
}

append() {
	printf '%s\n' "$2" >>"$1"
}

header=include/ferry/base.h
source=lib/base/count.c

caught headers "base.h alone as c99 by gcc" "a type that is not there" \
	'append $header "int ferry_x(size_t n);"'
caught headers "base.h alone as c++17 by g++" "a word that C++ reserves" \
	'append $header "int ferry_x(int class);"'
caught headers "inline function" "a function with a body" \
	'append $header "static inline int ferry_x(void) { return 0; }"'

more=include/ferry/cpp/count.hpp
if command -v g++ >/dev/null; then
	caught headers "count.hpp alone as c++20 by g++" "a type that C++ has not" \
		'append $more "ferry::number of();"'
	caught headers "ferry.hpp alone as c++17 by g++" "a word that only C++20 has" \
		'append $more "template <class T> concept any = true;"'
	caught headers "needs exceptions" "a header for C++ that nobody can read without exceptions" \
		'sed -i /exceptions/d $more'
	caught headers "needs C++17" "a header for C++ that an old compiler is not told to leave" \
		'sed -i "s/it needs/and/" $more'
fi

caught floors "only lower floors, and neither" "base reaching up" \
	'append $source "#include \"loop/loop.h\""'
caught floors "only lower floors, and neither" "the loop knowing the pool" \
	'append lib/loop/loop.c "#include <ferry/pool.h>"'
caught floors "only lower floors, and neither" "the pool knowing the loop" \
	'append lib/pool/pool.c "#include \"loop/loop.h\""'
caught floors "only lower floors, and neither" "a file that includes everything" \
	'append lib/pool/pool.c "#include <ferry.h>"'
caught floors "public headers include only lower" "a public header reaching sideways" \
	'append include/ferry/loop.h "#include <ferry/pool.h>"'
caught floors "by floor" "a header that is not named by floor" \
	'append $source "#include \"count.h\""'
caught floors "in a circle" "two headers that include each other" \
	'append lib/base/a.h "#include \"base/b.h\""; append lib/base/b.h "#include \"base/a.h\""'
caught floors "public headers include only lower" "a header of C that needs C++" \
	'append $header "#include <ferry/cpp/count.hpp>"'
caught floors "C++ do not include each other in a circle" "two headers for C++ in a circle" \
	'append $more "#include <ferry/cpp/other.hpp>"
	append include/ferry/cpp/other.hpp "#include <ferry/cpp/count.hpp>"'
caught floors "includes liburcu" "a second file that includes liburcu" \
	'append lib/loop/loop.c "#include <urcu/urcu-bp.h>"'
caught floors "includes <stdatomic.h>" "a second file with atomics of its own" \
	'append $source "#include <stdatomic.h>"'

caught names "declared name is in lib/ferry.map" "a function left out of the map" \
	'sed -i /ferry_count/d lib/ferry.map'
caught names "declared name is in lib/ferry.map" "an object left out of the map" \
	'sed -i /ferry_constant/d lib/ferry.map'
caught names "lib/ferry.map is declared" "a name that no header declares" \
	'sed -i "s/^global:/&\n\tferry_other;/" lib/ferry.map'
caught names "lib/ferry.map is exported" "a name that nothing defines" \
	'sed -i "/^const int/d" $source'
caught names "nothing else is exported" "a name that the map does not list" \
	'sed -i "s/^global:/& ferry_o*;/" lib/ferry.map
	append $source "FERRY_API int ferry_other; int ferry_other;"'
caught names "begins with ferry_" "a name of somebody else" \
	'sed -i "s/^global:/& o*;/" lib/ferry.map; append $source "FERRY_API int other; int other;"'
caught names "listed twice" "a name listed twice" \
	'sed -i "s/^\tferry_count;/&\n&/" lib/ferry.map'

caught documented "has its comment" "a missing Context" 'sed -i "/ Context:/d" $header'
caught documented "has its comment" "a missing Return" 'sed -i "/ Return:/d" $header'
caught documented "has its comment" "a parameter not explained" 'sed -i "/ @visit:/d" $header'
caught documented "has its comment" "a parameter that is none" \
	'sed -i "s/^ \* @of:.*/&\n * @from: nothing/" $header'
caught documented "has its comment" "a comment for another name" \
	'sed -i "s/ferry_count() -/ferry_other() -/" $header'
caught documented "has its comment" "an object without a comment" \
	'sed -i "/A number that/d" $header'
caught documented "used by a test" "a function that no test uses" \
	'sed -i s/ferry_count// tests/unit/test_*.c'
caught documented "is on a page" "a function that no page mentions" \
	'sed -i s/ferry_count// docs/guide.md'

caught library "libferry.so.0" "another name of the library" : -Wl,-soname,libferry.so.1
caught library "needs only" "one more library" : -Wl,--no-as-needed -lm
caught library "there is one in a process" "liburcu left out" : -Wl,-soname,libferry.so.0
caught library "stays mapped" "a library that can be unloaded" : -lurcu-bp
caught library "stack is not executable" "an executable stack" : -Wl,-z,execstack

caught links "README.md" "a link to a file that is not there" 'mv docs/guide.md docs/other.md'
caught links "README.md" "a link to a heading that is not there" \
	'sed -i "s/## How/## Why/" docs/guide.md'
caught links "docs/guide.md" "a dead reference definition" \
	'append docs/guide.md "[nowhere]: ../nowhere.c"'

caught orders "argument beside it" "an order without an argument" 'sed -i "/\[E1\]/d" $source'
caught orders "goes round" "an operation without an order" \
	'sed -i "s/atomic_load_acquire(&count)/atomic_load(\&count)/" $source'
caught orders "goes round" "an operation of the compiler" \
	'append $source "#define LOAD __atomic_load_n(&count, __ATOMIC_RELAXED)"'
caught orders "stand-alone fence" "a fence" \
	'append $source "#define FENCE atomic_thread_fence(order)"'
caught orders "no volatile" "a volatile" 'append $source "volatile int other;"'
caught orders "silenced" "a silenced sanitizer" \
	'append $source "#define QUIET __attribute__((no_sanitize(\"thread\")))"'

caught files "SPDX" "a C file without a licence line" 'sed -i 1d tests/unit/test_count.c'
caught files "SPDX" "a script without a licence line" \
	'printf "#!/bin/sh\n" >.ci/run; chmod +x .ci/run'
caught files "SPDX" "a file of another build system without a licence line" \
	'mkdir tests/install; echo "project(consumer C)" >tests/install/CMakeLists.txt'
caught files "at least four lines" "a file that does not say what it is" \
	'sed -i "/^ \*\$/d;/^ \* Counts/d" $source'
caught files "over 450" "a file that is too long" 'yes "" | head -n 450 >>$source'
caught files "over 100 columns" "a line that is too long" \
	'append $source "/* $(printf "%0100d" 0) */"'
caught files "SPDX" "a file of C++ without a licence line" 'sed -i 1d tests/cpp/counts.cpp'
caught files "over 450" "a header for C++ that is too long" 'yes "" | head -n 450 >>$more'
caught files "over 100 columns" "a line of C++ that is too long" \
	'append $more "/* $(printf "%0100d" 0) */"'
caught files "indented by tabs" "an indentation of blanks" 'append $source "        int spaces;"'
caught files "ends in a blank" "a blank at the end of a line" 'append $source "int blank; "'

caught tests "file of lib/ is built" "a file that is not built" ': >lib/base/other.c'
caught tests "file of lib/ has its unit test" "a file without a unit test" ': >lib/base/other.c'
caught tests "file of a suite is built" "a test that is not built" ': >tests/unit/test_other.c'
caught tests "file of a suite is built" "a test of C++ that is not built" ': >tests/cpp/other.cpp'
caught tests "script of a suite is run" "a script that is not run" ': >tests/unit/other.sh'
caught tests "in Python of a suite is run" "a program in Python that is not run" \
	': >tests/unit/other.py'
caught tests "file of perf/ is built" "a benchmark that is not built" ': >perf/other.c'
caught tests "docs/examples/ is built" "an example that is not built" ': >docs/examples/other.c'
caught tests "misused in a table" "a function that no table misuses" \
	'sed -i "/GIVES(ferry_count/d" tests/unit/test_misuse_count.c'
caught tests "misused in a table" "a function that only a comment of a table names" \
	'sed -i "s|GIVES(ferry_count.*|/* ferry_count */|" tests/unit/test_misuse_count.c'
caught tests "misused in a table" "a function in a macro that no row uses" \
	'sed -i "s|GIVES(ferry_count.*|GIVES(RECOUNT(NULL), 0);|" tests/unit/test_misuse_count.c
	append tests/unit/test_misuse_count.c "#define COUNT(...) ferry_count(__VA_ARGS__)"'
caught tests "misused in a table" "a tree without tables" 'rm tests/unit/test_misuse_count.c'
caught tests "sleeps" "a test that sleeps" 'append tests/unit/test_count.c "	usleep(10);"'
caught tests "sleeps" "a test of C++ that sleeps" \
	'append tests/cpp/counts.cpp "	std::this_thread::sleep_for(1s);"'
caught tests "sleeps" "a script that sleeps" 'append tests/unit/other.sh "	sleep 1"'
caught tests "sleeps" "a program in Python that sleeps" \
	'append tests/unit/other.py "    time.sleep(1)"'
caught tests "silenced in a test" "a list of suppressions" ': >tests/tsan.supp'
caught tests "unfinished" "a mark of unfinished work" "append \$source \"/* TO\$(echo DO) */\""
finish
