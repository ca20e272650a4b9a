/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/instructions: calls the hot paths, for instructions.sh to have callgrind count
 * them. Times vary with the machine and what else it does; instruction counts do not, so
 * these are what a test can hold.
 *
 * Each path is called three times: to warm it up, with N operations and with 2N. The
 * difference of the last two, over N, is what one operation takes.
 *
 * File calls do more where a remote filesystem is mounted, by whomever, such as by a test that
 * runs at the same time. So this takes mounts of its own, or else says that they did.
 */
#include "path.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#define OPERATIONS 2000
_Static_assert(2 * OPERATIONS <= PATH_MOST, "a path can be called with that many");

static void print_help(void)
{
	printf("usage: instructions [--list | --compiler | --help]\n"
	       "Runs each hot path with %u, %u and %u operations, for perf/instructions.sh to\n"
	       "count its instructions under callgrind. Names those that took a remote filesystem\n"
	       "into account, which it cannot unmount for itself.\n\n"
	       "  --list      names of the paths in order, and N\n"
	       "  --compiler  what it was built by: gcc or clang, its version, and optimized,\n"
	       "              plain or instrumented (by a sanitizer)\n",
	       2 * OPERATIONS, OPERATIONS, 2 * OPERATIONS);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INSTRUMENTED 1
#endif
#endif

static void print_compiler(void)
{
#if defined(__clang__)
	printf("clang %d ", __clang_major__);
#else
	printf("gcc %d ", __GNUC__);
#endif
#if defined(INSTRUMENTED)
	printf("instrumented\n");
#elif defined(__OPTIMIZE__)
	printf("optimized\n");
#else
	printf("plain\n");
#endif
}

/* Whether they are is a matter of rights. A thread that runs already would keep the old. */
static bool mounts_are_own(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

int main(int argc, char **argv)
{
	struct setting *setting;
	bool own;

	if (argc > 2) {
		fprintf(stderr, "instructions: at most one option; see --help\n");
		return 2;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (argc == 2 && strcmp(argv[1], "--compiler") == 0) {
		print_compiler();
		return EXIT_SUCCESS;
	}
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < paths_count; i++)
			printf("%s %u\n", paths[i].name, OPERATIONS);
		return EXIT_SUCCESS;
	}
	if (argc == 2) {
		fprintf(stderr, "instructions: no such option: %s; see --help\n", argv[1]);
		return 2;
	}
	own = mounts_are_own();
	setting = paths_open();
	if (own)
		unmount_remote_mounts(setting);
	for (size_t i = 0; i < paths_count; i++) {
		paths_call(&paths[i], setting, 2 * OPERATIONS, NULL);
		paths_call(&paths[i], setting, OPERATIONS, NULL);
		paths_call(&paths[i], setting, 2 * OPERATIONS, NULL);
		if (setting->remote)
			printf("%s: beside a remote filesystem\n", paths[i].name);
		setting->remote = false;
	}
	paths_close(setting);
	return EXIT_SUCCESS;
}
