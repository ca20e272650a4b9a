/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many CPUs the process may really use: affinity, cut by its cgroup's quota.
 *
 * Called on any thread, when a pool or a loop is made (before the first step of any
 * request). Invariant: never less than 1, never more than the affinity mask allows;
 * whatever cannot be read limits nothing. A container's quota is the common case:
 * sizing by the machine's CPUs there makes threads that are throttled together.
 */
#include <ferry/base.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned affinity(void)
{
	/* A mask that is too small for the machine is refused: grow until it fits. */
	for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
		cpu_set_t *mask = CPU_ALLOC((size_t)cpus);
		size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
		int count = 0;

		if (!mask)
			return 1;
		if (sched_getaffinity(0, bytes, mask) == 0)
			count = CPU_COUNT_S(bytes, mask);
		CPU_FREE(mask);
		if (count > 0)
			return (unsigned)count;
	}
	return 1;
}

/* The first line of a small file; false if there is none. */
static int read_line(const char *path, char *line, int room)
{
	FILE *file = fopen(path, "re");
	int got = file && fgets(line, room, file);

	if (file)
		fclose(file);
	return got;
}

/* Quota over period, rounded up; UINT_MAX: no limit. */
static unsigned quota_of(long long quota, long long period)
{
	if (quota <= 0 || period <= 0)
		return UINT_MAX;
	quota = quota / period + (quota % period != 0);
	return quota > UINT_MAX ? UINT_MAX : (unsigned)quota;
}

static unsigned quota_version_2(const char *folder)
{
	char path[PATH_MAX + 32], line[128];
	long long quota, period;

	snprintf(path, sizeof(path), "%s/cpu.max", folder);
	/* "max 100000" does not scan as a number, and limits nothing. */
	if (!read_line(path, line, sizeof(line)) || sscanf(line, "%lld %lld", &quota, &period) != 2)
		return UINT_MAX;
	return quota_of(quota, period);
}

static unsigned quota_version_1(const char *folder)
{
	char path[PATH_MAX + 32], line[128];
	long long quota, period;

	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
	if (!read_line(path, line, sizeof(line)))
		return UINT_MAX;
	quota = atoll(line);
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
	if (!read_line(path, line, sizeof(line)))
		return UINT_MAX;
	period = atoll(line);
	return quota_of(quota, period);
}

/* The smallest quota from the process's own group up to the root of the hierarchy. */
static unsigned quota_upward(const char *root, const char *group,
			     unsigned (*quota_in)(const char *))
{
	char folder[PATH_MAX];
	unsigned smallest = UINT_MAX;
	int length = snprintf(folder, sizeof(folder), "%s%s", root, group);

	if (length < 0 || (size_t)length >= sizeof(folder))
		return UINT_MAX;
	for (;;) {
		unsigned quota = quota_in(folder);
		char *slash;

		if (quota < smallest)
			smallest = quota;
		slash = strrchr(folder + strlen(root), '/');
		if (!slash)
			return smallest;
		*slash = 0;
	}
}

/* Is that controller one of several, parted by commas? "cpuset" is not "cpu". */
static bool is_listed(const char *controllers, const char *name)
{
	size_t length = strlen(name);

	for (;;) {
		size_t one = strcspn(controllers, ",");

		if (one == length && !strncmp(controllers, name, length))
			return true;
		if (!controllers[one])
			return false;
		controllers += one + 1;
	}
}

/* A line of /proc/self/cgroup is "number:controllers:path"; version 2 has no controllers. */
static unsigned quota(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 128];
	unsigned smallest = UINT_MAX;

	while (file && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':'), *group;
		unsigned found = UINT_MAX;

		group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = 0;
		group[strcspn(group, "\n")] = 0;
		if (!controllers[1])
			found = quota_upward("/sys/fs/cgroup", group, quota_version_2);
		else if (is_listed(controllers + 1, "cpu"))
			found = quota_upward("/sys/fs/cgroup/cpu", group, quota_version_1);
		if (found < smallest)
			smallest = found;
	}
	if (file)
		fclose(file);
	return smallest;
}

unsigned ferry_cpu_count(void)
{
	unsigned cpus = affinity(), limit = quota();

	if (limit < cpus)
		cpus = limit;
	return cpus ? cpus : 1;
}
