/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths. evhttp decodes; what comes of that is taken apart here, once: so "%2e%2e%2f" is "../", and
 * "%252e" is a name that has a '%' in it.
 *
 * This keeps nobody below the root: the kernel does (openat2). It makes one spelling of many, and
 * refuses what nobody means who asks for a file.
 */
#include "httpd-path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/http.h>

static const char index_name[] = "index.html";

/* Its parts, one after the other, with one slash between two. False if one leads upward. */
static bool path_join(struct path *path, const char *decoded)
{
	char *to = path->text;

	while (*decoded) {
		size_t length = strcspn(decoded, "/");
		bool is_dot = length == 1 && decoded[0] == '.';

		if (length == 2 && decoded[0] == '.' && decoded[1] == '.')
			return false;
		if (length > 0 && !is_dot) {
			if (to > path->text)
				*to++ = '/';
			memcpy(to, decoded, length);
			to += length;
		}
		decoded += length;
		path->is_folder = *decoded == '/' || is_dot;
		decoded += strspn(decoded, "/");
	}
	if (to == path->text)
		*to++ = '.';
	*to = 0;
	path->length = (size_t)(to - path->text);
	return true;
}

int path_read(struct path *path, const char *target)
{
	size_t before_query = strcspn(target, "?#"), length;
	char *encoded, *decoded;
	int error = 0;

	*path = (struct path){ .text = NULL };
	if (target[0] != '/')
		return -EINVAL;
	encoded = strndup(target, before_query);
	decoded = encoded ? evhttp_uridecode(encoded, 0, &length) : NULL;
	free(encoded);
	/* Room for "." and for the index. */
	path->text = decoded ? malloc(length + 2 + sizeof(index_name)) : NULL;
	if (!path->text)
		error = -ENOMEM;
	else if (strlen(decoded) != length || !path_join(path, decoded))
		error = -EINVAL;
	free(decoded);
	return error;
}

void path_end(struct path *path)
{
	free(path->text);
	path->text = NULL;
}

void path_add_index(struct path *path)
{
	path->text[path->length] = '/';
	strcpy(path->text + path->length + 1, index_name);
	path->has_index = true;
}

void path_remove_index(struct path *path)
{
	path->text[path->length] = 0;
	path->has_index = false;
}

/* ---- back ---- */

/* Has it only what a header may have? What evhttp lets through is more than that. */
static bool is_fit(const char *query)
{
	for (; *query; query++) {
		if (*query <= ' ' || *query > '~')
			return false;
	}
	return true;
}

static bool location_add(FILE *location, const char *part, size_t length)
{
	char *encoded = evhttp_uriencode(part, (ev_ssize_t)length, 0);

	if (!encoded)
		return false;
	fprintf(location, "%s/", encoded);
	free(encoded);
	return true;
}

char *path_location(const struct path *path, const char *target)
{
	const char *part = path->text, *query = target + strcspn(target, "?");
	char *text = NULL;
	size_t bytes;
	FILE *location = open_memstream(&text, &bytes);
	bool complete = location != NULL;

	if (!location)
		return NULL;
	/* One slash: with two it would be the name of another host. */
	fputc('/', location);
	while (complete && *part) {
		size_t length = strcspn(part, "/");

		complete = location_add(location, part, length);
		part += length + (part[length] == '/');
	}
	if (is_fit(query))
		fputs(query, location);
	if (fclose(location) != 0 || !complete) {
		free(text);
		return NULL;
	}
	return text;
}
