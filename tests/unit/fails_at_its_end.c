/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A test whose .fini fails: it has to fail (verdict.c), and whoever runs this expects it to. */
#include <criterion/criterion.h>

static void end(void)
{
	cr_assert(0, "as it should");
}

Test(verdict, what_fails_in_fini_fails_the_test, .fini = end)
{
	cr_assert(1);
}
