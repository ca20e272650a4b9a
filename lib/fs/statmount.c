/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listmount() and statmount(): who is mounted where, told by the kernel without a text between.
 *
 * Called on a worker when a table is read (step "work" of its request); where it fails, mountinfo
 * is read instead. The C library's headers may be older than these calls: their structs stand
 * here. Invariant: statfs() and its kin, which ask the filesystem, are not called (S1).
 */
#include "fs/statmount.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/memory.h"

#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif

#define IDS_AT_ONCE 128
#define ROOT UINT64_MAX              /* LSMT_ROOT: all of the namespace */
#define SPACE_MOST ((size_t)1 << 20) /* for what one mount has of text */

/* STATMOUNT_...; of those that a kernel does not know it says nothing. */
enum { SUPER = 1, BASIC = 2, POINT = 0x10, TYPE = 0x20, SUBTYPE = 0x100 };

#define READ_ONLY 1 /* of super_flags: SB_RDONLY */

/* struct mnt_id_req, as it was first. */
struct question {
	uint32_t size, unused;
	uint64_t id;
	uint64_t argument; /* listmount: the last id that is known; statmount: what is wanted */
};

/* struct statmount; texts are told by where they begin in @text. */
struct answer {
	uint32_t size, options;
	uint64_t mask; /* what is there */
	uint32_t major, minor;
	uint64_t magic;
	uint32_t super_flags, type;
	uint64_t id, parent;
	uint32_t plain_id, plain_parent;
	uint64_t attributes, propagation, peers, master, from;
	uint32_t root, point;
	uint64_t namespace_id;
	uint32_t subtype, source;
	uint64_t unused[48];
	char text[];
};

_Static_assert(sizeof(struct answer) == 512, "the kernel's struct statmount");

/* Room for answers, as large as the longest so far. */
struct room {
	struct answer *answer;
	size_t bytes;
};

/* The next @ids: how many, or a negative errno. */
static long list_next(uint64_t last, uint64_t *ids)
{
	struct question question = { sizeof(question), 0, ROOT, last };
	long count = syscall(SYS_listmount, &question, ids, (size_t)IDS_AT_ONCE, 0);

	return count < 0 ? -errno : count;
}

static int grow(struct room *room)
{
	struct answer *answer;

	if (room->bytes >= SPACE_MOST)
		return -EOVERFLOW;
	answer = mount_list_grow(room->answer, 0, &room->bytes, room->bytes * 2);
	if (!answer)
		return -ENOMEM;
	room->answer = answer;
	return 0;
}

static int ask(uint64_t id, struct room *room)
{
	struct question question = { sizeof(question), 0, id,
				     SUPER | BASIC | POINT | TYPE | SUBTYPE };
	int error = room->answer ? 0 : grow(room);

	while (!error) {
		if (syscall(SYS_statmount, &question, room->answer, room->bytes, 0) == 0)
			return 0;
		error = errno == EOVERFLOW ? grow(room) : -errno;
	}
	return error;
}

/* "fuse" and its "sshfs" are "fuse.sshfs", as mountinfo has it. */
static void name_type(const struct answer *answer, char *name, size_t bytes)
{
	const char *subtype = answer->mask & SUBTYPE ? answer->text + answer->subtype : "";

	strncat(name, answer->text + answer->type, bytes - 1);
	if (!*subtype)
		return;
	strncat(name, ".", bytes - 1 - strlen(name));
	strncat(name, subtype, bytes - 1 - strlen(name));
}

static int add(struct mount_list *list, uint64_t id, const struct answer *answer)
{
	struct mount_entry told = { .id = id, .parent = answer->parent };
	char type[256] = "";

	/* What cannot be reached from the root directory of this process has no place. */
	if (~answer->mask & (SUPER | BASIC | POINT | TYPE) || answer->text[answer->point] != '/')
		return 0;
	told.device = makedev(answer->major, answer->minor);
	told.read_only = answer->super_flags & READ_ONLY;
	name_type(answer, type, sizeof(type));
	return mount_list_add(list, &told, type, answer->text + answer->point);
}

static int read_all(struct mount_list *mounts, uint64_t *ids, struct room *room)
{
	uint64_t last = 0;
	long count;

	while ((count = list_next(last, ids)) > 0) {
		for (long i = 0; i < count; i++) {
			int error = ask(ids[i], room);

			if (!error)
				error = add(mounts, ids[i], room->answer);
			if (error && error != -ENOENT) /* gone meanwhile */
				return error;
		}
		last = ids[count - 1];
	}
	return (int)count;
}

int statmount_read(struct mount_list *mounts)
{
	struct room room = { NULL, 0 };
	uint64_t *ids = memory_new(IDS_AT_ONCE * sizeof(*ids));
	int error = ids ? read_all(mounts, ids, &room) : -ENOMEM;

	memory_free(room.answer);
	memory_free(ids);
	return error;
}
