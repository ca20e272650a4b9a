/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_REQUEST_H
#define FS_REQUEST_H
/*
 * A file call, from what was asked for to its outcome, in the local's own block, so that
 * a call that hangs can be abandoned.
 *
 *   public function --> struct call --> request_begin() --> inline, or the pool
 *
 * Behind the local lies the request, then room for the outcome, then copies of the texts.
 */
#include <ferry/fs.h>

#include "bridge/local.h"
#include "fs/operation.h"

/* What was asked for: a public function fills in what its operation needs. */
struct call {
	const struct operation *operation;
	const char *path;   /* copied behind the request, or borrowed */
	const char *other;  /* the second one of rename, link and symlink */
	const void *data;   /* to be written */
	const void *given;  /* what the caller's release is called with; NULL: path, or data */
	size_t count;       /* bytes of it, or wanted */
	int64_t offset, other_offset;
	int fd, other_fd;
	int flags;
	unsigned mode;
};

struct request {
	struct call call;
	struct ferry_local *local;
	struct ferry_fs_root *root;  /* paths are below it; held; NULL: none */
	void (*release)(void *path); /* of what is borrowed */
	/* The loop's thread only. */
	struct cds_list_head among;  /* the calls under way, or waiting, on its mount */
	struct health *health;       /* of its mount, if that is remote */
	struct core *core;           /* while it waits: where it will go; held */
	ferry_lane *lane;
	bool apart;                  /* counted in the loop's apart */
	/* Both sides'. */
	_Atomic uint64_t begun_ns;   /* when a worker began it; 0: not yet, or it has returned */
	bool over;                   /* its function has run: nothing is left to be undone */
	uint64_t outcome[];          /* as many bytes as the operation has room for */
};

/* In begun_ns: the loop looks at what the call was given, and its worker keeps that meanwhile; the
 * call has a worker's place; and that was lent. */
#define REQUEST_LOOKED_AT 1u
#define REQUEST_HAS_PLACE 2u
#define REQUEST_LENT 4u
#define REQUEST_BITS 7u

/* Where a call is to be made: what options and root say together. */
struct terms {
	ferry_fs_options options;
	ferry_fs_policy policy;
	bool stale_allowed;
};

/* All public functions end here: the local, done or not; NULL with errno. */
ferry_local *request_begin(ferry_loop *loop, ferry_pool *pool, const struct call *call,
			   const ferry_fs_options *options);

/* The request of a local; NULL if it is of no file call, or of another loop's thread. */
struct request *request_of(ferry_local *local);
/* The pool that it is on; while it is queued there, or its function runs. */
struct core *request_core(const struct request *request);
/* The outcome of a done call that answers so; NULL if there is none. */
const ferry_result *request_result(ferry_local *local, enum answer answer, struct request **ret);

/* The same of one whose result is a pointer, which nobody took. */
const void *request_pointer(ferry_local *local, enum answer answer);

static inline void *request_outcome(struct request *request)
{
	return request->outcome;
}

#endif
