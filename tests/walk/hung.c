/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call that hangs does not keep ferry-walk from ending: interrupted while a worker is inside an
 * open() that nobody answers, it tells its totals, the hung call among them, and leaves with 130.
 * (L3: closing a loop never waits for a job that hangs; P5: shutdown ends by its deadline.)
 *
 * The open is held by a fanotify permission event that stays unanswered, which takes rights that
 * not everybody has; skipped without them. Usage: hung FERRY_WALK
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };

static char folder[] = "/tmp/ferry-walk-hung.XXXXXX";
static char hanging[sizeof(folder) + 16];

static void folder_remove(void)
{
	unlink(hanging);
	rmdir(folder);
}

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "not so: %s (%s)\n", what, strerror(errno));
	exit(1);
}

static int skip(const char *why)
{
	fprintf(stderr, "skipped: %s: %s\n", why, strerror(errno));
	return SKIPPED;
}

static void folder_make(void)
{
	int fd;

	must(mkdtemp(folder) != NULL, "a folder is made");
	atexit(folder_remove);
	snprintf(hanging, sizeof(hanging), "%s/hangs", folder);
	fd = open(hanging, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	must(fd >= 0, "a file is made");
	close(fd);
}

/* The program, its standard output in *@ret. */
static pid_t walk_start(const char *program, FILE **ret)
{
	int ends[2];
	pid_t child;

	must(pipe2(ends, O_CLOEXEC) == 0, "there is a pipe");
	child = fork();
	must(child >= 0, "there is a child");
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		/* On a worker: with auto or inline one vouches that nobody holds an open back. */
		execl(program, program, "--json", "--policy", "pool", folder, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret = fdopen(ends[0], "r");
	must(*ret != NULL, "the pipe can be read");
	return child;
}

int main(int argc, char **argv)
{
	struct fanotify_event_metadata event;
	char totals[4096] = "";
	FILE *output;
	pid_t child;
	int events, status;

	must(argc == 2, "the program is named");
	events = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
	if (events < 0)
		return skip("no right to hold a call back");
	folder_make();
	if (fanotify_mark(events, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, hanging) < 0)
		return skip("no way to hold a call back");

	child = walk_start(argv[1], &output);
	/* Comes when a worker is inside open(), where it stays. */
	must(read(events, &event, sizeof(event)) == sizeof(event), "the walk opens the file");
	must(event.mask & FAN_OPEN_PERM, "the walk asks to open the file");
	must(kill(child, SIGINT) == 0, "the walk is interrupted");
	must(fgets(totals, sizeof(totals), output) != NULL, "there are totals");
	close(events); /* lets the call go on, for kernels where it keeps a process from ending */
	must(waitpid(child, &status, 0) == child, "the walk ends");
	fputs(totals, stderr);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 130, "it says that it was interrupted");
	must(strstr(totals, "\"interrupted\":true") != NULL, "its totals say so too");
	must(strstr(totals, "\"abandoned\":1,") != NULL, "they tell of the call that hung");
	must(strstr(totals, "\"directories\":1,") != NULL, "they tell what was counted before");
	must(strstr(totals, "\"files\":1,") != NULL, "the file that hung was counted by lstat");
	must(strstr(totals, "\"descriptors_left\":0}") != NULL, "no descriptor is left open");
	fclose(output);
	return 0;
}
