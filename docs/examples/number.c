/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of options. What strtoul() would let pass, a blank or a sign before them, is wrong. */
#include "number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool number_read(const char *program, const char *option, const char *text, unsigned most,
		 unsigned *ret)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < 1 || value > most) {
		fprintf(stderr, "%s: --%s: '%s' is not a number from 1 to %u\n", program, option,
			text, most);
		return false;
	}
	*ret = (unsigned)value;
	return true;
}
