/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mqtt-echo: messages to a broker and back, with a client library that calls back on a thread of
 * its own.
 *
 *   mqtt-echo [options]      (--help lists the options)
 *
 *   session_step    connects, subscribes, and makes a task for each message, deferred, in its group
 *                   and by way of the limiter; then it waits for the group
 *   message_step    one of them: two promises, that the broker acknowledges the message and that it
 *                   comes back, and a deadline for both
 *   progress_step   draws a line on the terminal now and then
 *   interrupt_step  cancels the session on Ctrl-C, and with it what its group has
 *   stop_step       leaves the broker, whatever happened before
 *
 * No step knows of another thread: what it waits for are locals. The promises behind them are
 * completed by libmosquitto's thread (mqtt-client.c), by number (promises.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ferry.h>

#include "mqtt-client.h"
#include "mqtt-report.h"
#include "progress.h"
#include "signals.h"

#define PROGRESS_NS UINT64_C(100000000)
/* How long to wait, in the end, for what hangs. */
#define GIVE_UP_NS UINT64_C(1000000000)

enum {
	AT_A_TIME = 1024 /* tasks made before the loop has a turn */
};

struct run {
	struct options options;
	ferry_loop *loop;
	ferry_pool *pool;       /* of one worker, for what blocks in libmosquitto */
	int signals;            /* readable once the user wants an end */
	struct client *client;
	ferry_limiter limiter;
	struct message *messages; /* array [options.count] */

	struct ends ends;
	const ferry_error *why; /* the first message that failed did so for this; NULL: none has */
	uint64_t at_once, most_at_once;
	uint64_t began_ns, wall_ns;
	bool interrupted, stopped;
	int failure;            /* a negative errno: it could not go on */
};

static int cannot(const char *what, int error)
{
	fprintf(stderr, "mqtt-echo: cannot %s: %s\n", what, strerror(-error));
	return error;
}

static uint64_t deadline_in(unsigned milliseconds)
{
	return ferry_in_ns(milliseconds * UINT64_C(1000000));
}

/* ---- one message ---- */

struct message {
	FERRY_FRAME;
	struct run *run;
	unsigned number;
	bool began;
	ferry_slot slot; /* its place in the limiter */
	ferry_timeout timeout;
	ferry_await acknowledged, echoed;
};

/* What comes back is promised first: it may be there before the acknowledgement. */
static void message_begin(struct message *message)
{
	struct run *run = message->run;

	message->began = true;
	run->at_once++;
	if (run->at_once > run->most_at_once)
		run->most_at_once = run->at_once;
	ferry_await_local(&message->echoed, client_echo(run->client, message->number));
	ferry_await_local(&message->acknowledged, client_publish(run->client, message->number));
}

static bool message_was_taken(struct message *message)
{
	return !ferry_await_snapshot(&message->acknowledged).exception;
}

/* How many messages have ended as this one did. */
static uint64_t *message_ends(struct message *message, const ferry_error **ret_why)
{
	struct ends *ends = &message->run->ends;
	ferry_snapshot acknowledged = ferry_await_snapshot(&message->acknowledged);
	ferry_snapshot echoed = ferry_await_snapshot(&message->echoed);

	*ret_why = NULL;
	if (!message->began)
		return &ends->cancelled;
	if (message->timeout.expired)
		return &ends->timed_out;
	*ret_why = acknowledged.exception ? acknowledged.exception : echoed.exception;
	if (*ret_why)
		return &ends->failed;
	if (acknowledged.cancelled || echoed.cancelled || !echoed.done)
		return &ends->cancelled;
	return &ends->echoed;
}

/* However it ended. An answer that comes later finds its promise cancelled. */
static void message_end(struct message *message)
{
	struct run *run = message->run;
	const ferry_error *why;

	++*message_ends(message, &why);
	if (why && !run->why)
		run->why = ferry_error_ref(why);
	if (message->began)
		run->at_once--;
	ferry_local_cancel(message->echoed.local);
	ferry_await_end(&message->acknowledged);
	ferry_await_end(&message->echoed);
}

static ferry_step message_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct message, f);
	message_begin(f);
	FERRY_TIMEOUT(&f->timeout, deadline_in(f->run->options.wait_ms)) {
		FERRY_AWAIT(&f->acknowledged);
		if (message_was_taken(f))
			FERRY_AWAIT(&f->echoed);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	message_end(f);
	FERRY_END;
}

