/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JSON_H
#define JSON_H
/* Members of a JSON object on stdout, each with a comma behind it, for all programs here. */
#include <ferry/fs.h>
#include <stdint.h>

void json_number(const char *name, uint64_t value);
/* What a loop's file calls have done, as the object "fs". */
void json_calls(const ferry_fs_counters *calls);

#endif
