/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many CPUs the process may use: on this machine, and on machines made up here.
 *
 * cpu.c is compiled a second time, as counted_cpus(), with affinity and files that
 * the test makes up.
 */
#include <criterion/criterion.h>
#include <ferry/base.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(cpu, .timeout = 30);

static struct {
	int cpus;           /* in the affinity mask */
	size_t mask_bytes;  /* a smaller mask is refused, as by a machine with that many CPUs */
	bool no_memory;
	struct {
		const char *path, *text;
	} files[16];
} machine;

static int made_up_affinity(pid_t pid, size_t bytes, cpu_set_t *mask)
{
	(void)pid;
	if (bytes < machine.mask_bytes) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO_S(bytes, mask);
	for (int i = 0; i < machine.cpus; i++)
		CPU_SET_S((size_t)i, bytes, mask);
	return 0;
}

static FILE *made_up_file(const char *path)
{
	for (size_t i = 0; i < 16 && machine.files[i].path; i++)
		if (!strcmp(machine.files[i].path, path))
			return fmemopen((void *)machine.files[i].text,
					strlen(machine.files[i].text), "r");
	errno = ENOENT;
	return NULL;
}

static cpu_set_t *made_up_mask(int cpus)
{
	return machine.no_memory ? NULL : __sched_cpualloc((size_t)cpus);
}

unsigned counted_cpus(void);

#undef CPU_ALLOC
#define CPU_ALLOC(count) made_up_mask(count)
#define sched_getaffinity made_up_affinity
#define fopen(path, mode) made_up_file(path)
#define ferry_cpu_count counted_cpus
#include "base/cpu.c"
#undef ferry_cpu_count
#undef sched_getaffinity

#define OWN "/proc/self/cgroup"
#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/cpu"

Test(cpu, on_this_machine_it_is_at_least_one_and_at_most_the_affinity)
{
	unsigned count = ferry_cpu_count();
	cpu_set_t mask;

	cr_assert_geq(count, 1);
	cr_assert_eq(sched_getaffinity(0, sizeof(mask), &mask), 0);
	cr_assert_leq(count, (unsigned)CPU_COUNT(&mask));
}

static void *count_on_one(void *arg)
{
	cpu_set_t mask, one;

	sched_getaffinity(0, sizeof(mask), &mask);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &mask))
			CPU_SET(i, &one);
	if (sched_setaffinity(0, sizeof(one), &one) == 0)
		*(unsigned *)arg = ferry_cpu_count();
	return NULL;
}

Test(cpu, it_is_the_calling_threads_affinity_that_counts_and_nothing_is_cached)
{
	unsigned before = ferry_cpu_count(), there = 0;
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, count_on_one, &there), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(there, 1);
	cr_assert_eq(ferry_cpu_count(), before);
}

Test(cpu, without_any_quota_it_is_the_affinity)
{
	machine.cpus = 12;
	cr_assert_eq(counted_cpus(), 12);
}

Test(cpu, a_mask_too_small_for_the_machine_is_made_larger)
{
	machine.cpus = 3000;
	machine.mask_bytes = 4096 / 8;
	cr_assert_eq(counted_cpus(), 3000);
}

Test(cpu, an_affinity_that_cannot_be_read_counts_as_one)
{
	machine.cpus = 4;
	machine.mask_bytes = SIZE_MAX;
	cr_assert_eq(counted_cpus(), 1);
	machine.mask_bytes = 0;
	machine.no_memory = true;
	cr_assert_eq(counted_cpus(), 1);
}

static void group(const char *path, const char *text)
{
	for (size_t i = 0; i < 16; i++)
		if (!machine.files[i].path) {
			machine.files[i].path = path;
			machine.files[i].text = text;
			return;
		}
}

