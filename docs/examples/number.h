/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NUMBER_H
#define NUMBER_H
/* A number as the argument of an option, for all programs here. */
#include <stdbool.h>

/*
 * Read a whole number from 1 to @most. One that is not is told on stderr as what is wrong with
 * @option of @program, and *@ret is not touched.
 */
bool number_read(const char *program, const char *option, const char *text, unsigned most,
		 unsigned *ret);

#endif
