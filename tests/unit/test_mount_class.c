/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which filesystems are the kernel's own, by their names. */
#include <criterion/criterion.h>

#include "fs/mount_class.h"

TestSuite(mount_class, .timeout = 30);

static bool open_inline;

static void check(const char *const *types, enum mount_class class, bool inlined)
{
	for (; *types; types++) {
		open_inline = !inlined;
		cr_expect_eq(mount_class_of(*types, &open_inline), class, "%s", *types);
		cr_expect_eq(open_inline, inlined, "%s", *types);
	}
}

Test(mount_class, disks_and_memory_are_local_and_their_files_opened_inline)
{
	static const char *const types[] = {
		"ext2",   "ext3",      "ext4",     "xfs",    "btrfs",   "f2fs",   "tmpfs",
		"ramfs",  "hugetlbfs", "squashfs", "erofs",  "overlay", "rootfs", "iso9660",
		"udf",    "vfat",      "msdos",    "exfat",  "ntfs3",   "hfs",    "hfsplus",
		"jfs",    "reiserfs",  "nilfs2",   "minix",  "ufs",     "zfs",    "bcachefs",
		"jffs2",  "ubifs",     "romfs",    "cramfs", "adfs",    "affs",   "befs",
		"bfs",    "efs",       "hpfs",     "omfs",   "qnx4",    "qnx6",   "sysv",
		"zonefs", NULL,
	};

	check(types, MOUNT_LOCAL, true);
}

Test(mount_class, S1_what_the_kernel_makes_up_is_local_but_not_opened_inline)
{
	static const char *const types[] = {
		"proc",         "sysfs",    "cgroup",   "cgroup2",   "cpuset",  "securityfs",
		"debugfs",      "tracefs",  "configfs", "pstore",    "bpf",     "mqueue",
		"binfmt_misc",  "devtmpfs", "devpts",   "nsfs",      "pipefs",  "sockfs",
		"anon_inodefs", "efivarfs", "fusectl",  "selinuxfs", "smackfs", "apparmorfs",
		"bdev",         "dax",      "dmabuf",   "pidfs",     "resctrl", "secretmem",
		NULL,
	};

	check(types, MOUNT_LOCAL, false);
}

Test(mount_class, S1_networks_daemons_and_hosts_are_remote_and_so_is_what_is_not_known)
{
	static const char *const types[] = {
		"fuse",     "fuseblk", "fuse.sshfs", "fuse.",  "fuseblk.ntfs", "nfs",
		"nfs4",     "cifs",    "smb3",       "smbfs",  "ncpfs",        "ceph",
		"9p",       "afs",     "coda",       "lustre", "gfs2",         "ocfs2",
		"orangefs", "autofs",  "virtiofs",   "vboxsf", "vmhgfs",       "prl_fs",
		"pvfs2",    "beegfs",  "glusterfs",  "davfs",  "gpfs",         "panfs",
		"ecryptfs", "aufs",    "shiftfs",    "nfsd",   "rpc_pipefs",   "binder",
		"",         "ext",     "ext5",       "EXT4",   "ext4 ",        "tmpfs.x",
		"xfs\n",    "zzz",     "\xff\xfe",   "0",      "none",         NULL,
	};

	check(types, MOUNT_REMOTE, false);
}
