/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/* The one clock: CLOCK_MONOTONIC in nanoseconds. A test build moves it by hand. */
#include <stdint.h>
#include <time.h>

#ifdef FERRY_SEAM
#include "base/seam.h"
#define clock_now seam_clock_now
#else
static inline uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#endif

#endif
