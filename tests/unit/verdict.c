/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What counts for the verdict on a test, beside its body: its .fini, and what it leaks.
 *
 * Criterion runs each test in a process of its own and has its verdict when the body returns: what
 * fails in .fini is printed, and the test passes. LeakSanitizer looks when the process ends, which
 * is too late as well. So both are done here, as the last steps of the body: the linker puts this
 * in the place of the function that runs one (--wrap, in meson.build). And before
 * anything is run the program is kept from the mounts of others.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/alone.h"

#if defined __SANITIZE_ADDRESS__
#define LOOKS_FOR_LEAKS 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define LOOKS_FOR_LEAKS 1
#endif
#endif

void __real_criterion_internal_test_main(void (*body)(void));
void __wrap_criterion_internal_test_main(void (*body)(void));

#ifdef LOOKS_FOR_LEAKS
#include <sanitizer/lsan_interface.h>

const char *__asan_default_options(void);

/* Not again when the process ends: Criterion's own program may end with a few bytes lost. */
const char *__asan_default_options(void)
{
	return "leak_check_at_exit=0";
}

static int leaks(void)
{
	return __lsan_do_recoverable_leak_check();
}
#else
static int leaks(void)
{
	return 0;
}
#endif

/* Once for all tests of a program, whose processes each begin here anew. Who is kept from the
 * mounts of others changes mounts himself, which makes calls of others miss that would be
 * answered inline. */
__attribute__((constructor)) static void begin_alone(void)
{
	if (!getenv("FERRY_TEST_ALONE") && alone_begin())
		setenv("FERRY_TEST_ALONE", "1", 1);
}

static void (*test)(void);

static void test_and_look(void)
{
	/* Bytes, since Criterion keeps what it hands over at any address. */
	unsigned char *place = (unsigned char *)criterion_current_test->data +
			       offsetof(struct criterion_test_extra_data, fini);
	void (*fini)(void);

	memcpy(&fini, place, sizeof(fini));
	test();
	/* Once: of a body that fails Criterion itself calls it. */
	memset(place, 0, sizeof(fini));
	if (fini)
		fini();
	if (leaks())
		criterion_test_die("memory was leaked; what and where is told on stderr");
}

void __wrap_criterion_internal_test_main(void (*body)(void))
{
	test = body;
	__real_criterion_internal_test_main(test_and_look);
}
