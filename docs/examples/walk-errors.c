/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors, told by kind. Paths go to stderr only, as the examples: they may be no UTF-8. */
#include "walk-errors.h"

#include <inttypes.h>
#include <stdio.h>

#include "walk-list.h"

void errors_print(const struct tally *tally)
{
	for (enum operation at = 0; at < OPERATIONS; at++) {
		for (int code = 0; code < ERRNO_LIMIT; code++) {
			if (tally->kinds[at][code])
				printf("  %14" PRIu64 "  %s at %s: %s\n", tally->kinds[at][code],
				       error_name(code), operation_name(at),
				       error_message(at, code));
		}
	}
}

void errors_json(const struct tally *tally)
{
	const char *comma = "";

	printf("[");
	for (enum operation at = 0; at < OPERATIONS; at++) {
		for (int code = 0; code < ERRNO_LIMIT; code++) {
			if (!tally->kinds[at][code])
				continue;
			printf("%s{\"operation\":\"%s\",\"error\":\"%s\",\"count\":%" PRIu64 "}",
			       comma, operation_name(at), error_name(code), tally->kinds[at][code]);
			comma = ",";
		}
	}
	printf("]");
}

void errors_examples(const struct tally *tally, const char *program)
{
	for (unsigned i = 0; i < tally->example_count; i++) {
		const struct example *example = &tally->examples[i];

		fprintf(stderr, "%s: %s: ", program, operation_name(example->operation));
		list_path(stderr, example->path);
		fprintf(stderr, ": %s\n", error_message(example->operation, example->code));
	}
	if (tally->errors > tally->example_count)
		fprintf(stderr, "%s: and %" PRIu64 " more errors\n", program,
			tally->errors - tally->example_count);
}
