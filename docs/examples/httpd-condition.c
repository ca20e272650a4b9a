/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Validators and conditions. A tag is strong: two states of a file that differ in a byte have
 * different ones, as long as whoever wrote it did so at two times that the filesystem tells apart.
 */
#include "httpd-condition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include <event2/keyvalq_struct.h>

#include "httpd-date.h"

void validator_make(struct validator *validator, uint64_t inode, uint64_t size,
		    int64_t modified_ns, time_t now)
{
	snprintf(validator->tag, sizeof(validator->tag), "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
		 inode, size, (uint64_t)modified_ns);
	validator->modified = date_second(modified_ns);
	if (validator->modified > now)
		validator->modified = now;
}

/* ---- lists of tags ---- */

/* The next tag of a list, from its quote on; *@weak tells whether a W/ was in front of it. NULL:
 * there is none. */
static const char *tag_next(const char *list, bool *weak)
{
	list += strspn(list, " \t,");
	*weak = strncmp(list, "W/", 2) == 0;
	list += *weak ? 2 : 0;
	return *list == '"' ? list : NULL;
}

/* What stands behind a tag; NULL: it has no second quote. */
static const char *tag_end(const char *tag)
{
	const char *quote = strchr(tag + 1, '"');

	return quote ? quote + 1 : NULL;
}

/* Is the file's tag in a list? One that is weak counts only if @takes_weak. */
static bool tags_have(const char *list, const char *wanted, bool takes_weak)
{
	const char *tag, *end;
	bool weak;

	if (strcmp(list, "*") == 0)
		return true;
	while ((tag = tag_next(list, &weak)) != NULL && (end = tag_end(tag)) != NULL) {
		size_t length = (size_t)(end - tag);

		if ((takes_weak || !weak) && length == strlen(wanted) &&
		    memcmp(tag, wanted, length) == 0)
			return true;
		list = end;
	}
	return false;
}

/* ---- conditions ---- */

/* What the conditions say, one by one. A header may come in several lines. */
struct verdict {
	bool has_match, matches;
	bool has_none_match, none_matches;
	bool unmodified_fails, unchanged_since;
};

static void verdict_hear(struct verdict *verdict, const char *key, const char *value,
			 const struct validator *validator)
{
	time_t date;

	if (strcasecmp(key, "If-Match") == 0) {
		verdict->has_match = true;
		verdict->matches |= tags_have(value, validator->tag, false);
	} else if (strcasecmp(key, "If-None-Match") == 0) {
		verdict->has_none_match = true;
		verdict->none_matches |= tags_have(value, validator->tag, true);
	} else if (strcasecmp(key, "If-Unmodified-Since") == 0) {
		if (date_read(value, &date))
			verdict->unmodified_fails = validator->modified > date;
	} else if (strcasecmp(key, "If-Modified-Since") == 0) {
		if (date_read(value, &date))
			verdict->unchanged_since = validator->modified <= date;
	}
}

int condition_judge(const struct evkeyvalq *headers, const struct validator *validator)
{
	struct verdict verdict = { 0 };
	const struct evkeyval *header;

	TAILQ_FOREACH(header, headers, next) {
		if (strncasecmp(header->key, "If-", 3) == 0)
			verdict_hear(&verdict, header->key, header->value, validator);
	}
	/* A tag says more than a date: with one the date does not count. */
	if (verdict.has_match ? !verdict.matches : verdict.unmodified_fails)
		return 412;
	if (verdict.has_none_match ? verdict.none_matches : verdict.unchanged_since)
		return 304;
	return 200;
}

bool condition_allows_range(const char *if_range, const struct validator *validator, time_t now)
{
	time_t date;

	if (!if_range)
		return true;
	if (!date_read(if_range, &date))
		return strcmp(if_range, validator->tag) == 0;
	/* Within one second a file may have had two states. */
	return date == validator->modified && validator->modified < now;
}
