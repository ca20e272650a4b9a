/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text for the dump, piece by piece.
 *
 * On the loop's thread, called by dump.c; after it the caller's own function has the text.
 * Invariants: nothing is allocated; after the first refusal nothing more is written; what is
 * quoted is valid in JSON, whatever bytes a name has.
 */
#include "task/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PRINTED_MOST 160
#define INDENT_MOST 64

static void put_bytes(struct writer *writer, const char *text, size_t length)
{
	int said;

	if (writer->error || !length)
		return;
	said = writer->write(writer->user, text, length);
	if (said < 0)
		writer->error = said;
}

void writer_put(struct writer *writer, const char *text)
{
	put_bytes(writer, text, strlen(text));
}

void writer_print(struct writer *writer, const char *format, ...)
{
	char text[PRINTED_MOST];
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(text, sizeof(text), format, arguments) > 0)
		writer_put(writer, text);
	va_end(arguments);
}

static int is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void writer_quote(struct writer *writer, const char *text)
{
	if (!text) {
		writer_put(writer, "null");
		return;
	}
	writer_put(writer, "\"");
	while (*text) {
		size_t plain = 0;

		while (text[plain] && is_plain(text[plain]))
			plain++;
		put_bytes(writer, text, plain);
		text += plain;
		/* Bytes that are no ASCII are shown as if they were Latin-1. */
		if (*text)
			writer_print(writer, "\\u%04x", (unsigned char)*text++);
	}
	writer_put(writer, "\"");
}

void writer_indent(struct writer *writer, unsigned depth)
{
	for (unsigned i = 0; i < depth && i < INDENT_MOST; i++)
		writer_put(writer, "  ");
}
