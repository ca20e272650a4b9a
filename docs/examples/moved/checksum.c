/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checksum of cksum(1): a remainder of polynomials, the highest bit first. */
#include "checksum.h"

#define POLYNOMIAL UINT32_C(0x04c11db7)

uint32_t checksum_add(uint32_t sum, const void *bytes, size_t count)
{
	const unsigned char *at = bytes;

	while (count--) {
		sum ^= (uint32_t)*at++ << 24;
		for (int bit = 0; bit < 8; bit++)
			sum = sum << 1 ^ (sum >> 31 ? POLYNOMIAL : 0);
	}
	return sum;
}

uint32_t checksum_end(uint32_t sum, uint64_t count)
{
	for (; count; count >>= 8) {
		unsigned char byte = (unsigned char)count;

		sum = checksum_add(sum, &byte, 1);
	}
	return ~sum;
}
