/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * httpd: serve the files below a folder, from one thread that never waits for a disk.
 *
 *   httpd [options]      (--help lists them)
 *
 *   httpd-server.c     libevent's side: listening, signals, the end
 *   httpd-exchange.c   one request and its answer; httpd-request.c, -path.c, -answer.c: its parts
 *   httpd-content.c    what is answered; httpd-condition.c, -range.c, -types.c: how
 *   httpd-file.c       the calls of libferry that bring it; httpd-listing.c: names in a folder
 *   httpd-log.c        a line for each request, written by a worker
 *
 * HTTP is evhttp's, of libevent, and so is the loop: libferry's lives in it by
 * <ferry/adapt/event.h>. What a request needs of a file is answered within the request's callback
 * if the kernel has it in its caches, and by a worker if not. So a disk, or a mount, that does not
 * answer keeps those waiting who ask for what is on it, and nobody else.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <ferry/adapt/event.h>

#include "httpd-blocking.h"
#include "httpd-report.h"
#include "httpd-server.h"
#include "walk-descriptors.h"

/* How long to wait, in the end, for the log and for calls that hang. */
#define GIVE_UP_NS UINT64_C(1000000000)
#define MS_NS UINT64_C(1000000)

enum { DESCRIPTORS = 65536 };

struct run {
	struct options options;
	struct server server;
	ferry_loop *loop;
	ferry_pool *pool;
	ferry_libevent *adapter;
	uint64_t began_ns;
};

static int cannot(const char *what, int error)
{
	fprintf(stderr, "httpd: cannot %s: %s\n", what, strerror(-error));
	return error;
}

/* ---- the beginning ---- */

/* A mount is given up for a while as soon as one answer has waited in vain for it. */
static int loop_open(struct run *run)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;
	int error = ferry_loop_new(NULL, &run->loop);

	if (error < 0)
		return error;
	settings.stuck_ns = run->options.time_out_ms * MS_NS;
	return ferry_fs_configure(run->loop, &settings);
}

static int pool_open(struct run *run)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.name = "httpd";
	options.max_threads = run->options.threads;
	return ferry_pool_new(&options, &run->pool);
}

/* Runs the loop alone, before it has a host. */
static int root_open(struct run *run)
{
	struct files *files = &run->server.exchanges.files;
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;
	ferry_result result;
	ferry_local *opening;
	int error;

	options.trust = run->options.unchanging ? FERRY_FS_TRUST_UNCHANGING : FERRY_FS_TRUST_LOCAL;
	opening = ferry_fs_root_open(run->loop, run->pool, run->options.root, &options, NULL);
	if (!opening)
		return -errno;
	error = ferry_loop_run_until(run->loop, opening);
	if (error == 0)
		error = -ferry_error_errno(ferry_local_snapshot(opening).exception);
	if (error == 0)
		error = ferry_local_take(opening, &result);
	ferry_local_unref(opening);
	if (error == 0)
		files->below.root = result.pointer;
	return error;
}

static int files_open(struct run *run)
{
	struct files *files = &run->server.exchanges.files;
	int error = files_begin(files, run->server.base, run->options.policy);

	files->loop = run->loop;
	files->pool = run->pool;
	files->time_out_ns = run->options.time_out_ms * MS_NS;
	if (error == 0)
		error = root_open(run);
	if (error == 0 && run->options.policy == POLICY_BLOCKING)
		error = blocking_try(files);
	return error;
}

static int log_open(struct run *run)
{
	struct log *log = &run->server.exchanges.log;

	log->loop = run->loop;
	log->pool = run->pool;
	return log_begin(log, run->options.log, run->server.base);
}

static int run_open(struct run *run)
{
	static const struct {
		const char *what;
		int (*begin)(struct run *run);
	} steps[] = { { "make a loop", loop_open },
		      { "start workers", pool_open },
		      { "open the folder", files_open },
		      { "open the log", log_open } };
	int error = server_begin(&run->server, &run->options);

	if (error < 0)
		return cannot("begin", error);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		error = steps[i].begin(run);
		if (error < 0)
			return cannot(steps[i].what, error);
	}
	descriptors_allow(DESCRIPTORS);
	error = ferry_libevent_attach(run->server.base, run->loop, &run->adapter);
	if (error < 0)
		return cannot("begin", error);
	error = server_listen(&run->server, &run->options);
	return error < 0 ? cannot("listen", error) : 0;
}

/* ---- the end ---- */

/* The loop alone again: nothing but files and the log is left in it. */
static void log_finish(struct run *run)
{
	struct log *log = &run->server.exchanges.log;
	uint64_t give_up_ns = ferry_in_ns(GIVE_UP_NS);

	while (log_is_busy(log) && ferry_now_ns() < give_up_ns) {
		log_flush(log);
		ferry_loop_run_once(run->loop, give_up_ns);
	}
}

static void pool_close(struct run *run, struct report *report)
{
	int still_inside = ferry_pool_shutdown(run->pool, FERRY_SHUTDOWN_CANCEL,
					       ferry_in_ns(GIVE_UP_NS));

	report->abandoned = still_inside > 0 ? (unsigned)still_inside : 0;
	ferry_pool_stats(run->pool, &report->pool);
	ferry_pool_free(run->pool);
}

/* End what was set up, also where only a part was. */
static void run_close(struct run *run, struct report *report)
{
	struct exchanges *all = &run->server.exchanges;

	server_close(&run->server);
	ferry_libevent_detach(run->adapter);
	if (run->loop) {
		log_finish(run);
		ferry_fs_stats(run->loop, &report->calls);
		ferry_loop_free(run->loop);
	}
	if (run->pool)
		pool_close(run, report);
	files_end(&all->files);
	log_end(&all->log);
	ferry_fs_root_unref(all->files.below.root);
	server_end(&run->server);
}

static uint64_t cpu_ns(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return 0;
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static int run_tell(struct run *run, struct report *report)
{
	int error;

	report->options = &run->options;
	report->exchanges = &run->server.exchanges;
	report->connections = run->server.connections;
	report->left = run->server.left;
	report->wall_ns = ferry_now_ns() - run->began_ns;
	report->cpu_ns = cpu_ns();
	error = report_print(report);
	if (error < 0)
		cannot("write the totals", error);
	if (error < 0)
		return EXIT_NOT_DONE;
	return report->left || report->exchanges->log.dropped ? EXIT_LOST : EXIT_FINE;
}

int main(int argc, char **argv)
{
	static struct run run;
	struct report report = { 0 };
	int status = options_read(&run.options, argc, argv), error;

	if (status >= 0)
		return status;
	run.began_ns = ferry_now_ns();
	error = run_open(&run);
	if (error == 0) {
		error = server_run(&run.server);
		if (error < 0)
			cannot("go on", error);
	}
	run_close(&run, &report);
	return error < 0 ? EXIT_NOT_DONE : run_tell(&run, &report);
}
