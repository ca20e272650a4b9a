/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches of descriptors, beneath the locals: one registration shared by all who wait. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>

#include "base/sys.h"
#include "loop/watches.h"
#include "support/fixture.h"

TestSuite(watches, .timeout = 30);

static struct watches watches;
static int epoll, pair[2]; /* two ends of a socket: the first one is watched */

/* A watcher that remembers. */
struct listener {
	struct watcher watcher;
	int calls;
	uint32_t events;
};

static void hear(struct watcher *watcher, uint32_t events)
{
	struct listener *listener = container(watcher, struct listener, watcher);

	listener->calls++;
	listener->events = events;
}

static struct listener listener_of(int fd, uint32_t events)
{
	return (struct listener){ .watcher = { .fd = fd, .events = events, .ready = hear } };
}

static int add(struct listener *listener)
{
	return watch_add(&watches, epoll, &listener->watcher);
}

static void begin(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
}

static void end(void)
{
	watches_free(&watches);
	close(epoll);
	close(pair[0]);
	close(pair[1]);
}

/* What epoll has now: how many events, dispatched. */
static int dispatch(void)
{
	struct epoll_event events[8];
	int count = epoll_wait(epoll, events, 8, 0);

	for (int i = 0; i < count; i++)
		watch_dispatch(&watches, epoll, &events[i]);
	return count;
}

Test(watches, a_watcher_is_told_once_what_it_waits_for, .init = begin, .fini = end)
{
	struct listener reader = listener_of(pair[0], EPOLLIN);

	cr_assert_eq(add(&reader), 0);
	cr_assert_eq(dispatch(), 0);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(reader.calls, 1);
	cr_assert_eq(reader.events, EPOLLIN);
	cr_assert_eq(watches.count, 0);
	cr_assert_eq(dispatch(), 0, "one-shot: it is still readable, and nobody waits");
}

Test(watches, those_who_wait_for_one_descriptor_share_a_registration, .init = begin, .fini = end)
{
	struct listener first = listener_of(pair[0], EPOLLIN), second = first;
	struct listener writer = listener_of(pair[0], EPOLLOUT);

	cr_assert_eq(add(&first), 0);
	cr_assert_eq(add(&second), 0);
	cr_assert_eq(watches.count, 2);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(first.calls + second.calls, 2);
	cr_assert_eq(read(pair[0], &(char){ 0 }, 1), 1);

	first = second = listener_of(pair[0], EPOLLIN);
	cr_assert_eq(add(&first), 0);
	cr_assert_eq(add(&writer), 0);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(writer.calls, 1);
	cr_assert_eq(first.calls, 0, "it is not readable");
	cr_assert_eq(watches.count, 1);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(first.calls, 1, "it was armed again for the one who was left");
}

Test(watches, a_hang_up_concerns_all_and_comes_with_what_they_wait_for, .init = begin,
     .fini = end)
{
	struct listener reader = listener_of(pair[0], EPOLLIN);
	struct listener writer = listener_of(pair[0], EPOLLOUT);

	cr_assert_eq(shutdown(pair[0], SHUT_WR), 0);
	cr_assert_eq(shutdown(pair[1], SHUT_WR), 0);
	cr_assert_eq(add(&reader), 0);
	cr_assert_eq(add(&writer), 0);
	cr_assert_geq(dispatch(), 1);
	cr_assert_eq(reader.events, EPOLLIN | EPOLLHUP);
	cr_assert_eq(writer.events, EPOLLOUT | EPOLLHUP);
}

Test(watches, one_that_is_removed_is_not_told, .init = begin, .fini = end)
{
	struct listener first = listener_of(pair[0], EPOLLIN), second = first;

	cr_assert_eq(add(&first), 0);
	cr_assert_eq(add(&second), 0);
	watch_remove(&watches, epoll, &first.watcher);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(first.calls, 0);
	cr_assert_eq(second.calls, 1);
}

Test(watches, armed_for_too_much_an_event_concerns_nobody, .init = begin, .fini = end)
{
	struct listener reader = listener_of(pair[0], EPOLLIN);
	struct listener writer = listener_of(pair[0], EPOLLOUT);

	cr_assert_eq(add(&reader), 0);
	cr_assert_eq(add(&writer), 0);
	watch_remove(&watches, epoll, &writer.watcher);
	cr_assert_eq(dispatch(), 1, "it is writable");
	cr_assert_eq(reader.calls + writer.calls, 0);
	cr_assert_eq(dispatch(), 0, "armed again, for reading alone");
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(reader.calls, 1);
}

