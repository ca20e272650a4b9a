/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * docs/examples/moved/server-before and server-after, the same small server with stat() in the
 * middle of its poll loop, and with libferry.
 *
 *   moved_server same BEFORE AFTER       to the same requests they send the same answers
 *   moved_server stalled BEFORE AFTER    one client asks for a file on a mount that hangs, another
 *                                        for one that does not: before, he waits; after, he does
 *                                        not (S1)
 *
 * Nobody looks at a clock for that. The other client's file is made longer once he has asked and
 * while the mount hangs: the size in his answer tells when he was served, before that or behind it.
 */
#include <arpa/inet.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/program.h"
#include "support/slow_mount.h"

enum {
	SKIPPED = 77,
	CLIENTS = 64,   /* that a server has at a time */
	LONGEST = 4096  /* line */
};

static char folder[] = "/tmp/moved-server.XXXXXX";

/* ---- files ---- */

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *where)
{
	(void)file;
	(void)type;
	(void)where;
	return remove(path);
}

static void folder_remove(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void folder_make(void)
{
	program_check(mkdtemp(folder) != NULL, "no folder: %s", strerror(errno));
	atexit(folder_remove);
}

static const char *folder_path(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* A file of so many bytes that was last changed at a second. */
static void file_make(const char *path, off_t size, time_t second)
{
	struct timespec times[2] = { { .tv_sec = second }, { .tv_sec = second, .tv_nsec = 1 } };
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	program_check(fd >= 0 && ftruncate(fd, size) == 0 && futimens(fd, times) == 0,
		      "cannot make %s: %s", path, strerror(errno));
	close(fd);
}

/* ---- a server and its clients ---- */

struct server {
	const char *program;
	pid_t child;
	int port;
};

static struct server server_start(const char *program)
{
	struct server server = { .program = program };
	char line[16] = "";
	FILE *output;
	int ends[2];

	program_check(pipe2(ends, O_CLOEXEC) == 0, "no pipe");
	server.child = fork();
	program_check(server.child >= 0, "no process");
	if (server.child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	output = fdopen(ends[0], "r");
	program_check(output && fgets(line, sizeof(line), output), "%s says no port", program);
	fclose(output);
	server.port = atoi(line);
	return server;
}

/* It leaves in order, whatever it is waiting for. */
static void server_stop(struct server server)
{
	int status = -1;

	kill(server.child, SIGTERM);
	program_check(waitpid(server.child, &status, 0) == server.child && status == 0,
		      "%s ends with %x", server.program, status);
}

static int client_connect(struct server server)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)server.port);
	program_check(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
		      "cannot connect: %s", strerror(errno));
	return fd;
}

static void client_send(int fd, const char *text, size_t length)
{
	program_check(send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length, "cannot send: %s",
		      strerror(errno));
}

static void client_ask(int fd, const char *path)
{
	char line[LONGEST];
	int length = snprintf(line, sizeof(line), "%s\n", path);

	client_send(fd, line, (size_t)length);
}

/* The size in the next answer; -1: an error. */
static long client_hear(int fd)
{
	char line[256];
	size_t used = 0;

	do
		program_check(used < sizeof(line) - 1 && recv(fd, line + used, 1, 0) == 1,
			      "no answer: %s", strerror(errno));
	while (line[used++] != '\n');
	line[used] = '\0';
	return line[0] == 'e' ? -1 : atol(line);
}

/* All that comes until the server closes the connection. */
static void client_hear_all(int fd, char *text, size_t bytes)
{
	size_t used = 0;
	ssize_t got;

	while ((got = recv(fd, text + used, bytes - 1 - used, 0)) > 0)
		used += (size_t)got;
	program_check(got == 0 && used < bytes - 1, "the server does not close");
	text[used] = '\0';
	close(fd);
}

/* ---- the same answers ---- */

/* Requests in one piece and byte by byte, and in the end a line that is too long. */
static void ask_everything(struct server server, char *answers, size_t bytes)
{
	static const char *const names[] = { "file", "missing", "", "file/inside", "dangling",
					     "circle", "folder", "large" };
	char requests[LONGEST], endless[LONGEST];
	size_t used = 0;
	int fd = client_connect(server);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		used += (size_t)snprintf(requests + used, sizeof(requests) - used, "%s\n",
					 folder_path(names[i]));
	used += (size_t)snprintf(requests + used, sizeof(requests) - used, "\n%s/%0300d\n", folder,
				 0);
	client_send(fd, requests, used);
	for (size_t i = 0; i < used; i++)
		client_send(fd, requests + i, 1);
	memset(endless, 'x', sizeof(endless));
	client_send(fd, endless, sizeof(endless));
	client_hear_all(fd, answers, bytes);
}

