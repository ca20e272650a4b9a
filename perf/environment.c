/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out where figures are got, and puts processes and threads on CPUs. The
 * commit comes from FERRY_COMMIT in the environment (perf/run sets it), else from
 * git where the sources lie.
 */
#include "environment.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef PERF_SOURCE_ROOT
#define PERF_SOURCE_ROOT "."
#endif
#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif
#ifdef __OPTIMIZE__
#define OPTIMIZED true
#else
#define OPTIMIZED false
#endif

static struct {
	cpu_set_t allowed;
	unsigned allowed_count;
	long online;
	char cpu[96], governor[32], commit[64];
	struct utsname system;
} here;

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%.*s", (int)strcspn(from, "\n"), from);
}

static void find_cpu_model(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	copy(here.cpu, sizeof(here.cpu), here.system.machine);
	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (colon && strncmp(line, "model name", 10) == 0) {
			copy(here.cpu, sizeof(here.cpu), colon + 2);
			break;
		}
	}
	if (file)
		fclose(file);
}

static void find_governor(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "re");
	char line[32];

	copy(here.governor, sizeof(here.governor), "unknown");
	if (!file)
		return;
	if (fgets(line, sizeof(line), file))
		copy(here.governor, sizeof(here.governor), line);
	fclose(file);
}

static void find_commit(void)
{
	const char *given = getenv("FERRY_COMMIT");
	char line[64] = "";
	FILE *git;

	copy(here.commit, sizeof(here.commit), given && *given ? given : "unknown");
	if (given && *given)
		return;
	git = popen("git -C '" PERF_SOURCE_ROOT "' describe --always --dirty 2>/dev/null", "re");
	if (!git)
		return;
	if (fgets(line, sizeof(line), git) && line[0] != '\n')
		copy(here.commit, sizeof(here.commit), line);
	pclose(git);
}

void environment_open(void)
{
	if (sched_getaffinity(0, sizeof(here.allowed), &here.allowed) < 0) {
		fprintf(stderr, "cannot read the CPU mask: %s\n", strerror(errno));
		exit(1);
	}
	here.allowed_count = (unsigned)CPU_COUNT(&here.allowed);
	here.online = sysconf(_SC_NPROCESSORS_ONLN);
	uname(&here.system);
	find_cpu_model();
	find_governor();
	find_commit();
}

unsigned bench_cpus(void)
{
	return here.allowed_count;
}

/* Number of the @index-th allowed CPU. */
static int cpu_number(unsigned index)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &here.allowed) && index-- == 0)
			return cpu;
	bench_fail("there is no CPU for this");
}

void bench_pin(unsigned index)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu_number(index), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_fail("cannot pin a thread: %s", strerror(errno));
}

void environment_place(enum bench_placement placement)
{
	cpu_set_t set;

	switch (placement) {
	case BENCH_FREE:
		return;
	case BENCH_ONE_CPU:
		bench_pin(0);
		return;
	case BENCH_TWO_CPUS:
	case BENCH_SPLIT: /* each thread then pins itself */
		CPU_ZERO(&set);
		CPU_SET(cpu_number(0), &set);
		CPU_SET(cpu_number(1), &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			bench_fail("cannot place the process: %s", strerror(errno));
		return;
	}
}

unsigned environment_cpus_needed(enum bench_placement placement)
{
	return placement == BENCH_TWO_CPUS || placement == BENCH_SPLIT ? 2 : 1;
}

const char *environment_placement(enum bench_placement placement)
{
	switch (placement) {
	case BENCH_ONE_CPU:
		return "all threads on one CPU";
	case BENCH_TWO_CPUS:
		return "two CPUs, threads unpinned";
	case BENCH_SPLIT:
		return "two CPUs, one thread on each";
	default:
		return "all CPUs, threads unpinned";
	}
}

void environment_print_string(FILE *out, const char *string)
{
	fputc('"', out);
	for (; *string; string++) {
		if ((unsigned char)*string < 0x20)
			fprintf(out, "\\u%04x", (unsigned char)*string);
		else if (*string == '"' || *string == '\\')
			fprintf(out, "\\%c", *string);
		else
			fputc(*string, out);
	}
	fputc('"', out);
}

void environment_print_json(FILE *out)
{
	fprintf(out, "{\"cpus_online\":%ld,\"cpus_allowed\":%u,\"cpu\":", here.online,
		here.allowed_count);
	environment_print_string(out, here.cpu);
	fprintf(out, ",\"machine\":");
	environment_print_string(out, here.system.machine);
	fprintf(out, ",\"governor\":");
	environment_print_string(out, here.governor);
	fprintf(out, ",\"kernel\":");
	environment_print_string(out, here.system.release);
	fprintf(out, ",\"compiler\":");
	environment_print_string(out, COMPILER);
	fprintf(out, ",\"optimized\":%s,\"commit\":", OPTIMIZED ? "true" : "false");
	environment_print_string(out, here.commit);
	fputc('}', out);
}

void environment_print(FILE *out)
{
	fprintf(out, "%u of %ld CPUs, %s, governor %s, Linux %s, %s%s, commit %s\n",
		here.allowed_count, here.online, here.cpu, here.governor, here.system.release,
		COMPILER, OPTIMIZED ? "" : " (not optimized)", here.commit);
}
