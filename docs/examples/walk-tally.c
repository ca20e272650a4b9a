/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counting. A plain table with a place for every operation and errno: only the few pages that are
 * used ever become memory, and counting an error cannot itself fail.
 */
#include "walk-tally.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void tally_entry(struct tally *tally, uint32_t mode, uint64_t size)
{
	if (S_ISREG(mode)) {
		tally->files++;
		tally->bytes += size;
	} else if (S_ISDIR(mode)) {
		tally->directories++;
	} else {
		tally->others++;
	}
}

uint64_t tally_entries(const struct tally *tally)
{
	return tally->files + tally->directories + tally->others;
}

static void example_keep(struct tally *tally, enum operation operation, int code, const char *path)
{
	char *copy = strdup(path);

	if (copy)
		tally->examples[tally->example_count++] =
			(struct example){ .operation = operation, .code = code, .path = copy };
}

void tally_error(struct tally *tally, enum operation operation, int code, const char *path)
{
	tally->errors++;
	if (++tally->kinds[operation][code] <= EXAMPLES_OF_KIND && tally->example_count < EXAMPLES)
		example_keep(tally, operation, code, path);
}

void tally_clear(struct tally *tally)
{
	while (tally->example_count)
		free(tally->examples[--tally->example_count].path);
}

const char *operation_name(enum operation operation)
{
	static const char *const names[OPERATIONS] = {
		[AT_STAT] = "stat", [AT_LSTAT] = "lstat", [AT_OPEN] = "open",
		[AT_READ] = "read",
		[AT_CLOSE] = "close", [AT_READDIR] = "readdir", [AT_DESCENT] = "descent"
	};

	return names[operation];
}

const char *error_name(int code)
{
	const char *name = strerrorname_np(code);

	return name ? name : "unknown";
}

const char *error_message(enum operation operation, int code)
{
	if (operation == AT_DESCENT)
		return "The directory is one of those that lead to it";
	return strerror(code);
}
