/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of mounts.
 *
 * Made on a worker, out of a list that either source has filled; looked into on a loop's thread,
 * before a request is tried inline or submitted. Invariant (S1): a look reads this memory and
 * nothing else, in steps that grow with the path, not with the number of mounts.
 *
 * A place is a mount and a path in it. Looking for a path goes from the root directory's mount
 * to the one mounted on it at the first such name of the path, and so on, as the kernel does:
 * what lies below a place that another mount has covered since is not found.
 */
#include "fs/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "fs/mountinfo.h"
#include "fs/statmount.h"

/* FNV-1a, a byte at a time: each name of a path goes on where the one before ended. */
#define HASH_START 14695981039346656037u

static uint64_t hash_on(uint64_t hash, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
	return hash;
}

static size_t bucket_of(const struct mounts *mounts, uint64_t id, uint64_t hash)
{
	return (size_t)(((hash ^ id) * 0x9e3779b97f4a7c15u) >> (64 - mounts->bits));
}

const struct mount_entry *mounts_by_id(const struct mounts *mounts, uint64_t id)
{
	uint32_t next = mounts->by_id[bucket_of(mounts, id, 0)];

	while (next) {
		const struct mount_entry *entry = &mounts->entries[next - 1];

		if (entry->id == id)
			return entry;
		next = entry->next_by_id;
	}
	return NULL;
}

/* What is mounted on the mount @parent at the path of so many bytes; the latest first. */
static const struct mount_entry *find_place(const struct mounts *mounts, uint64_t parent,
					    const char *path, size_t length, uint64_t hash)
{
	uint32_t next = mounts->by_place[bucket_of(mounts, parent, hash)];

	while (next) {
		const struct mount_entry *entry = &mounts->entries[next - 1];

		if (entry->parent == parent && entry->point_length == length &&
		    !memcmp(entry->point, path, length))
			return entry;
		next = entry->next_by_place;
	}
	return NULL;
}

/* ---- a path ---- */

/* Takes the last name away, and the "/" before it. */
static size_t drop_name(const char *path, size_t length)
{
	while (length && path[--length] != '/')
		;
	return length;
}

/* "/a/b" of "//a/./c/../b/", without the 0; "" of "/". How many bytes. */
static size_t clean(const char *path, char *to)
{
	size_t length = 0;

	while (*path) {
		const char *name = path + strspn(path, "/");
		size_t bytes = strcspn(name, "/");

		path = name + bytes;
		if (bytes == 0 || (bytes == 1 && name[0] == '.'))
			continue;
		if (bytes == 2 && name[0] == '.' && name[1] == '.') {
			length = drop_name(to, length);
			continue;
		}
		to[length++] = '/';
		memcpy(to + length, name, bytes);
		length += bytes;
	}
	return length;
}

const struct mount_entry *mounts_by_path(const struct mounts *mounts, const char *path)
{
	const struct mount_entry *found = mounts_by_id(mounts, mounts->root), *next;
	uint64_t at = mounts->root, hash = HASH_START;
	size_t length, done = 0, steps = mounts->count;
	char cleaned[PATH_MAX];

	if (*path != '/' || strnlen(path, PATH_MAX) == PATH_MAX)
		return NULL;
	length = clean(path, cleaned);
	while (done < length) {
		const char *slash = memchr(cleaned + done + 1, '/', length - done - 1);
		size_t end = slash ? (size_t)(slash - cleaned) : length;

		hash = hash_on(hash, cleaned + done, end - done);
		done = end;
		/* One may be on top of another; a table that goes in circles ends too. */
		while (steps && (next = find_place(mounts, at, cleaned, done, hash))) {
			steps--;
			found = next;
			at = next->id;
		}
	}
	return found;
}

/* ---- a path below a directory ---- */

/* Does absolute @path, cleaned, lead to @base or on from there? */
static bool is_under(const char *path, const char *base)
{
	size_t length = strcmp(base, "/") == 0 ? 0 : strlen(base);

	return !strncmp(path, base, length) && (!path[length] || path[length] == '/');
}

/* Is it mounted on @mount within @base, or on what is? One at @base or above covers the directory.
 * A table that goes in circles ends too. */
static bool is_mounted_in(const struct mounts *mounts, const struct mount_entry *entry,
			  const struct mount_entry *mount, const char *base)
{
	size_t steps = mounts->count, length = strlen(base);

	while (entry && entry != mount && steps-- && entry->point_length > length &&
	       is_under(entry->point, base))
		entry = mounts_by_id(mounts, entry->parent);
	return entry == mount;
}

