/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CHECKSUM_H
#define CHECKSUM_H
/* The checksum of cksum(1), as POSIX has it: bytes are added one piece after the other, from 0. */
#include <stddef.h>
#include <stdint.h>

uint32_t checksum_add(uint32_t sum, const void *bytes, size_t count);

/* The last step: how many bytes there were is a part of it. */
uint32_t checksum_end(uint32_t sum, uint64_t count);

#endif
