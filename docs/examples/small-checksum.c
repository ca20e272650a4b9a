/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A checksum that finds what was mixed up by accident, and is no secret. */
#include "small-checksum.h"

uint64_t checksum_of(const void *bytes, size_t count)
{
	const unsigned char *at = bytes;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	while (count--)
		sum = (sum ^ *at++) * UINT64_C(0x100000001b3);
	return sum;
}
