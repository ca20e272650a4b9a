/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_PATH_H
#define HTTPD_PATH_H
/* Paths: from what stands in a request to a name below the root, and back. */
#include <stdbool.h>
#include <stddef.h>

/*
 * A path below the root: decoded, without empty parts, "." and "..", and without a slash in front.
 * The root itself is ".".
 */
struct path {
	char *text;
	size_t length;
	bool is_folder; /* there was a slash at the end */
	bool has_index; /* the name of its index is behind it now */
};

/*
 * Read the path of a request's target, which goes on to its '?', if there is one. 0, -ENOMEM, or
 * -EINVAL: there is no slash in front, a zero byte or a ".." in it.
 */
int path_read(struct path *path, const char *target);
void path_end(struct path *path);

/* Put the name of the index behind it, and take it away. */
void path_add_index(struct path *path);
void path_remove_index(struct path *path);

/*
 * The same path as a folder, encoded, for a header; with the query that @target has, if that is
 * fit for one. To be given to free(); NULL: no memory.
 */
char *path_location(const struct path *path, const char *target);

#endif
