/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_ERRORS_H
#define WALK_ERRORS_H
/* The errors of a tally, told. */
#include "walk-tally.h"

/* In words on stdout: a line for each kind, with how many there were. */
void errors_print(const struct tally *tally);

/* On stdout as a JSON array of objects. */
void errors_json(const struct tally *tally);

/* The examples on stderr, each line beginning with the name of the program. */
void errors_examples(const struct tally *tally, const char *program);

#endif
