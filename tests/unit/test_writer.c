/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The writer of the dump and the exposition: pieces, quoting, and a caller that has had enough. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "task/writer.h"

TestSuite(writer, .timeout = 60);

static char written[1024];
static int pieces, most = 1000;

/* Takes so many pieces. */
static int collect(void *user, const char *text, size_t length)
{
	size_t before = strlen(written);

	cr_assert_eq(user, &pieces);
	cr_assert_gt(length, 0, "an empty piece");
	cr_assert_lt(before + length, sizeof(written));
	if (pieces == most)
		return -5;
	pieces++;
	memcpy(written + before, text, length);
	written[before + length] = 0;
	return 1;
}

static struct writer writer = { collect, &pieces, 0 };

Test(writer, puts_and_prints_what_it_is_given)
{
	writer_put(&writer, "one");
	writer_put(&writer, "");
	writer_print(&writer, " %d%s", 2, "!");
	writer_print(&writer, "%s", "");
	cr_assert_str_eq(written, "one 2!");
	cr_assert_eq(pieces, 2);
	cr_assert_eq(writer.error, 0, "a positive return is no refusal");
}

Test(writer, prints_no_more_than_159_bytes_at_a_time)
{
	writer_print(&writer, "%200s", "end");
	cr_assert_eq(strlen(written), 159);
}

Test(writer, puts_a_text_of_any_length)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	writer_put(&writer, text);
	cr_assert_str_eq(written, text);
}

static const char *quoted(const char *text)
{
	written[0] = 0;
	writer_quote(&writer, text);
	return written;
}

Test(writer, quotes_whatever_bytes_there_are_as_valid_json)
{
	cr_assert_str_eq(quoted(NULL), "null");
	cr_assert_str_eq(quoted(""), "\"\"");
	cr_assert_str_eq(quoted("plain ~ text"), "\"plain ~ text\"");
	cr_assert_str_eq(quoted("a\"b\\c"), "\"a\\u0022b\\u005cc\"");
	cr_assert_str_eq(quoted("\n\t\x7f"), "\"\\u000a\\u0009\\u007f\"");
	cr_assert_str_eq(quoted("\xc3\xa9!"), "\"\\u00c3\\u00a9!\"");
	cr_assert_str_eq(quoted("\""), "\"\\u0022\"");
}

static const char *labelled(const char *value)
{
	written[0] = 0;
	writer_label(&writer, "n", value);
	return written;
}

Test(writer, labels_whatever_bytes_there_are_as_valid_utf8)
{
	cr_assert_str_eq(labelled(""), "n=\"\"");
	cr_assert_str_eq(labelled("plain\t~ text\x7f"), "n=\"plain\t~ text\x7f\"");
	cr_assert_str_eq(labelled("a\"b\\c\nd"), "n=\"a\\\"b\\\\c\\nd\"");
	/* The first and the last of two, three and four bytes, and around what UTF-16 needs. */
	cr_assert_str_eq(labelled("\xc2\x80\xdf\xbf"), "n=\"\xc2\x80\xdf\xbf\"");
	cr_assert_str_eq(labelled("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
			 "n=\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"");
	cr_assert_str_eq(labelled("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
			 "n=\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	/* No characters: what only goes on, what ends too early, and those on the other sides. */
	cr_assert_str_eq(labelled("\x80\xbf"), "n=\"\\\\x80\\\\xbf\"");
	cr_assert_str_eq(labelled("\xc3"), "n=\"\\\\xc3\"");
	cr_assert_str_eq(labelled("\xe2\x82"), "n=\"\\\\xe2\\\\x82\"");
	cr_assert_str_eq(labelled("\xf0\x9f\x98!"), "n=\"\\\\xf0\\\\x9f\\\\x98!\"");
	cr_assert_str_eq(labelled("\xc1\xbf"), "n=\"\\\\xc1\\\\xbf\"");
	cr_assert_str_eq(labelled("\xe0\x9f\xbf"), "n=\"\\\\xe0\\\\x9f\\\\xbf\"");
	cr_assert_str_eq(labelled("\xed\xa0\x80"), "n=\"\\\\xed\\\\xa0\\\\x80\"");
	cr_assert_str_eq(labelled("\xf0\x8f\xbf\xbf"),
			 "n=\"\\\\xf0\\\\x8f\\\\xbf\\\\xbf\"");
	cr_assert_str_eq(labelled("\xf4\x90\x80\x80"),
			 "n=\"\\\\xf4\\\\x90\\\\x80\\\\x80\"");
	cr_assert_str_eq(labelled("\xf5\xff"), "n=\"\\\\xf5\\\\xff\"");
}

Test(writer, indents_by_two_and_not_without_end)
{
	writer_indent(&writer, 3);
	cr_assert_str_eq(written, "      ");
	written[0] = 0;
	writer_indent(&writer, 1000000);
	cr_assert_eq(strlen(written), 128);
}

Test(writer, writes_nothing_more_after_the_first_refusal)
{
	most = 1;
	writer_put(&writer, "a");
	writer_put(&writer, "b");
	cr_assert_eq(writer.error, -5);
	most = 1000;
	writer_put(&writer, "c");
	writer_quote(&writer, "d");
	cr_assert_str_eq(written, "a");
	cr_assert_eq(writer.error, -5, "the first one stays");
}
