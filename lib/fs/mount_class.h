/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_MOUNT_CLASS_H
#define FS_MOUNT_CLASS_H
/*
 * Who answers for the files of a filesystem, by its name alone.
 */
#include <stdbool.h>

enum mount_class {
	MOUNT_UNKNOWN, /* there is no such mount, or none was read */
	MOUNT_LOCAL,   /* this kernel, if need be from a disk of this machine */
	MOUNT_REMOTE,  /* a network, a daemon, the host of a virtual machine */
};

/*
 * @type: as mountinfo has it, "ext4", "fuse.sshfs". @open_inline: whether opening a file that
 * is in the kernel's caches runs nothing but the filesystem's own code, which waits for nobody.
 * A name that is not known is MOUNT_REMOTE: the cautious answer. Never MOUNT_UNKNOWN.
 */
enum mount_class mount_class_of(const char *type, bool *open_inline);

#endif
