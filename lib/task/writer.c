/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text, piece by piece.
 *
 * On the loop's thread, called by dump.c and by floor 6's exposition.c; after it the caller's own
 * function has the text. Invariants: nothing is allocated; after the first refusal nothing more is
 * written; what is quoted is valid in JSON, and a label in an exposition, whatever bytes a name
 * has.
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

/* How many bytes there are of one character in UTF-8; 0: there is none. */
static size_t character_of(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t bytes = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;

	if (*at > 0xf4)
		return 0;
	for (size_t i = 1; i < bytes; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Too long for what it says, half of a pair of UTF-16, or beyond the last one. */
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
	    (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f))
		return 0;
	return bytes;
}

void writer_label(struct writer *writer, const char *name, const char *value)
{
	writer_put(writer, name);
	writer_put(writer, "=\"");
	while (*value) {
		size_t plain = 0, bytes;

		while (value[plain] && !strchr("\"\\\n", value[plain]) &&
		       (bytes = character_of(value + plain)))
			plain += bytes;
		put_bytes(writer, value, plain);
		value += plain;
		if (*value == '\n')
			writer_put(writer, "\\n");
		else if (*value && character_of(value))
			writer_print(writer, "\\%c", *value);
		else if (*value)
			writer_print(writer, "\\\\x%02x", (unsigned char)*value);
		value += *value != 0;
	}
	writer_put(writer, "\"");
}

void writer_indent(struct writer *writer, unsigned depth)
{
	for (unsigned i = 0; i < depth && i < INDENT_MOST; i++)
		writer_put(writer, "  ");
}