Test(cpu, version_2_cuts_by_quota_over_period_rounded_up)
{
	static const struct {
		const char *text;
		unsigned count;
	} cases[] = {
		{ "100000 100000\n", 1 }, { "100001 100000\n", 2 }, { "250000 100000\n", 3 },
		{ "50000 100000\n", 1 },  { "max 100000\n", 8 },    { "800000 100000\n", 8 },
		{ "9900000 100000\n", 8 }, { "9223372036854775807 1\n", 8 }, { "0 100000\n", 8 },
		{ "-1 100000\n", 8 },     { "100000 0\n", 8 },	    { "rubbish\n", 8 },
		{ "\n", 8 },
	};

	machine.cpus = 8;
	group(OWN, "0::/\n");
	group(V2 "//cpu.max", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		machine.files[1].text = cases[i].text;
		cr_assert_eq(counted_cpus(), cases[i].count, "%s", cases[i].text);
	}
}

Test(cpu, version_2_takes_the_smallest_up_to_the_root)
{
	machine.cpus = 16;
	group(OWN, "0::/a/b/c\n");
	group(V2 "/a/b/c/cpu.max", "1000000 100000\n");
	cr_assert_eq(counted_cpus(), 10);
	group(V2 "/a/cpu.max", "500000 100000\n");
	cr_assert_eq(counted_cpus(), 5);
	group(V2 "/a/b/cpu.max", "max 100000\n");
	cr_assert_eq(counted_cpus(), 5);
	group(V2 "/cpu.max", "200000 100000\n");
	cr_assert_eq(counted_cpus(), 2);
}

Test(cpu, version_1_cuts_by_the_cpu_controllers_own_group)
{
	machine.cpus = 16;
	group(OWN, "11:memory:/m\n4:cpu,cpuacct:/a/b\n3:cpuset:/s\n");
	group(V1 "/a/b/cpu.cfs_quota_us", "300000\n");
	group(V1 "/a/b/cpu.cfs_period_us", "100000\n");
	group(V1 "/m/cpu.cfs_quota_us", "100000\n");
	group(V1 "/m/cpu.cfs_period_us", "100000\n");
	group(V1 "/s/cpu.cfs_quota_us", "100000\n");
	group(V1 "/s/cpu.cfs_period_us", "100000\n");
	cr_assert_eq(counted_cpus(), 3, "cpuset is another controller than cpu");
	machine.files[0].text = "4:cpuacct,cpu:/a/b\n";
	cr_assert_eq(counted_cpus(), 3);
	machine.files[0].text = "4:cpu:/a/b\n";
	cr_assert_eq(counted_cpus(), 3);
	machine.files[0].text = "4:cpuacct:/a/b\n";
	cr_assert_eq(counted_cpus(), 16);
}

Test(cpu, version_1_without_a_quota_or_a_period_limits_nothing)
{
	machine.cpus = 16;
	group(OWN, "4:cpu,cpuacct:/\n");
	group(V1 "//cpu.cfs_quota_us", "-1\n");
	group(V1 "//cpu.cfs_period_us", "100000\n");
	cr_assert_eq(counted_cpus(), 16);
	machine.files[1].text = "200000\n";
	cr_assert_eq(counted_cpus(), 2);
	machine.files[2].path = "/somewhere/else";
	cr_assert_eq(counted_cpus(), 16);
}

Test(cpu, the_smaller_of_both_versions_counts)
{
	machine.cpus = 16;
	group(OWN, "1:cpu:/x\n0::/y\n");
	group(V1 "/x/cpu.cfs_quota_us", "700000\n");
	group(V1 "/x/cpu.cfs_period_us", "100000\n");
	group(V2 "/y/cpu.max", "600000 100000\n");
	cr_assert_eq(counted_cpus(), 6);
	machine.files[1].text = "500000\n";
	cr_assert_eq(counted_cpus(), 5);
}

Test(cpu, lines_that_make_no_sense_are_passed_over)
{
	machine.cpus = 16;
	group(OWN, "\nrubbish\n1:cpu\n:\n::\n0::/y\n");
	group(V2 "/y/cpu.max", "600000 100000\n");
	cr_assert_eq(counted_cpus(), 6);
}

Test(cpu, a_group_with_too_long_a_name_limits_nothing)
{
	static char line[PATH_MAX + 64];

	machine.cpus = 16;
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "0::/", 4);
	line[PATH_MAX + 32] = '\n';
	group(OWN, line);
	cr_assert_eq(counted_cpus(), 16);
}
