/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_REQUEST_H
#define FS_REQUEST_H
/*
 * What the file calls share: a request with its path and its room for the outcome, in
 * the local's own block, so that a call that hangs can be abandoned.
 */
#include <ferry/fs.h>

#include "bridge/local.h"

/* Lies behind the local; what a call needs besides lies behind this, then the path. */
struct request {
	const char *path; /* copied behind it, or borrowed */
	void (*release)(void *path); /* of a borrowed one */
	void (*dropped)(void *request); /* the call's own */
	ferry_local *local;
};

/*
 * Makes a request for @fn, whose argument will be the request, with @own bytes of the
 * call's own behind it; NULL with errno. Give it to request_submit(). @dropped, if not
 * NULL, is called with the request when the function has returned or never will run.
 */
struct request *request_new(ferry_loop *loop, ferry_pool *pool, ferry_function fn,
			    const char *path, const ferry_fs_options *options, size_t own,
			    void (*dropped)(void *request));
ferry_local *request_submit(struct request *request, ferry_pool *pool,
			    const ferry_fs_options *options);

#endif