/* ---- all of them ---- */

struct session {
	FERRY_FRAME;
	struct run *run;
	const char *doing; /* what fails, if it fails */
	ferry_timeout timeout;
	ferry_await answer;
	ferry_group group;
	unsigned next;
	int error;
};

static int session_begin_group(struct session *session)
{
	struct run *run = session->run;
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;
	int error = ferry_limiter_init(&run->limiter, run->loop, run->options.limit);

	options.policy = FERRY_GROUP_COLLECT; /* one that fails is no reason to end the others */
	return error < 0 ? error : ferry_group_init(&session->group, run->loop, &options);
}

static void session_submit_next(struct session *session)
{
	struct run *run = session->run;
	struct message *message = &run->messages[session->next];

	message->run = run;
	message->number = session->next++;
	ferry_task_init(&message->task, run->loop, message_step, FERRY_IN(&session->group));
	ferry_limiter_submit(&run->limiter, &message->slot, &message->task, 0);
}

static ferry_step session_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct session, f);
	f->doing = "connect to";
	FERRY_TIMEOUT(&f->timeout, deadline_in(f->run->options.connect_ms)) {
		FERRY_TRY(ferry_await_local(&f->answer, client_connect(f->run->client)));
	}
	if (f->timeout.expired)
		FERRY_FAIL(-ETIMEDOUT);
	f->doing = "subscribe at";
	FERRY_TIMEOUT(&f->timeout, deadline_in(f->run->options.connect_ms)) {
		FERRY_TRY(ferry_await_local(&f->answer, client_subscribe(f->run->client)));
	}
	if (f->timeout.expired)
		FERRY_FAIL(-ETIMEDOUT);

	f->doing = "publish to";
	f->run->began_ns = ferry_now_ns();
	f->error = session_begin_group(f);
	if (f->error)
		FERRY_FAIL(f->error);
	while (f->next < f->run->options.count) {
		session_submit_next(f);
		if (f->next % AT_A_TIME == 0)
			FERRY_YIELD();
	}
	FERRY_TRY(&f->group);

	FERRY_FINALLY
	/* Those that were not made are cancelled as well. */
	f->run->ends.cancelled += f->run->options.count - f->next;
	ferry_await_end(&f->answer);
	FERRY_END;
}

struct stop {
	FERRY_FRAME;
	struct run *run;
	ferry_timeout timeout;
	ferry_await end;
};

static ferry_step stop_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct stop, f);
	FERRY_TIMEOUT(&f->timeout, ferry_in_ns(GIVE_UP_NS)) {
		FERRY_TRY(ferry_await_local(&f->end, client_stop(f->run->client)));
		f->run->stopped = true;
	}

	FERRY_FINALLY
	ferry_await_end(&f->end);
	FERRY_END;
}

/* ---- beside them ---- */

struct progress {
	FERRY_FRAME;
	struct run *run;
	ferry_sleep sleep;
};

static uint64_t ended(const struct ends *ends)
{
	return ends->echoed + ends->failed + ends->timed_out + ends->cancelled;
}

static ferry_step progress_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct progress, f);
	for (;;) {
		progress_draw(ended(&f->run->ends), f->run->options.count, "messages",
			      ferry_now_ns() - f->run->began_ns);
		FERRY_TRY(ferry_sleep_until(&f->sleep, f->run->loop, ferry_in_ns(PROGRESS_NS)));
	}

	FERRY_FINALLY
	progress_end();
	FERRY_END;
}

struct interrupt {
	FERRY_FRAME;
	struct run *run;
	ferry_task *cancels;
	ferry_await ready;
};

static ferry_step interrupt_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct interrupt, f);
	FERRY_AWAIT(ferry_await_fd(&f->ready, f->run->loop, f->run->signals, FERRY_READABLE));
	f->run->failure = -ferry_error_errno(ferry_await_snapshot(&f->ready).exception);
	f->run->interrupted = f->run->failure == 0;
	ferry_task_cancel(f->cancels);
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->ready);
	FERRY_END;
}

/* ---- run ---- */

/* What came of the session: 0, or a negative errno, which is told. */
static int session_tell(struct run *run, struct session *session)
{
	const ferry_error *exception = ferry_task_snapshot(&session->task).exception;
	int error = -ferry_error_errno(exception);

	if (exception)
		fprintf(stderr, "mqtt-echo: cannot %s %s: %s\n", session->doing,
			client_broker(run->client), ferry_error_message(exception));
	ferry_task_clear(&session->task);
	return error;
}

