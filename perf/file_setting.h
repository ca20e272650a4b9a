/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_FILE_SETTING_H
#define PERF_FILE_SETTING_H
/*
 * A loop and a pool for file calls, for those who measure these. Open means that the loop
 * knows its mounts: before that nothing is answered inline.
 */
#include <ferry.h>

struct file_setting {
	ferry_pool *pool;
	ferry_loop *loop;
	ferry_fs_options options; /* of each call: the policy, and the root if one was opened */
	uint64_t hits;            /* so many there were at file_setting_begin() */
};

/** @depth as in ferry_fs_settings; 0: the default. */
void file_setting_open(struct file_setting *setting, unsigned threads, ferry_fs_policy policy,
		       unsigned depth);
/** Calls go below the directory from here on. */
void file_setting_go_below(struct file_setting *setting, const char *directory,
			   ferry_fs_trust trust);
void file_setting_close(struct file_setting *setting);

/** From here on hits are counted. */
void file_setting_begin(struct file_setting *setting);
/** Which part of so many calls were hits since. */
double file_setting_share_inline(const struct file_setting *setting, uint64_t calls);
/** Ends the case as one that cannot run here, unless there were so many since. */
void file_setting_expect_hits(const struct file_setting *setting, uint64_t hits);

#endif
