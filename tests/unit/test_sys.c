/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls that give a negative errno (E1), and waiting in epoll for less than a
 * millisecond. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/sys.h"

TestSuite(sys, .timeout = 60);

static int epoll_of(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	int epoll = sys_epoll_create();

	cr_assert_geq(epoll, 0);
	cr_assert_eq(sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	return epoll;
}

Test(sys, descriptors_are_not_inherited_and_the_eventfd_does_not_block)
{
	int fd = sys_eventfd(), epoll = sys_epoll_create();

	cr_assert_geq(fd, 0);
	cr_assert_geq(epoll, 0);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(epoll, F_GETFD) & FD_CLOEXEC);
}

Test(sys, no_descriptor_left_is_a_negative_errno_E3)
{
	struct rlimit before, none;
	int fd, timer, epoll;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	fd = sys_eventfd();
	timer = sys_timerfd();
	epoll = sys_epoll_create();
	setrlimit(RLIMIT_NOFILE, &before); /* who runs the test needs some */
	cr_assert_eq(fd, -EMFILE);
	cr_assert_eq(timer, -EMFILE);
	cr_assert_eq(epoll, -EMFILE);
}

Test(sys, a_write_gives_its_bytes_or_a_negative_errno)
{
	uint64_t most = UINT64_MAX - 1, one = 1;
	int fd = sys_eventfd();

	cr_assert_eq(sys_write(fd, &most, sizeof(most)), sizeof(most));
	cr_assert_eq(sys_write(fd, &one, sizeof(one)), -EAGAIN, "a full eventfd");
	cr_assert_eq(sys_write(-1, &one, sizeof(one)), -EBADF);
}

Test(sys, a_timer_wakes_who_waits_for_it_each_time_that_it_is_told_to)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = sys_timerfd(), epoll = sys_epoll_create();

	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_assert_eq(sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(sys_epoll_wait(epoll, &event, 1, 0), 0);
		cr_assert_eq(sys_timerfd_expire(fd), 0);
		cr_assert_eq(sys_epoll_wait(epoll, &event, 1, UINT64_MAX), 1);
	}
	cr_assert_eq(sys_timerfd_expire(-1), -EBADF);
}

Test(sys, epoll_ctl_gives_a_negative_errno)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = sys_eventfd(), epoll = epoll_of(fd);

	cr_assert_eq(sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), -EEXIST);
	cr_assert_eq(sys_epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event), 0);
	cr_assert_eq(sys_epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event), -ENOENT);
	cr_assert_eq(sys_epoll_ctl(-1, EPOLL_CTL_ADD, fd, &event), -EBADF);
}

/* With every kind of time-out: none, short, long, endless. */
static void check_waiting(void)
{
	static const uint64_t short_ones[] = { 1, 999, 50000, 999999, 1000000, 1000001 };
	struct epoll_event event;
	int fd = sys_eventfd(), epoll = epoll_of(fd);
	uint64_t one = 1;

	cr_assert_eq(sys_epoll_wait(epoll, &event, 1, 0), 0);
	for (size_t i = 0; i < sizeof(short_ones) / sizeof(*short_ones); i++) {
		uint64_t until = clock_now() + short_ones[i];

		cr_assert_eq(sys_epoll_wait(epoll, &event, 1, short_ones[i]), 0);
		cr_assert_geq(clock_now(), until, "a time-out is never early: %d", (int)i);
	}
	cr_assert_eq(sys_write(fd, &one, sizeof(one)), sizeof(one));
	cr_assert_eq(sys_epoll_wait(epoll, &event, 1, 0), 1);
	cr_assert_eq(event.data.fd, fd);
	cr_assert_eq(sys_epoll_wait(epoll, &event, 1, 1), 1);
	cr_assert_eq(sys_epoll_wait(epoll, &event, 1, UINT64_MAX - 1), 1);
	cr_assert_eq(sys_epoll_wait(epoll, &event, 1, UINT64_MAX), 1);
	cr_assert_eq(sys_epoll_wait(epoll, &event, 0, 0), -EINVAL);
	cr_assert_eq(sys_epoll_wait(epoll, &event, 0, 1), -EINVAL);
	cr_assert_eq(sys_epoll_wait(-1, &event, 1, 0), -EBADF);
	cr_assert_eq(sys_epoll_wait(-1, &event, 1, 1), -EBADF);
}

Test(sys, waiting_in_epoll_is_never_too_short_and_sees_what_is_ready)
{
	check_waiting();
}

/* From here on that system call fails, as with an older kernel or a strict sandbox. */
static bool forbid(int number, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void check_without_pwait2(int error)
{
	if (!forbid(441, error)) /* epoll_pwait2, on every machine */
		cr_skip_test("this machine does not let a process forbid itself a system call");
	check_waiting();
}

Test(sys, without_epoll_pwait2_milliseconds_are_used_rounded_up)
{
	check_without_pwait2(ENOSYS);
}

Test(sys, a_sandbox_that_forbids_epoll_pwait2_is_like_a_kernel_without_it)
{
	check_without_pwait2(EPERM);
}
