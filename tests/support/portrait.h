/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_PORTRAIT_H
#define SUPPORT_PORTRAIT_H
/*
 * What lies below a folder, as text: two of them look the same if the same was done to both.
 *
 *   char text[PORTRAIT_ROOM];
 *   portrait_of("/tmp/folder", text);
 *
 * One line for each name, in their order: what it is, mode, owner, how many names it has, size and
 * content, or what a link tells; and the times of what was given old ones. Nothing of when a call
 * was made.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORTRAIT_ROOM 16384
/* In 2017: older times were set by the test. */
#define PORTRAIT_OLD_SECONDS 1500000000

struct portrait {
	char *text;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static inline void portrait_add(struct portrait *portrait,
								      const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(portrait->text + portrait->used, PORTRAIT_ROOM - portrait->used, format,
			   arguments);
	va_end(arguments);
	if (length < 0 || portrait->used + (size_t)length >= PORTRAIT_ROOM) {
		fprintf(stderr, "portrait: it has no room\n");
		abort();
	}
	portrait->used += (size_t)length;
}

static inline void portrait_add_time(struct portrait *portrait, const char *which,
				     struct timespec time)
{
	if (time.tv_sec < PORTRAIT_OLD_SECONDS)
		portrait_add(portrait, " %s %lld.%09ld", which, (long long)time.tv_sec,
			     time.tv_nsec);
}

static inline void portrait_add_content(struct portrait *portrait, const char *path)
{
	char content[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME | O_NONBLOCK);
	ssize_t length;

	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	length = fd < 0 ? -1 : read(fd, content, sizeof(content));
	if (fd >= 0)
		close(fd);
	if (length < 0)
		portrait_add(portrait, " cannot be read");
	for (ssize_t i = 0; i < length; i++)
		portrait_add(portrait, content[i] >= ' ' ? " %c" : " %02x", content[i]);
}

static inline void portrait_add_folder(struct portrait *portrait, const char *path,
				       const char *name);

static inline void portrait_add_one(struct portrait *portrait, const char *path, const char *name)
{
	struct stat status;
	char told[512];
	ssize_t length;

	if (lstat(path, &status)) {
		portrait_add(portrait, "%s: %s\n", name, strerror(errno));
		return;
	}
	/* How large a folder is, and how many names it has, is its filesystem's business. */
	portrait_add(portrait, "%s: %o of %u %u", name, status.st_mode, status.st_uid,
		     status.st_gid);
	portrait_add_time(portrait, "accessed", status.st_atim);
	portrait_add_time(portrait, "modified", status.st_mtim);
	if (!S_ISDIR(status.st_mode))
		portrait_add(portrait, " %u names %lld bytes:", (unsigned)status.st_nlink,
			     (long long)status.st_size);
	if (S_ISREG(status.st_mode))
		portrait_add_content(portrait, path);
	length = S_ISLNK(status.st_mode) ? readlink(path, told, sizeof(told)) : 0;
	portrait_add(portrait, " %.*s\n", (int)length, told);
	if (S_ISDIR(status.st_mode))
		portrait_add_folder(portrait, path, name);
}

static inline void portrait_add_folder(struct portrait *portrait, const char *path,
				       const char *name)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	if (count < 0)
		portrait_add(portrait, "%s: %s\n", name, strerror(errno));
	for (int i = 0; i < count; i++) {
		char below[1024], below_name[1024];
		const char *entry = entries[i]->d_name;

		snprintf(below, sizeof(below), "%s/%s", path, entry);
		snprintf(below_name, sizeof(below_name), "%s/%s", name, entry);
		if (strcmp(entry, ".") && strcmp(entry, ".."))
			portrait_add_one(portrait, below, below_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static inline void portrait_of(const char *path, char *text)
{
	struct portrait portrait = { text, 0 };

	*text = 0;
	portrait_add_one(&portrait, path, "");
}

#endif
