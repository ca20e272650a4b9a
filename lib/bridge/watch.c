/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness of a descriptor as a local; running a loop until a local is done.
 *
 * On the loop's thread (beside the steps of a request: nothing is offloaded). Before
 * it a caller asked, after it epoll's event completes the local in a turn. Invariant:
 * each watch is told of one event and is then gone from epoll's point of view.
 */
#include "bridge/local.h"
#include "loop/turn.h"

#include <sys/epoll.h>

struct watch_payload {
	struct watcher watcher;
	struct ferry_local *local;
};

static struct watch_payload *payload_of(struct ferry_local *local)
{
	return (struct watch_payload *)(local + 1);
}

static unsigned readiness_of(uint32_t events)
{
	return (events & EPOLLIN ? FERRY_READABLE : 0u) |
	       (events & EPOLLOUT ? FERRY_WRITABLE : 0u) |
	       (events & EPOLLHUP ? FERRY_HANGUP : 0u) |
	       (events & EPOLLERR ? FERRY_FAILED : 0u);
}

static void ready(struct watcher *watcher, uint32_t events)
{
	struct ferry_local *local = container(watcher, struct watch_payload, watcher)->local;

	local->job.future.result = ferry_result_u64(readiness_of(events));
	local_set_outcome(local, WORD_RESULT);
	local_end(local, LOCAL_RESULT);
}

ferry_local *ferry_loop_watch_fd(ferry_loop *loop, int fd, unsigned wanted)
{
	struct ferry_local *local;
	struct watch_payload *payload;
	int error = loop_check(loop);

	if (!error && (fd < 0 || !wanted || wanted & ~(unsigned)(FERRY_READABLE | FERRY_WRITABLE)))
		error = -EINVAL;
	if (error) {
		errno = -error;
		return NULL;
	}
	local = local_take(loop, LOCAL_WATCH, sizeof(*payload));
	if (!local)
		return NULL;
	payload = payload_of(local);
	*payload = (struct watch_payload){ .local = local };
	payload->watcher.fd = fd;
	payload->watcher.events = (wanted & FERRY_READABLE ? EPOLLIN : 0u) |
				  (wanted & FERRY_WRITABLE ? EPOLLOUT : 0u);
	payload->watcher.ready = ready;
	local_begin(local, true);
	error = watch_add(&loop->watches, loop->epoll, &payload->watcher);
	if (error) {
		local->job.future.exception = ferry_error_from_errno(-error);
		local_set_outcome(local, WORD_EXCEPTION);
		local_end(local, LOCAL_EXCEPTION);
	}
	return local;
}

void watch_cancel(struct ferry_local *local)
{
	struct ferry_loop *loop = local_loop(local);

	watch_remove(&loop->watches, loop->epoll, &payload_of(local)->watcher);
}

static bool is_done(const void *local)
{
	return ((const struct ferry_local *)local)->state != LOCAL_PENDING;
}

int ferry_loop_run_until(ferry_loop *loop, ferry_local *local)
{
	int outcome = loop_check(loop);

	if (!outcome)
		outcome = local_check(local);
	if (!outcome && local_loop(local) != loop)
		outcome = -EINVAL;
	if (outcome)
		return outcome;
	/* Held: a callback may drop the caller's reference. */
	local->refs++;
	outcome = turn_run_until(loop, is_done, local);
	ferry_local_unref(local);
	return outcome;
}
