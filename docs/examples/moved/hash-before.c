/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checksums of files, as cksum(1) prints them and in the order of the arguments.
 * They are made by the threads of libuv. Ctrl-C cancels what has not begun.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "checksum.h"

struct file {
	uv_work_t work;
	const char *path;
	uint32_t sum;
	uint64_t size;
	int error; /* a negative errno */
	int done;
};

static struct file *files;
static int count, told, failed, interrupted;

/* On a worker. */
static int sum_bytes(struct file *file, int fd)
{
	char bytes[65536];
	uint32_t sum = 0;
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
		sum = checksum_add(sum, bytes, (size_t)got);
		file->size += (uint64_t)got;
	}
	if (got < 0)
		return -errno;
	file->sum = checksum_end(sum, file->size);
	return 0;
}

/* On a worker. */
static void hash(uv_work_t *work)
{
	struct file *file = work->data;
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		file->error = -errno;
		return;
	}
	file->error = sum_bytes(file, fd);
	close(fd);
}

/* All that are done, up to the first that is not. */
static void tell(void)
{
	for (; told < count && files[told].done; told++) {
		struct file *file = &files[told];

		if (file->error) {
			fprintf(stderr, "%s: %s\n", file->path, strerror(-file->error));
			failed = 1;
		} else {
			printf("%" PRIu32 " %" PRIu64 " %s\n", file->sum, file->size, file->path);
		}
	}
}

/* On the loop. */
static void hashed(uv_work_t *work, int status)
{
	struct file *file = work->data;

	if (status)
		file->error = -ECANCELED;
	file->done = 1;
	tell();
}

static void interrupt(uv_signal_t *signal, int number)
{
	(void)signal;
	(void)number;
	interrupted = 1;
	for (int i = 0; i < count; i++)
		uv_cancel((uv_req_t *)&files[i].work);
	fputs("interrupted\n", stderr);
}

static int cannot(const char *what, int error)
{
	fprintf(stderr, "cannot %s: %s\n", what, strerror(-error));
	return 3;
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	uv_signal_t signal;
	int error;

	if (argc < 2 || argv[1][0] == '-') {
		int help = argc == 2 && !strcmp(argv[1], "--help");

		fputs("usage: hash FILE...\n", help ? stdout : stderr);
		return help ? 0 : 2;
	}
	count = argc - 1;
	files = calloc((size_t)count, sizeof(*files));
	if (!files || !loop)
		return cannot("begin", -ENOMEM);
	error = uv_signal_init(loop, &signal);
	if (!error)
		error = uv_signal_start(&signal, interrupt, SIGINT);
	if (error)
		return cannot("watch signals", error);
	uv_unref((uv_handle_t *)&signal);
	for (int i = 0; i < count; i++) {
		files[i].path = argv[i + 1];
		files[i].work.data = &files[i];
		error = uv_queue_work(loop, &files[i].work, hash, hashed);
		if (error)
			return cannot("begin", error);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&signal, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	free(files);
	if (fflush(stdout) != 0)
		return cannot("write", -errno);
	return interrupted ? 130 : failed;
}
