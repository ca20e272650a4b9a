/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_TASKS_H
#define SUPPORT_TASKS_H
/*
 * The threads of this process as the kernel counts them, in /proc/self/task.
 *
 *   tasks_until("pool-", 4);                 four threads have names that begin so
 *   tasks_status(tid, "SigBlk", text);       a line of the thread's status
 *   tasks_until_asleep(tid);                 it waits in the kernel
 *
 * What waits here looks again and again and gives way between looks; the time-out of
 * the test is the only bound.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define TASKS_TEXT 128

/* Gives way until something is true. */
#define tasks_until_true(condition)    \
	do {                           \
		while (!(condition))   \
			sched_yield(); \
	} while (0)

static inline bool tasks_read(pid_t tid, const char *file, char text[TASKS_TEXT])
{
	char path[64];
	FILE *from;
	bool got;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, file);
	from = fopen(path, "r");
	if (!from)
		return false;
	got = fgets(text, TASKS_TEXT, from);
	fclose(from);
	if (got)
		text[strcspn(text, "\n")] = 0;
	return got;
}

/* The name of a thread; false if it is gone. */
static inline bool tasks_name(pid_t tid, char name[TASKS_TEXT])
{
	return tasks_read(tid, "comm", name);
}

/* How many threads there are. */
static inline unsigned tasks_all(void)
{
	char line[TASKS_TEXT];
	unsigned count = 0;
	FILE *from = fopen("/proc/self/status", "r");

	if (!from)
		abort();
	while (!count && fgets(line, sizeof(line), from))
		sscanf(line, "Threads: %u", &count);
	fclose(from);
	return count;
}

/* How many of those that are listed have a name that begins so; *@listed: how many are. */
static inline unsigned tasks_listed(const char *prefix, unsigned *listed)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	char name[TASKS_TEXT];
	unsigned count = 0;

	if (!folder)
		abort();
	*listed = 0;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		++*listed;
		count += tasks_name(atoi(entry->d_name), name) &&
			 !strncmp(name, prefix, strlen(prefix));
	}
	closedir(folder);
	return count;
}

/* How many threads have a name that begins with @prefix; "": all. The list ends early where a
 * thread ends while the kernel is at it, so that all must be in it. */
static inline unsigned tasks_count(const char *prefix)
{
	unsigned all, listed, count;

	do {
		all = tasks_all();
		count = tasks_listed(prefix, &listed);
	} while (listed != all || tasks_all() != all);
	return count;
}

static inline void tasks_until(const char *prefix, unsigned count)
{
	tasks_until_true(tasks_count(prefix) == count);
}

/* What stands behind "field:" in a thread's status; false if it is gone. */
static inline bool tasks_status(pid_t tid, const char *field, char text[TASKS_TEXT])
{
	char path[64], line[TASKS_TEXT];
	size_t length = strlen(field);
	bool found = false;
	FILE *from;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	from = fopen(path, "r");
	if (!from)
		return false;
	while (!found && fgets(line, sizeof(line), from))
		found = !strncmp(line, field, length) && line[length] == ':';
	fclose(from);
	if (found) {
		line[strcspn(line, "\n")] = 0;
		strcpy(text, line + length + 1 + strspn(line + length + 1, " \t"));
	}
	return found;
}

/* Does it wait in the kernel just now? */
static inline bool tasks_sleeps(pid_t tid)
{
	char text[TASKS_TEXT];

	return tasks_status(tid, "State", text) && text[0] == 'S';
}

static inline void tasks_until_asleep(pid_t tid)
{
	tasks_until_true(tasks_sleeps(tid));
}

#endif
