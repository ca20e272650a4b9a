/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which filesystems the kernel answers for by itself.
 *
 * Called on a worker, once for each mount of a table that is read (lib/fs/mounts.c); a request
 * on that mount is tried inline, or goes to the pool, by what is said here. Invariant (S1): only
 * what is known to be local is so; whatever else there is, or will be, can wait for another.
 */
#include "fs/mount_class.h"

#include <stdlib.h>
#include <string.h>

/*
 * Their attributes come from this kernel. The names are sorted, for bsearch(). Opened inline are
 * the files of disks and of memory, and those of an overlay, which are theirs; not what a driver
 * or a part of the kernel makes up when it is opened, which may run anything.
 * An overlay of layers that are remote, or a disk that is behind a network, has no name of its
 * own: that such a mount is slow is found by timing it (S2).
 *
 * Left out on purpose, though the kernel has them: fuse*, nfs*, cifs, smb3, ceph, 9p, afs, coda,
 * virtiofs, vboxsf, orangefs, lustre, gfs2 and ocfs2 (a lock of the cluster), autofs and
 * binder, whose answers are another's; ecryptfs, which asks the filesystem below it.
 */
static const struct known {
	const char *type;
	bool open_inline;
} local[] = {
	{ "adfs", true },        { "affs", true },       { "anon_inodefs", false },
	{ "apparmorfs", false }, { "bcachefs", true },   { "bdev", false },
	{ "befs", true },        { "bfs", true },        { "binfmt_misc", false },
	{ "bpf", false },        { "btrfs", true },      { "cgroup", false },
	{ "cgroup2", false },    { "configfs", false },  { "cpuset", false },
	{ "cramfs", true },      { "dax", false },       { "debugfs", false },
	{ "devpts", false },     { "devtmpfs", false },  { "dmabuf", false },
	{ "efivarfs", false },   { "efs", true },        { "erofs", true },
	{ "exfat", true },       { "ext2", true },       { "ext3", true },
	{ "ext4", true },        { "f2fs", true },       { "fusectl", false },
	{ "hfs", true },         { "hfsplus", true },    { "hpfs", true },
	{ "hugetlbfs", true },   { "iso9660", true },    { "jffs2", true },
	{ "jfs", true },         { "minix", true },      { "mqueue", false },
	{ "msdos", true },       { "nilfs2", true },     { "nsfs", false },
	{ "ntfs3", true },       { "omfs", true },       { "overlay", true },
	{ "pidfs", false },      { "pipefs", false },    { "proc", false },
	{ "pstore", false },     { "qnx4", true },       { "qnx6", true },
	{ "ramfs", true },       { "reiserfs", true },   { "resctrl", false },
	{ "romfs", true },       { "rootfs", true },     { "secretmem", false },
	{ "securityfs", false }, { "selinuxfs", false }, { "smackfs", false },
	{ "sockfs", false },     { "squashfs", true },   { "sysfs", false },
	{ "sysv", true },        { "tmpfs", true },      { "tracefs", false },
	{ "ubifs", true },       { "udf", true },        { "ufs", true },
	{ "vfat", true },        { "xfs", true },        { "zfs", true },
	{ "zonefs", true },
};

static int compare(const void *type, const void *known)
{
	return strcmp(type, ((const struct known *)known)->type);
}

enum mount_class mount_class_of(const char *type, bool *open_inline)
{
	const struct known *known =
		bsearch(type, local, sizeof(local) / sizeof(*local), sizeof(*local), compare);

	*open_inline = known && known->open_inline;
	return known ? MOUNT_LOCAL : MOUNT_REMOTE;
}
