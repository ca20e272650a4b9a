/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_ARGUMENTS_H
#define SEAM_ARGUMENTS_H
/* What a model program was asked for. */
#include <stdbool.h>

struct arguments {
	const char *program;
	const char *scene;    /* NULL: all */
	const char *schedule; /* NULL: explore */
	long deviations, count; /* -1: as the scene says */
	unsigned long seed;
	bool json, list, is_long;
};

/* Leaves the program after --help and if it is misused. */
struct arguments arguments_read(int count, char **words);

#endif
