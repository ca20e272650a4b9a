/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Members of a JSON object. */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>

void json_number(const char *name, uint64_t value)
{
	printf("\"%s\":%" PRIu64 ",", name, value);
}

void json_calls(const ferry_fs_counters *calls)
{
	printf("\"fs\":{");
	json_number("calls", calls->calls);
	json_number("hits", calls->hits);
	json_number("misses", calls->misses);
	json_number("blocked", calls->blocked);
	json_number("avoided", calls->avoided);
	json_number("stuck", calls->stuck);
	printf("\"pooled\":%" PRIu64 "},", calls->pooled);
}
