/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_EXPOSITION_H
#define SUPPORT_EXPOSITION_H
/*
 * Reads a text in the exposition format of Prometheus (0.0.4), and asserts that nothing is wrong in
 * it: each sample below its HELP and TYPE, names and labels valid and never twice, values numbers,
 * histograms cumulative and in agreement with their counts.
 *
 *   ferry_fs_expose(loop, pool, exposition_collect, &text);
 *   exposition_read();
 *   exposition_value("ferry_lane_queued", "lane=\"fs\"")    "0"; "none" if there is no such sample
 *
 * mbstowcs() says what is UTF-8: the locale must be one.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was written ---- */

static struct exposition_text {
	char bytes[1 << 22];
	size_t length;
	unsigned long pieces, most;
} text;

static inline int exposition_collect(void *user, const char *piece, size_t length)
{
	if (user != &text || !length || text.length + length >= sizeof(text.bytes))
		abort();
	if (text.most && text.pieces == text.most)
		return -77;
	text.pieces++;
	memcpy(text.bytes + text.length, piece, length);
	text.length += length;
	text.bytes[text.length] = 0;
	return 1;
}

/* ---- read again, strictly ---- */

struct exposition_sample {
	char *name, *labels, *value; /* labels without le and braces */
	char *le;                    /* of a bucket */
};
static struct exposition_sample samples[50000];
static size_t count, exposition_used;
static char exposition_family[128], exposition_type[16];

static inline const char *exposition_skip_name(const char *at, const char *also)
{
	if (isdigit((unsigned char)*at))
		return at;
	while (isalnum((unsigned char)*at) || (*at && strchr(also, *at)))
		at++;
	return at;
}

/* A copy, until the next text is read. */
static inline char *exposition_cut(const char *from, const char *to)
{
	static char copies[sizeof(text.bytes)];
	size_t length = (size_t)(to - from);
	char *copy;

	copy = copies + exposition_used;
	cr_assert_lt(exposition_used + length + 1, sizeof(copies));
	memcpy(copy, from, length);
	copy[length] = 0;
	exposition_used += length + 1;
	return copy;
}

/* One name="value"; its value is put behind what is in labels, with its name, unless it is le. */
static inline const char *exposition_read_label(const char *at, struct exposition_sample *sample)
{
	const char *begun = at, *name = exposition_skip_name(at, "_"), *value;
	static wchar_t wide[8192];
	char *whole;

	cr_assert(name > at && name[0] == '=' && name[1] == '"', "no label at %.80s", begun);
	for (at = value = name + 2; *at != '"'; at++) {
		cr_assert(*at && *at != '\n', "no end of %.80s", begun);
		if (*at == '\\')
			cr_assert(strchr("\\\"n", *++at), "an escape that is none: %.80s", begun);
	}
	whole = exposition_cut(begun, at + 1);
	cr_assert_neq(mbstowcs(wide, whole, 8192), (size_t)-1, "no UTF-8: %s", whole);
	if (!strncmp(begun, "le=", 3)) {
		cr_assert_null(sample->le);
		sample->le = exposition_cut(value, at);
	} else {
		char joined[8192];

		cr_assert(!*sample->labels || !strstr(sample->labels, exposition_cut(begun, value)),
			  "twice: %s", whole);
		snprintf(joined, sizeof(joined), "%s%s%s", sample->labels,
			 *sample->labels ? "," : "", whole);
		sample->labels = exposition_cut(joined, joined + strlen(joined));
	}
	return at + 1;
}

static inline const char *exposition_read_labels(const char *at, struct exposition_sample *sample)
{
	sample->labels = exposition_cut(at, at);
	if (*at != '{')
		return at;
	do
		at = exposition_read_label(at + 1, sample);
	while (*at == ',');
	cr_assert_eq(*at, '}', "no end of labels at %.80s", at);
	return at + 1;
}

/* Is it of the family that was declared last, in one of the forms of its type? */
static inline void exposition_check_family(const char *name, bool has_le)
{
	const char *suffix = name + strlen(exposition_family);

	cr_assert(*exposition_family && *exposition_type, "neither HELP nor TYPE before %s", name);
	cr_assert_eq(strncmp(name, exposition_family, strlen(exposition_family)), 0, "%s below %s",
		     name, exposition_family);
	if (strcmp(exposition_type, "histogram") != 0) {
		cr_assert(!*suffix && !has_le, "%s below %s", name, exposition_family);
		return;
	}
	cr_assert(!strcmp(suffix, "_bucket") || !strcmp(suffix, "_sum") ||
			  !strcmp(suffix, "_count"),
		  "%s below %s", name, exposition_family);
	cr_assert_eq(has_le, !strcmp(suffix, "_bucket"));
}

static inline void exposition_read_sample(const char *at, const char *newline)
{
	struct exposition_sample *sample = &samples[count];
	const char *name = exposition_skip_name(at, "_:"), *value;

	cr_assert_lt(count, sizeof(samples) / sizeof(*samples));
	*sample = (struct exposition_sample){ .name = exposition_cut(at, name) };
	cr_assert_gt(name, at, "no name at %.80s", at);
	at = exposition_read_labels(name, sample);
	exposition_check_family(sample->name, sample->le != NULL);
	cr_assert(at[0] == ' ' && isdigit((unsigned char)at[1]), "no value at %.80s", at);
	for (value = ++at; isdigit((unsigned char)*at);)
		at++;
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	cr_assert_eq(at, newline, "more than a value: %.80s", value);
	sample->value = exposition_cut(value, at);
	for (size_t i = count; i-- > 0 && !strcmp(samples[i].name, sample->name);)
		cr_assert(strcmp(samples[i].labels, sample->labels) != 0 ||
				  strcmp(samples[i].le ? samples[i].le : "",
					 sample->le ? sample->le : "") != 0,
			  "twice: %s{%s}", sample->name, sample->labels);
	count++;
}