const struct mount_entry *mounts_below(const struct mounts *mounts, const struct mount_entry *mount,
				       const char *base, const char *path)
{
	const struct mount_entry *found;
	char joined[PATH_MAX], cleaned[PATH_MAX];
	int length = snprintf(joined, sizeof(joined), "%s/%s", base, path);

	if (length < 0 || (size_t)length >= sizeof(joined))
		return mount;
	cleaned[clean(joined, cleaned)] = 0;
	if (!is_under(cleaned, base))
		return mount;
	found = mounts_by_path(mounts, joined);
	return is_mounted_in(mounts, found, mount, base) ? found : mount;
}

bool mounts_any_remote_below(const struct mounts *mounts, const struct mount_entry *mount,
			     const char *base)
{
	if (!mounts->any_remote)
		return false;
	for (size_t i = 0; i < mounts->count; i++) {
		const struct mount_entry *entry = &mounts->entries[i];

		if (entry != mount && entry->class == MOUNT_REMOTE &&
		    is_mounted_in(mounts, entry, mount, base))
			return true;
	}
	return false;
}

/* ---- making it ---- */

static size_t length_of(const struct mount_list *list, unsigned bits)
{
	return sizeof(struct mounts) + list->count * sizeof(struct mount_entry) +
	       2 * (sizeof(uint32_t) << bits) + list->used;
}

static struct mounts *lay_out(const struct mount_list *list)
{
	struct mounts *mounts;
	unsigned bits = 1;

	while (list->count >> bits)
		bits++;
	mounts = memory_new_zeroed(length_of(list, bits));
	if (!mounts)
		return NULL;
	mounts->count = list->count;
	mounts->bits = bits;
	mounts->entries = (struct mount_entry *)(mounts + 1);
	mounts->by_id = (uint32_t *)(mounts->entries + list->count);
	mounts->by_place = mounts->by_id + ((size_t)1 << bits);
	return mounts;
}

/* The latest comes first in its bucket. */
static void insert(struct mounts *mounts, uint32_t i)
{
	struct mount_entry *entry = &mounts->entries[i];
	uint64_t hash = hash_on(HASH_START, entry->point, entry->point_length);
	uint32_t *first = &mounts->by_id[bucket_of(mounts, entry->id, 0)];

	entry->next_by_id = *first;
	*first = i + 1;
	first = &mounts->by_place[bucket_of(mounts, entry->parent, hash)];
	entry->next_by_place = *first;
	*first = i + 1;
}

/*
 * What is mounted on none of the others is at the root directory, or on a mount of which the
 * process has but a directory for its root: that one is not listed, but all know its id.
 */
static uint64_t find_root(const struct mounts *mounts)
{
	uint64_t root = 0;

	for (size_t i = 0; i < mounts->count; i++) {
		const struct mount_entry *entry = &mounts->entries[i];

		if (entry->parent != entry->id && mounts_by_id(mounts, entry->parent))
			continue;
		if (entry->point_length == 1)
			return entry->id;
		root = entry->parent;
	}
	return root;
}

int mounts_new(const struct mount_list *list, bool unique, struct mounts **ret)
{
	struct mounts *mounts = lay_out(list);
	char *point;

	if (!mounts)
		return -ENOMEM;
	mounts->unique = unique;
	point = (char *)(mounts->by_place + ((size_t)1 << mounts->bits));
	if (list->count) {
		memcpy(mounts->entries, list->entries, list->count * sizeof(*list->entries));
		memcpy(point, list->points, list->used);
	}
	for (uint32_t i = 0; i < mounts->count; i++) {
		mounts->entries[i].point = point;
		point += mounts->entries[i].point_length + 1;
		mounts->any_remote |= mounts->entries[i].class == MOUNT_REMOTE;
		insert(mounts, i);
	}
	mounts->root = find_root(mounts);
	*ret = mounts;
	return 0;
}

int mounts_read(struct mounts **ret)
{
	struct mount_list list = { .count = 0 };
	bool unique = true;
	int error = statmount_read(&list);

	/* Whatever they say against it, the text may be there; not so for memory. */
	if (error && error != -ENOMEM) {
		mount_list_clear(&list);
		unique = false;
		error = mountinfo_read(&list);
	}
	if (!error)
		error = mounts_new(&list, unique, ret);
	mount_list_clear(&list);
	return error;
}

/* ---- changes ---- */

int mounts_watch_open(void)
{
	int fd = open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool mounts_watch_changed(int fd)
{
	struct pollfd watch = { .fd = fd, .events = POLLPRI };

	return poll(&watch, 1, 0) > 0 && watch.revents & POLLPRI;
}
