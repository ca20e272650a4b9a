/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small server: who connects sends paths, one on a line, and gets for each a line with the size
 * of the file and the time of its last change, or why there is none.
 * One thread, one poll(), and libferry's loop in the middle of it.
 *
 * It prints the port of 127.0.0.1 that it listens on. Ctrl-C ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ferry.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CLIENTS = 64,
	LINE = 4096,
	FIRST = 3 /* before the clients: who wants to connect, signals, and libferry */
};

struct client {
	int fd; /* -1: nobody */
	ferry_local *answer; /* that is under way: until it is there nothing is read; NULL: none */
	size_t used;
	char text[LINE]; /* what was sent and is not answered */
};

static struct client clients[CLIENTS];
static ferry_loop *loop;
static ferry_pool *pool;

static void client_leave(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->answer = ferry_local_unref(client->answer);
}

/* One that does not take its answers leaves. */
static void client_send(struct client *client, const char *line)
{
	size_t length = strlen(line);

	if (send(client->fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length)
		client_leave(client);
}

static void client_tell(struct client *client, uint64_t size, int64_t changed)
{
	char line[64];

	snprintf(line, sizeof(line), "%" PRIu64 " %" PRId64 "\n", size, changed);
	client_send(client, line);
}

static void client_fail(struct client *client, int error)
{
	char line[128];

	snprintf(line, sizeof(line), "error: %s\n", strerror(error));
	client_send(client, line);
}

static void client_serve(struct client *client);

static void client_answered(ferry_local *local, void *user)
{
	ferry_snapshot snapshot = ferry_local_snapshot(local);
	const ferry_stat *file = snapshot.result.pointer;
	struct client *client = user;

	client->answer = NULL;
	if (snapshot.exception)
		client_fail(client, ferry_error_errno(snapshot.exception));
	else
		client_tell(client, file->size, file->modified_ns / 1000000000);
	ferry_local_unref(local);
	client_serve(client);
}

static void client_answer(struct client *client, const char *path)
{
	client->answer = ferry_fs_stat(loop, pool, path, NULL);
	if (ferry_local_add_done_callback(client->answer, client_answered, client) < 0)
		client_fail(client, ENOMEM);
}

/* Each line that is complete. */
static void client_serve(struct client *client)
{
	char *end;

	while (client->fd >= 0 && !client->answer &&
	       (end = memchr(client->text, '\n', client->used))) {
		char path[LINE];
		size_t length = (size_t)(end - client->text) + 1;

		*end = '\0';
		memcpy(path, client->text, length);
		client->used -= length;
		memmove(client->text, end + 1, client->used);
		client_answer(client, path);
	}
	if (client->fd >= 0 && client->used == LINE) {
		client_fail(client, ENAMETOOLONG);
		client_leave(client);
	}
}

static void client_read(struct client *client)
{
	ssize_t got = recv(client->fd, client->text + client->used, LINE - client->used, 0);

	if (got <= 0) {
		client_leave(client);
		return;
	}
	client->used += (size_t)got;
	client_serve(client);
}

static void client_come(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; fd >= 0 && i < CLIENTS; i++)
		if (clients[i].fd < 0) {
			clients[i].used = 0;
			clients[i].fd = fd;
			return;
		}
	close(fd); /* there are enough */
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	printf("%d\n", ntohs(address.sin_port));
	return fflush(stdout) < 0 ? -1 : fd;
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int until(uint64_t deadline_ns)
{
	uint64_t now = ferry_now_ns(), wait = 0;

	if (deadline_ns == FERRY_NO_DEADLINE)
		return -1;
	if (deadline_ns > now)
		wait = (deadline_ns - now) / 1000000 + 1;
	return wait < INT_MAX ? (int)wait : INT_MAX;
}

/* Until a signal comes. */
static int serve(int listener, int signals)
{
	struct pollfd fds[FIRST + CLIENTS];

	for (;;) {
		fds[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
		fds[2] = (struct pollfd){ .fd = ferry_loop_fd(loop), .events = POLLIN };
		for (int i = 0; i < CLIENTS; i++)
			fds[FIRST + i] = (struct pollfd){
				.fd = clients[i].answer ? -1 : clients[i].fd, .events = POLLIN
			};
		if (poll(fds, FIRST + CLIENTS, until(ferry_loop_deadline(loop))) < 0)
			return -errno;
		if (fds[1].revents)
			return 0;
		for (int i = 0; i < CLIENTS; i++)
			if (fds[FIRST + i].revents)
				client_read(&clients[i]);
		if (fds[0].revents)
			client_come(listener);
		ferry_loop_dispatch(loop, 0);
	}
}

int main(int argc, char **argv)
{
	int listener, signals, error;

	if (argc > 1) {
		int help = argc == 2 && !strcmp(argv[1], "--help");

		fputs("usage: server\n", help ? stdout : stderr);
		return help ? 0 : 2;
	}
	for (int i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	signals = watch_signals();
	error = ferry_pool_new(NULL, &pool);
	if (!error)
		error = ferry_loop_new(NULL, &loop);
	if (error) {
		fprintf(stderr, "cannot begin: %s\n", strerror(-error));
		return 3;
	}
	listener = signals < 0 ? -1 : listen_somewhere();
	if (listener < 0) {
		fprintf(stderr, "cannot listen: %s\n", strerror(errno));
		return 3;
	}
	error = serve(listener, signals);
	if (error < 0)
		fprintf(stderr, "cannot go on: %s\n", strerror(-error));
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].fd >= 0)
			client_leave(&clients[i]);
	close(listener);
	close(signals);
	ferry_loop_free(loop);
	ferry_pool_free(pool);
	return error < 0 ? 3 : 0;
}