static inline void exposition_read_comment(const char *at, const char *newline)
{
	static char known[200][128];
	static unsigned families;
	const char *name = at + 7, *name_end = exposition_skip_name(name, "_:");
	char *what = exposition_cut(name, name_end), *rest;

	if (!count && !*exposition_family)
		families = 0;
	cr_assert(name_end > name && *name_end == ' ' && name_end + 1 < newline, "%.80s", at);
	rest = exposition_cut(name_end + 1, newline);
	if (!strncmp(at, "# HELP ", 7)) {
		for (unsigned i = 0; i < families; i++)
			cr_assert_str_neq(known[i], what, "a name twice");
		cr_assert(!*exposition_family || *exposition_type, "no TYPE of %s",
			  exposition_family);
		cr_assert_null(strchr(rest, '\\'));
		strcpy(exposition_family, what);
		strcpy(known[families++], what);
		*exposition_type = 0;
		return;
	}
	cr_assert_eq(strncmp(at, "# TYPE ", 7), 0, "%.80s", at);
	cr_assert_str_eq(what, exposition_family);
	cr_assert(!*exposition_type, "a TYPE twice");
	cr_assert(!strcmp(rest, "counter") || !strcmp(rest, "gauge") || !strcmp(rest, "histogram"));
	cr_assert_eq(!strcmp(rest, "counter"),
		     strlen(what) > 6 && !strcmp(what + strlen(what) - 6, "_total"), "%s", what);
	strcpy(exposition_type, rest);
}

static inline bool exposition_is_called(const struct exposition_sample *sample, const char *begins,
					const char *ends)
{
	size_t length = strlen(begins);

	return !strncmp(sample->name, begins, length) && !strcmp(sample->name + length, ends);
}

/* Buckets of one histogram, from the first: cumulative, up to all, then sum and count. */
static inline size_t exposition_check_histogram(size_t i)
{
	char *name = exposition_cut(samples[i].name, samples[i].name + strlen(samples[i].name) - 7);
	const char *labels = samples[i].labels;
	double bound = -1;
	unsigned long before = 0;

	for (;; i++) {
		unsigned long value = strtoul(samples[i].value, NULL, 10);
		bool is_last = !strcmp(samples[i].le, "+Inf");

		cr_assert(exposition_is_called(&samples[i], name, "_bucket") &&
			  !strcmp(samples[i].labels, labels));
		cr_assert(is_last || atof(samples[i].le) > bound, "le=%s", samples[i].le);
		cr_assert_geq(value, before);
		cr_assert_null(strchr(samples[i].value, '.'));
		before = value;
		if (is_last)
			break;
		bound = atof(samples[i].le);
		cr_assert(i + 3 < count && samples[i + 1].le, "no +Inf");
	}
	cr_assert(exposition_is_called(&samples[i + 1], name, "_sum"));
	cr_assert_str_eq(samples[i + 1].labels, labels);
	cr_assert(exposition_is_called(&samples[i + 2], name, "_count"));
	cr_assert_str_eq(samples[i + 2].labels, labels);
	cr_assert_str_eq(samples[i + 2].value, samples[i].value);
	return i + 3;
}

/* Reads what was collected into samples. */
static inline void exposition_read(void)
{
	const char *at = text.bytes;

	count = exposition_used = 0;
	*exposition_family = *exposition_type = 0;
	while (*at) {
		const char *newline = strchr(at, '\n');

		cr_assert(newline && newline > at, "an empty line, or one without an end");
		if (*at == '#')
			exposition_read_comment(at, newline);
		else
			exposition_read_sample(at, newline);
		at = newline + 1;
	}
	cr_assert(*exposition_type, "no TYPE of %s", exposition_family);
	for (size_t i = 0; i < count;)
		i = samples[i].le ? exposition_check_histogram(i) : i + 1;
}

static inline const char *exposition_value(const char *name, const char *labels)
{
	for (size_t i = 0; i < count; i++)
		if (!samples[i].le && !strcmp(samples[i].name, name) &&
		    !strcmp(samples[i].labels, labels))
			return samples[i].value;
	return "none";
}

static inline const char *exposition_bucket(const char *name, const char *labels, const char *le)
{
	for (size_t i = 0; i < count; i++)
		if (samples[i].le && !strcmp(samples[i].le, le) && !strcmp(samples[i].name, name) &&
		    !strcmp(samples[i].labels, labels))
			return samples[i].value;
	return "none";
}

static inline const char *exposition_number(uint64_t number)
{
	static char said[24];

	snprintf(said, sizeof(said), "%llu", (unsigned long long)number);
	return said;
}

static inline size_t exposition_samples_of(const char *name)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += !strcmp(samples[i].name, name);
	return found;
}

#endif
