/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a leak fail the test that leaks, under AddressSanitizer.
 *
 * Criterion runs each test in a process of its own and has its verdict before that process ends,
 * which is when LeakSanitizer would look. So it looks here, as the last step of each test: the
 * linker puts this in the place of the function that runs one (--wrap, in meson.build).
 */
#include <criterion/criterion.h>
#include <sanitizer/lsan_interface.h>

const char *__asan_default_options(void);
void __real_criterion_internal_test_main(void (*body)(void));
void __wrap_criterion_internal_test_main(void (*body)(void));

/* Not again when the process ends: Criterion's own program may end with a few bytes lost. */
const char *__asan_default_options(void)
{
	return "leak_check_at_exit=0";
}

static void (*test)(void);

static void test_and_look(void)
{
	test();
	if (__lsan_do_recoverable_leak_check())
		criterion_test_die("memory was leaked; what and where is told on stderr");
}

void __wrap_criterion_internal_test_main(void (*body)(void))
{
	test = body;
	__real_criterion_internal_test_main(test_and_look);
}