Test(watches, removing_the_last_leaves_no_trace_in_epoll, .init = begin, .fini = end)
{
	struct listener reader = listener_of(pair[0], EPOLLIN);
	struct epoll_event event = { .events = 0 };

	cr_assert_eq(add(&reader), 0);
	watch_remove(&watches, epoll, &reader.watcher);
	cr_assert_eq(watches.count, 0);
	cr_assert_eq(sys_epoll_ctl(epoll, EPOLL_CTL_MOD, pair[0], &event), -ENOENT);
	cr_assert_eq(add(&reader), 0, "and it may be watched again");
}

Test(watches, a_descriptor_closed_and_opened_again_as_another_file_is_noticed, .init = begin,
     .fini = end)
{
	struct listener reader = listener_of(pair[0], EPOLLIN);
	int other[2];

	/* Told once, so that its registration is left in epoll, disarmed. */
	cr_assert_eq(add(&reader), 0);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(pipe(other), 0);
	cr_assert_eq(dup2(other[0], pair[0]), pair[0]);

	cr_assert_eq(add(&reader), 0);
	cr_assert_eq(write(other[1], "y", 1), 1);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(reader.calls, 2);
	close(other[0]);
	close(other[1]);
}

Test(watches, an_event_of_an_older_registration_is_ignored, .init = begin, .fini = end)
{
	struct listener reader = listener_of(pair[0], EPOLLIN);
	struct epoll_event old;

	cr_assert_eq(add(&reader), 0);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(epoll_wait(epoll, &old, 1, 0), 1);
	/* Between the kernel's answer and the dispatch: ended, and begun anew. */
	watch_remove(&watches, epoll, &reader.watcher);
	cr_assert_eq(add(&reader), 0);
	watch_dispatch(&watches, epoll, &old);
	cr_assert_eq(reader.calls, 0);
	cr_assert_eq(dispatch(), 1);
	cr_assert_eq(reader.calls, 1);
}

Test(watches, an_event_of_a_descriptor_never_watched_is_ignored, .init = begin, .fini = end)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 1 };

	watch_dispatch(&watches, epoll, &event);
	event.data.u64 = INT_MAX;
	watch_dispatch(&watches, epoll, &event);
	cr_assert_eq(watches.count, 0);
}

Test(watches, those_left_of_a_descriptor_that_is_gone_are_told_of_a_failure, .init = begin,
     .fini = end)
{
	struct listener reader = listener_of(pair[0], EPOLLIN);
	struct listener writer = listener_of(pair[0], EPOLLOUT);
	struct epoll_event event;

	cr_assert_eq(add(&reader), 0);
	cr_assert_eq(add(&writer), 0);
	cr_assert_eq(epoll_wait(epoll, &event, 1, 0), 1);
	close(pair[0]);
	watch_dispatch(&watches, epoll, &event);
	cr_assert_eq(writer.events, EPOLLOUT);
	cr_assert_eq(reader.events, EPOLLERR, "it cannot be armed again");
	cr_assert_eq(watches.count, 0);
}

Test(watches, a_regular_file_is_refused_and_nothing_changed, .init = begin, .fini = end)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct listener reader = listener_of(file, EPOLLIN);

	cr_assert_eq(add(&reader), -EPERM);
	cr_assert_eq(watches.count, 0);
	close(file);
}

Test(watches, a_closed_or_absurd_number_is_refused_before_the_table_grows_to_it, .init = begin,
     .fini = end)
{
	static const int numbers[] = { 700, 1 << 20, INT_MAX };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct listener reader = listener_of(numbers[i], EPOLLIN);

		cr_assert_eq(add(&reader), -EBADF);
		cr_assert_eq(watches.room, 0);
		cr_assert_eq(watches.count, 0);
	}
}

Test(watches, the_table_grows_and_keeps_what_it_has, .init = begin, .fini = end)
{
	struct listener low = listener_of(pair[0], EPOLLIN), high = listener_of(900, EPOLLIN);

	cr_assert_eq(add(&low), 0);
	cr_assert_eq(dup2(pair[0], 900), 900);
	cr_assert_eq(add(&high), 0);
	cr_assert_gt(watches.room, 900);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(dispatch(), 2);
	cr_assert_eq(low.calls, 1);
	cr_assert_eq(high.calls, 1);
	close(900);
}

Test(watches, the_loops_own_epoll_cannot_be_watched, .init = begin, .fini = end)
{
	struct listener reader = listener_of(epoll, EPOLLIN);

	cr_assert_eq(add(&reader), -EINVAL);
	cr_assert_eq(watches.count, 0);
}
