/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_LISTING_H
#define HTTPD_LISTING_H
/* A page that lists the names in a folder: gathered on the loop's thread, written by a worker. */
#include "httpd-file.h"

struct listing;

/*
 * Make one, of a folder that is open, and that is the listing's from here on; @path is copied.
 * @done is called with @owner when there is a page, or will be none; perhaps before this returns,
 * so that it puts the listing into *@ret first. 0, or -ENOMEM: then @done is not called.
 */
int listing_begin(struct file *folder, const char *path, void (*done)(void *owner), void *owner,
		  struct listing **ret);

/* The page, put into @piece. 0 or a negative errno. */
int listing_take(struct listing *listing, struct evbuffer *piece);

/* At any time. NULL is allowed. */
void listing_free(struct listing *listing);

#endif
