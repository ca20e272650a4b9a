/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_LEASE_H
#define SUPPORT_LEASE_H
/*
 * A lease on a file, held by another process: whoever opens the file waits until that one gives it
 * back, as with a file that a file server has lent to somebody.
 *
 *   struct lease lease;
 *   if (!lease_begin(&lease, path, F_WRLCK)) ... skip: there are no leases here ...
 *   ... another thread opens the file; with F_RDLCK: for writing ...
 *   lease_await(&lease);     returns when somebody waits, which is noticed once
 *   lease_give(&lease);      he goes on
 *   lease_end(&lease);       in any case
 *
 * Nobody else may have the file open when it begins: with F_RDLCK, for writing. The kernel takes a
 * lease away by itself after /proc/sys/fs/lease-break-time, 45 seconds mostly.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct lease {
	pid_t holder;
	int line; /* to him */
};

/* In a process of its own, of which it may be the only thread. */
__attribute__((noreturn)) static inline void lease_hold(int line, const char *path, int kind)
{
	int fd = open(path, (kind == F_WRLCK ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	int signal;
	sigset_t io;
	char word;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	sigprocmask(SIG_BLOCK, &io, NULL);
	word = fd < 0 || fcntl(fd, F_SETLEASE, kind) ? 'n' : 'y';
	if (write(line, &word, 1) != 1 || word == 'n')
		_exit(0);
	/* The kernel asks for it. */
	sigwait(&io, &signal);
	if (write(line, "w", 1) == 1 && read(line, &word, 1) == 1)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	_exit(0); /* with which the lease would go as well */
}

static inline void lease_end(struct lease *lease)
{
	close(lease->line);
	kill(lease->holder, SIGKILL);
	while (waitpid(lease->holder, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The next word that he says; 0 if he says nothing any more. */
static inline char lease_hear(struct lease *lease)
{
	char word = 0;

	while (read(lease->line, &word, 1) < 0 && errno == EINTR)
		;
	return word;
}

/* @kind: F_WRLCK, or F_RDLCK. False if there can be none. */
static inline bool lease_begin(struct lease *lease, const char *path, int kind)
{
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	lease->holder = fork();
	if (lease->holder == 0) {
		close(ends[0]);
		if (!prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent)
			lease_hold(ends[1], path, kind);
		_exit(0);
	}
	lease->line = ends[0];
	close(ends[1]);
	if (lease->holder > 0 && lease_hear(lease) == 'y')
		return true;
	if (lease->holder > 0)
		lease_end(lease);
	else
		close(lease->line);
	return false;
}

static inline bool lease_await(struct lease *lease)
{
	return lease_hear(lease) == 'w';
}

/* Only after lease_await(). */
static inline bool lease_give(struct lease *lease)
{
	return write(lease->line, "g", 1) == 1;
}

#endif
