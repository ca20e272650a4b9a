/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An attempt to read what the page cache has: preadv2() with RWF_NOWAIT.
 *
 * The loop's thread only (before the step "submit" of a request, instead of the rest of it
 * if it answers). Invariant (S1): the kernel is told not to wait. Filesystems that cannot
 * say so (overlay, tmpfs, FUSE) refuse, and who reads there is not tried for long. Kernels
 * before 5.11 sometimes gave short files that way: there it is never done.
 */
#include "fs/attempt.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "fs/find.h"
#include "fs/health.h"
#include "fs/judge.h"
#include "fs/request.h"
#include "fs/status.h"

/* Copying more takes longer than handing it over. */
#define INLINE_MOST ((size_t)256 << 10)

/* Is this kernel one of those that gave short files? */
static bool is_short_of_pages(struct fs *fs)
{
	struct utsname name;
	unsigned major, minor;

	if (!fs->release_known) {
		fs->release_known = true;
		fs->short_reads = uname(&name) < 0 ||
				  sscanf(name.release, "%u.%u", &major, &minor) != 2 ||
				  major < 5 || (major == 5 && minor < 11);
	}
	return fs->short_reads;
}

/* Fewer bytes than were wanted: is that because the file ends there? */
static bool is_end(const struct call *call, size_t got)
{
	struct statx status;

	return status_of(call->fd, AT_STATX_DONT_SYNC, STATX_SIZE | STATX_TYPE, &status) == 0 &&
	       S_ISREG(status.stx_mode) && status.stx_size == (uint64_t)call->offset + got;
}

/* Which mount it is on is looked at only while some mount is slow. */
static bool is_slow(struct attempt *attempt)
{
	const struct fs *fs = attempt->fs;

	if (attempt->now_ns >= fs->slow_until_ns)
		return false;
	attempt->health = find_by_descriptor(fs, attempt->request->call.fd);
	return !attempt->health || health_is_slow(attempt->health, attempt->now_ns);
}

/* Past the page cache the kernel does not wait for room to ask the disk, but for the disk. Who
 * reads so has to align what is read. */
#define DIRECT_ALIGNMENT 512

static bool may_be_direct(const struct call *call)
{
	int flags;

	if (((uint64_t)call->offset | call->count) % DIRECT_ALIGNMENT)
		return false;
	flags = fcntl(call->fd, F_GETFL);
	return flags < 0 || flags & O_DIRECT;
}

enum attempt_outcome attempt_read(struct attempt *attempt)
{
	struct request *request = attempt->request;
	const struct call *call = &request->call;
	ferry_bytes *bytes = request_outcome(request);
	unsigned char *room = (unsigned char *)(bytes + 1);
	struct iovec vector = { room, call->count };
	ssize_t got;

	/* At its own position a short read could not be taken back; and of a directory this call
	 * does not say that it is one, if nothing is wanted. */
	if (call->offset < 0 || !call->count || call->count > INLINE_MOST ||
	    is_short_of_pages(attempt->fs) || is_slow(attempt) ||
	    may_be_direct(call))
		return ATTEMPT_AVOIDED;
	got = preadv2(call->fd, &vector, 1, call->offset, RWF_NOWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EOPNOTSUPP ? ATTEMPT_MISSED : ATTEMPT_AVOIDED;
	if ((size_t)got < call->count && !is_end(call, (size_t)got))
		return ATTEMPT_MISSED;
	room[got] = 0;
	*bytes = (ferry_bytes){ (size_t)got, room };
	return judge_answer(attempt, 0, ferry_result_pointer(bytes, NULL));
}
