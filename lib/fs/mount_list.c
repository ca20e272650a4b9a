/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts as they are told.
 *
 * Filled on a worker, by one of the two who know (lib/fs/statmount.c, lib/fs/mountinfo.c), and
 * made a table of (lib/fs/mounts.c). Invariant: a list that cannot grow is as it was (E3).
 */
#include "fs/mount_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void *mount_list_grow(void *memory, size_t used, size_t *bytes, size_t wanted)
{
	size_t room = *bytes ? *bytes : 4096;
	void *larger;

	while (room < wanted)
		room *= 2;
	if (memory && room == *bytes)
		return memory;
	larger = memory_new(room);
	if (!larger)
		return NULL;
	if (used)
		memcpy(larger, memory, used);
	memory_free(memory);
	*bytes = room;
	return larger;
}

static int make_room(struct mount_list *list, size_t point_bytes)
{
	size_t used = list->count * sizeof(*list->entries);
	struct mount_entry *entries =
		mount_list_grow(list->entries, used, &list->room, used + sizeof(*list->entries));
	char *points;

	if (!entries)
		return -ENOMEM;
	list->entries = entries;
	points = mount_list_grow(list->points, list->used, &list->space, list->used + point_bytes);
	if (!points)
		return -ENOMEM;
	list->points = points;
	return 0;
}

int mount_list_add(struct mount_list *list, const struct mount_entry *told, const char *type,
		   const char *point)
{
	size_t length = strlen(point);
	struct mount_entry *entry;
	int error = make_room(list, length + 1);

	if (error)
		return error;
	entry = &list->entries[list->count++];
	*entry = *told;
	entry->class = mount_class_of(type, &entry->open_inline);
	snprintf(entry->type, sizeof(entry->type), "%s", type);
	entry->point = NULL;
	entry->point_length = length;
	memcpy(list->points + list->used, point, length + 1);
	list->used += length + 1;
	return 0;
}

void mount_list_clear(struct mount_list *list)
{
	memory_free(list->entries);
	memory_free(list->points);
	memset(list, 0, sizeof(*list));
}
