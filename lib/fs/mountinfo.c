/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/thread-self/mountinfo: who is mounted where, on every kernel.
 *
 * Read on a worker where the kernel, or a filter, has no statmount() (lib/fs/statmount.c comes
 * first; the table after it). It asks no filesystem either, and both give the same table but for
 * the ids. Invariant: a text of any kind adds whole mounts or none.
 *
 *   36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *
 * A blank ends each field, which may be empty; blanks within are \040, in three octal digits.
 */
#include "fs/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/memory.h"

#define READ_LEAST 4096

/* Takes the next field off the front of *@rest; NULL: there is none. */
static char *take_field(char **rest)
{
	char *field = *rest, *end;

	if (!field)
		return NULL;
	end = strchr(field, ' ');
	if (end)
		*end++ = 0;
	*rest = end;
	return field;
}

/* Decimal digits up to @end, and not beyond @most. */
static bool read_number(const char *digits, char end, uint64_t most, uint64_t *ret,
			const char **rest)
{
	uint64_t number = 0;
	const char *at = digits;

	for (; *at >= '0' && *at <= '9'; at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (at == digits || *at != end)
		return false;
	*ret = number;
	*rest = at + 1;
	return true;
}

static bool read_id(const char *field, uint64_t *ret)
{
	const char *rest;

	return field && read_number(field, 0, UINT32_MAX, ret, &rest);
}

static bool read_device(const char *field, uint64_t *ret)
{
	uint64_t major, minor;

	if (!field || !read_number(field, ':', UINT32_MAX, &major, &field) ||
	    !read_number(field, 0, UINT32_MAX, &minor, &field))
		return false;
	*ret = makedev((unsigned)major, (unsigned)minor);
	return true;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* In place: \040 is a blank. What is no escape stays as it is, and so does \000. */
static void decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && is_octal(from[2]) &&
		    is_octal(from[3]) && strncmp(from + 1, "000", 3)) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				       (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = 0;
}

static int parse_line(struct mount_list *list, char *line)
{
	struct mount_entry told = { .id = 0 };
	char *rest = line, *point, *type, *options, *field;
	bool good = read_id(take_field(&rest), &told.id);

	good = good && read_id(take_field(&rest), &told.parent);
	good = good && read_device(take_field(&rest), &told.device);
	good = good && take_field(&rest); /* which directory of it is mounted */
	point = take_field(&rest);
	if (!good || !point || *point != '/' || !take_field(&rest))
		return 0;
	/* However many optional fields. */
	do {
		field = take_field(&rest);
	} while (field && strcmp(field, "-"));
	type = take_field(&rest);
	if (!type || !*type || !take_field(&rest)) /* the source may be empty */
		return 0;
	options = take_field(&rest);
	if (!options)
		return 0;
	told.read_only = !strncmp(options, "ro", 2) && (!options[2] || options[2] == ',');
	decode(type);
	decode(point);
	return mount_list_add(list, &told, type, point);
}

int mountinfo_parse(struct mount_list *list, char *text, size_t length)
{
	char *end = text + length;
	int error = 0;

	while (!error && text < end) {
		char *line = text, *line_end = memchr(text, '\n', (size_t)(end - text));

		if (!line_end)
			break; /* not whole */
		*line_end = 0;
		text = line_end + 1;
		if (!memchr(line, 0, (size_t)(line_end - line)))
			error = parse_line(list, line);
	}
	return error;
}

/* All of it; *@text is what memory_free() is for, whatever is returned. */
static int read_all(int fd, char **text, size_t *length)
{
	size_t room = 0;

	for (;;) {
		char *larger = mount_list_grow(*text, *length, &room, *length + READ_LEAST);
		ssize_t got;

		if (!larger)
			return -ENOMEM;
		*text = larger;
		got = read(fd, *text + *length, room - *length);
		if (got == 0)
			return 0;
		if (got > 0)
			*length += (size_t)got;
		else if (errno != EINTR)
			return -errno;
	}
}

int mountinfo_read(struct mount_list *list)
{
	int fd = open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t length = 0;
	int error;

	if (fd < 0)
		return -errno;
	error = read_all(fd, &text, &length);
	close(fd);
	if (!error)
		error = mountinfo_parse(list, text, length);
	memory_free(text);
	return error;
}