/* The tasks beside are cancelled when all is done, and end in order. */
static int run_tasks(struct run *run)
{
	/* Where the loop fails it has them until it is freed. */
	static struct session session;
	static struct stop stop;
	static struct interrupt interrupt = { .cancels = &session.task };
	static struct progress progress;
	int error;

	session.run = stop.run = interrupt.run = progress.run = run;
	run->began_ns = ferry_now_ns();
	ferry_task_begin(&session.task, run->loop, session_step, NULL);
	ferry_task_begin(&interrupt.task, run->loop, interrupt_step, NULL);
	if (progress_wanted())
		ferry_task_begin(&progress.task, run->loop, progress_step, NULL);
	error = ferry_loop_await(run->loop, &session.awaitable);
	run->wall_ns = ferry_now_ns() - run->began_ns;
	ferry_loop_cancel_tasks(run->loop);
	ferry_task_begin(&stop.task, run->loop, stop_step, NULL);
	if (error >= 0)
		error = ferry_loop_await(run->loop, &stop.awaitable);
	if (error >= 0)
		error = ferry_loop_run(run->loop);
	if (error < 0 || run->failure)
		return cannot("go on", error < 0 ? error : run->failure);
	return session_tell(run, &session);
}

static int run_open(struct run *run)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	int error;

	run->signals = signals_open();
	if (run->signals < 0)
		return cannot("watch signals", run->signals);
	run->messages = calloc(run->options.count, sizeof(*run->messages));
	if (!run->messages)
		return cannot("make room for the messages", -ENOMEM);
	error = ferry_loop_new(NULL, &run->loop);
	if (error < 0)
		return cannot("make a loop", error);
	options.name = "mqtt";
	options.max_threads = 1;
	error = ferry_pool_new(&options, &run->pool);
	if (error < 0)
		return cannot("start a worker", error);
	error = client_new(run->loop, run->pool, &run->options, &run->client);
	return error < 0 ? cannot("make a client", error) : 0;
}

/* End what was set up, also where only a part was. */
static void run_close(struct run *run, struct report *report)
{
	if (run->loop) {
		ferry_loop_stats(run->loop, &report->loop);
		ferry_loop_free(run->loop);
	}
	if (run->pool) {
		if (run->stopped) /* else it was waited for already */
			(void)ferry_pool_shutdown(run->pool, FERRY_SHUTDOWN_CANCEL,
						  ferry_in_ns(GIVE_UP_NS));
		ferry_pool_free(run->pool);
	}
	free(run->messages);
	if (run->signals >= 0)
		close(run->signals);
}

/* 0, or a negative errno of writing to stdout. */
static int run_tell(struct run *run, struct report *report)
{
	int error;

	report->options = &run->options;
	report->broker = client_broker(run->client);
	report->ends = run->ends;
	report->most_at_once = run->most_at_once;
	report->interrupted = run->interrupted;
	report->abandoned = !run->stopped;
	report->wall_ns = run->wall_ns;
	report->client = client_counters(run->client);
	if (run->why)
		fprintf(stderr, "mqtt-echo: %" PRIu64 " messages failed: %s\n", run->ends.failed,
			ferry_error_message(run->why));
	if (run->ends.timed_out)
		fprintf(stderr, "mqtt-echo: %" PRIu64 " messages timed out\n", run->ends.timed_out);
	error = report_print(report);
	return error < 0 ? cannot("write the totals", error) : 0;
}

static int exit_status(const struct run *run)
{
	if (run->interrupted)
		return EXIT_INTERRUPTED;
	return run->ends.failed || run->ends.timed_out ? EXIT_ERRORS_COUNTED : EXIT_FINE;
}

int main(int argc, char **argv)
{
	static struct run run = { .signals = -1 };
	struct report report = { 0 };
	int status = options_read(&run.options, argc, argv), error;

	if (status >= 0)
		return status;
	error = run_open(&run);
	if (error == 0)
		error = run_tasks(&run);
	run_close(&run, &report);
	if (error == 0)
		error = run_tell(&run, &report);
	ferry_error_unref(run.why);
	if (run.stopped) /* else its thread, or the worker, may be in it for ever */
		client_free(run.client);
	return error < 0 ? EXIT_NOT_DONE : exit_status(&run);
}
