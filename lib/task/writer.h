/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_WRITER_H
#define TASK_WRITER_H
/* Text, piece by piece, to where a caller wants it; the first refusal ends it. */
#include <stddef.h>

struct writer {
	int (*write)(void *user, const char *text, size_t length);
	void *user;
	int error; /* what write said, negative: nothing more is written */
};

void writer_put(struct writer *writer, const char *text);
/* What is printed must be short: all but the first 159 bytes are cut. */
__attribute__((format(printf, 2, 3))) void writer_print(struct writer *writer, const char *format,
							...);
/* As a string of JSON, in plain ASCII, whatever its bytes and its length; NULL: null. */
void writer_quote(struct writer *writer, const char *text);
/* A label of a sample, name="value", in the exposition format of Prometheus. Bytes that are no
 * UTF-8 are shown as \x80, with the backslash. */
void writer_label(struct writer *writer, const char *name, const char *value);
/* So many steps to the right, but no more than 64. */
void writer_indent(struct writer *writer, unsigned depth);

#endif
