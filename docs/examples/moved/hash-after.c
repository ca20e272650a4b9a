/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checksums of files, as cksum(1) prints them and in the order of the arguments.
 * They are made by workers of libferry. Ctrl-C cancels what has not begun, and interrupts what has.
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry.h>
#include <ferry/adapt/uv.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "checksum.h"

struct file {
	ferry_local *work;
	const char *path;
	uint32_t sum;
	uint64_t size;
	int error; /* a negative errno */
	int done;
};

static ferry_loop *ferry;
static ferry_pool *pool;
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
		if (ferry_job_cancel_requested())
			return -ECANCELED;
	}
	if (got < 0)
		return -errno;
	file->sum = checksum_end(sum, file->size);
	return 0;
}

/* On a worker. */
static int hash(void *arg, ferry_result *out)
{
	struct file *file = arg;
	int fd = open(file->path, O_RDONLY | O_CLOEXEC), error;

	(void)out;
	if (fd < 0)
		return -errno;
	error = sum_bytes(file, fd);
	close(fd);
	return error;
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
static void hashed(ferry_local *local, void *user)
{
	ferry_snapshot snapshot = ferry_local_snapshot(local);
	struct file *file = user;

	file->error = snapshot.cancelled ? -ECANCELED : -ferry_error_errno(snapshot.exception);
	file->done = 1;
	tell();
}

static void interrupt(uv_signal_t *signal, int number)
{
	(void)signal;
	(void)number;
	interrupted = 1;
	for (int i = 0; i < count; i++)
		ferry_local_cancel(files[i].work);
	fputs("interrupted\n", stderr);
}

static int cannot(const char *what, int error)
{
	fprintf(stderr, "cannot %s: %s\n", what, strerror(-error));
	return 3;
}

int main(int argc, char **argv)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_job_options job = FERRY_JOB_OPTIONS_INIT;
	uv_loop_t *loop = uv_default_loop();
	uv_signal_t signal;
	ferry_uv *adapter;
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
	options.max_threads = 4;
	options.interrupt_signal = SIGURG;
	job.interruptible = 1;
	error = ferry_pool_new(&options, &pool);
	if (!error)
		error = ferry_loop_new(NULL, &ferry);
	if (!error)
		error = ferry_uv_attach(loop, ferry, &adapter);
	if (error)
		return cannot("begin", error);
	for (int i = 0; i < count; i++) {
		files[i].path = argv[i + 1];
		files[i].work = ferry_offload(ferry, pool, hash, &files[i], &job);
		error = ferry_local_add_done_callback(files[i].work, hashed, &files[i]);
		if (error)
			return cannot("begin", error);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	ferry_uv_detach(adapter);
	uv_close((uv_handle_t *)&signal, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	for (int i = 0; i < count; i++)
		ferry_local_unref(files[i].work);
	ferry_loop_free(ferry);
	ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
	ferry_pool_free(pool);
	free(files);
	if (fflush(stdout) != 0)
		return cannot("write", -errno);
	return interrupted ? 130 : failed;
}
