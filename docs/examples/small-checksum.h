/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SMALL_CHECKSUM_H
#define SMALL_CHECKSUM_H
/*
 * What was read, in one number. That of many files is the sum of theirs, so it does not matter in
 * which order they come.
 */
#include <stddef.h>
#include <stdint.h>

/* Of one file: FNV-1a, 64 bits. */
uint64_t checksum_of(const void *bytes, size_t count);

#endif