/* As many as there is room for, and one more. */
static void ask_by_many(struct server server)
{
	char nothing[2];
	int fds[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client_connect(server);
		client_ask(fds[i], folder_path("file"));
		program_check(client_hear(fds[i]) == 5, "client %d of %s", i, server.program);
	}
	client_hear_all(client_connect(server), nothing, sizeof(nothing));
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

static int compare(const char *before, const char *after)
{
	static char answers[2][LONGEST];
	const char *programs[] = { before, after };
	static const char expected[] = "5 1000000000\nerror: No such file or directory\n";

	file_make(folder_path("file"), 5, 1000000000);
	file_make(folder_path("large"), (off_t)5 << 30, 2000000000);
	program_check(!symlink("nowhere", folder_path("dangling")) &&
			      !symlink("circle", folder_path("circle")) &&
			      !mkdir(folder_path("folder"), 0700), "cannot make files");
	for (int i = 0; i < 2; i++) {
		struct server server = server_start(programs[i]);

		ask_everything(server, answers[i], sizeof(answers[i]));
		ask_by_many(server);
		server_stop(server);
	}
	program_check(!strncmp(answers[0], expected, strlen(expected)), "before:\n%s", answers[0]);
	program_check(!strcmp(answers[0], answers[1]), "before:\n%s\nafter:\n%s", answers[0],
		      answers[1]);
	printf("ok: the same answers:\n%s", answers[1]);
	return 0;
}

/* ---- one that hangs ---- */

static void stall_before(const char *program, struct slow_mount *mount)
{
	struct server server = server_start(program);
	int hung = client_connect(server), other = client_connect(server);

	file_make(folder_path("other"), 1, 1);
	slow_mount_hang(mount, SLOW_ANYTHING);
	client_ask(hung, slow_mount_path(mount, "slow"));
	slow_mount_await(mount, SLOW_ANYTHING, 1);
	client_ask(other, folder_path("other"));
	file_make(folder_path("other"), 2, 1);
	slow_mount_release(mount, SLOW_ANYTHING);
	program_check(client_hear(other) == 2, "before, others are served while a call hangs");
	program_check(client_hear(hung) == 7, "not the size of what was slow");
	close(hung);
	close(other);
	server_stop(server);
	printf("ok: before, others are served when the call that hangs has returned\n");
}

static void stall_after(const char *program, struct slow_mount *mount)
{
	struct server server = server_start(program);
	int hung = client_connect(server), other = client_connect(server);

	file_make(folder_path("other"), 1, 1);
	slow_mount_hang(mount, SLOW_ANYTHING);
	client_ask(hung, slow_mount_path(mount, "slow"));
	client_ask(hung, folder_path("other")); /* in order: not before the first */
	slow_mount_await(mount, SLOW_ANYTHING, 1);
	for (int i = 0; i < 100; i++) {
		client_ask(other, folder_path("other"));
		program_check(client_hear(other) == 1, "not as it was while the call hung");
	}
	program_check(slow_mount_inside(mount, SLOW_ANYTHING) == 1, "the call does not hang");
	file_make(folder_path("other"), 2, 1);
	slow_mount_release(mount, SLOW_ANYTHING);
	program_check(client_hear(hung) == 7, "not the size of what was slow");
	program_check(client_hear(hung) == 2, "not what was asked next");
	printf("ok: after, others are served while a call hangs\n");

	slow_mount_hang(mount, SLOW_ANYTHING);
	client_ask(hung, slow_mount_path(mount, "slow"));
	slow_mount_await(mount, SLOW_ANYTHING, 1);
	if (PROGRAM_SLOW > 1) /* who looks for leaks waits for every thread to stop */
		slow_mount_release(mount, SLOW_ANYTHING);
	server_stop(server);
	printf("ok: after, the server ends while a call hangs\n");
	slow_mount_release(mount, SLOW_ANYTHING);
	close(hung);
	close(other);
}

static int stall(const char *before, const char *after)
{
	struct slow_mount slow;
	const char *why = slow_mount_begin(&slow, (struct slow_mount_options){ 0 });

	if (why) {
		printf("skipped: %s\n", why);
		return SKIPPED;
	}
	file_make(slow_mount_below(&slow, "slow"), 7, 1);
	stall_before(before, &slow);
	stall_after(after, &slow);
	slow_mount_end(&slow);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4 || (strcmp(argv[1], "same") != 0 && strcmp(argv[1], "stalled") != 0)) {
		fprintf(stderr, "usage: %s same|stalled BEFORE AFTER\n", argv[0]);
		return 2;
	}
	alarm(60 * PROGRAM_SLOW);
	folder_make();
	return strcmp(argv[1], "same") ? stall(argv[2], argv[3]) : compare(argv[2], argv[3]);
}
