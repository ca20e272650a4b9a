/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counted in /proc/self/fd, limited by RLIMIT_NOFILE. */
#include "walk-descriptors.h"

#include <dirent.h>
#include <stddef.h>
#include <sys/resource.h>

long descriptors_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	long count = 0;

	if (!directory)
		return -1;
	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 3; /* ".", ".." and the directory's own */
}

unsigned long descriptors_allow(unsigned long wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return wanted;
	if (limit.rlim_cur < wanted) {
		rlim_t before = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = before;
	}
	return limit.rlim_cur;
}
