/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listings. To sort a hundred thousand names takes longer than a loop may be away, so a job of the
 * lane for computing does. It works on a block of its own, the draft, which is freed when its
 * function can no longer touch it, whoever waits for it or not.
 */
#include "httpd-listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/http.h>

enum { NAMES_MOST = 100000 };

/* What the page is made of. */
struct draft {
	char *path;             /* of the folder, below the root */
	ferry_entries **blocks; /* array [blocks_count] */
	size_t blocks_count;
	size_t count;           /* names, in all of them */
};

struct listing {
	struct file *folder; /* NULL: all its names are in the draft */
	struct draft *draft; /* NULL: a job has it, or had it */
	ferry_local *job;    /* NULL: none was begun */
	int error;           /* a negative errno, or 0 */
	void (*done)(void *owner);
	void *owner;
};

/* One block of memory, and its length. */
struct page {
	size_t length;
	char text[];
};

/* Also on a worker. */
static void draft_free(void *user)
{
	struct draft *draft = user;

	if (!draft)
		return;
	for (size_t i = 0; i < draft->blocks_count; i++)
		free(draft->blocks[i]);
	free(draft->blocks);
	free(draft->path);
	free(draft);
}

/* ---- the job ---- */

static int entry_compare(const void *left, const void *right)
{
	return strcmp((*(const ferry_entry *const *)left)->name,
		      (*(const ferry_entry *const *)right)->name);
}

/* In order. NULL: no memory. */
static const ferry_entry **draft_sort(const struct draft *draft)
{
	const ferry_entry **sorted = calloc(draft->count + 1, sizeof(ferry_entry *));
	size_t count = 0;

	for (size_t i = 0; sorted && i < draft->blocks_count; i++) {
		for (size_t j = 0; j < draft->blocks[i]->count; j++)
			sorted[count++] = &draft->blocks[i]->entries[j];
	}
	if (sorted)
		qsort(sorted, count, sizeof(ferry_entry *), entry_compare);
	return sorted;
}

/* A reference to itself as "./name" has no scheme, whatever colons are in it. */
static bool entry_write(FILE *page, const ferry_entry *entry)
{
	char *shown = evhttp_htmlescape(entry->name), *link = evhttp_uriencode(entry->name, -1, 0);
	const char *slash = entry->type == DT_DIR ? "/" : "";
	bool complete = shown && link;

	if (complete)
		fprintf(page, "<li><a href=\"./%s%s\">%s%s</a>\n", link, slash, shown, slash);
	free(shown);
	free(link);
	return complete;
}

static bool page_write(FILE *page, const struct draft *draft, const ferry_entry **sorted)
{
	bool is_root = strcmp(draft->path, ".") == 0, complete = true;
	char *shown = is_root ? strdup("") : evhttp_htmlescape(draft->path);
	const char *slash = is_root ? "" : "/";

	if (!shown)
		return false;
	fprintf(page, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>/%s%s</title>\n"
		"<h1>/%s%s</h1>\n<ul>\n%s", shown, slash, shown, slash,
		is_root ? "" : "<li><a href=\"../\">../</a>\n");
	free(shown);
	for (size_t i = 0; i < draft->count && complete; i++)
		complete = entry_write(page, sorted[i]);
	fputs("</ul>\n", page);
	if (draft->count > NAMES_MOST)
		fprintf(page, "<p>Only the first %zu names that were read.\n", draft->count);
	return complete;
}

/* Runs on a worker. */
static int listing_job(void *arg, ferry_result *out)
{
	const struct draft *draft = arg;
	const ferry_entry **sorted = draft_sort(draft);
	struct page head = { 0 }, *page = NULL;
	char *text = NULL;
	size_t bytes;
	FILE *file = sorted ? open_memstream(&text, &bytes) : NULL;
	bool complete = file != NULL;

	if (file) {
		complete = fwrite(&head, sizeof(head), 1, file) == 1 &&
			   page_write(file, draft, sorted);
		/* Where the last of it finds no memory it says so by the text alone. */
		complete &= fclose(file) == 0 && text;
	}
	free(sorted);
	if (!complete) {
		free(text);
		return -ENOMEM;
	}
	page = (struct page *)(void *)text;
	page->length = bytes - sizeof(head);
	*out = ferry_result_pointer(page, &ferry_dispose_free);
	return 0;
}

/* ---- on the loop's thread ---- */

static void listing_was_read(void *user);

/* Called by the loop. */
static void listing_was_written(ferry_local *job, void *user)
{
	struct listing *listing = user;

	listing->error = -ferry_error_errno(ferry_local_snapshot(job).exception);
	listing->done(listing->owner);
}

static void listing_write(struct listing *listing)
{
	ferry_pool *pool = listing->folder->files->pool;
	ferry_loop *loop = listing->folder->files->loop;
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = ferry_pool_lane(pool, FERRY_LANE_CPU);
	options.release = draft_free;
	listing->job = ferry_offload(loop, pool, listing_job, listing->draft, &options);
	if (!listing->job) {
		listing->error = -errno;
		return;
	}
	listing->draft = NULL;
	/* The first callback of a local needs no memory, so this cannot fail. */
	listing->error = ferry_local_add_done_callback(listing->job, listing_was_written, listing);
}

static int draft_add(struct draft *draft, ferry_entries *names)
{
	ferry_entries **blocks = realloc(draft->blocks, (draft->blocks_count + 1) *
							sizeof(ferry_entries *));

	if (!blocks)
		return -ENOMEM;
	draft->blocks = blocks;
	blocks[draft->blocks_count++] = names;
	draft->count += names->count;
	return 0;
}

/* What was read goes into the draft. True: that was all. */
static bool listing_gather(struct listing *listing)
{
	struct file *folder = listing->folder;
	bool is_last;

	listing->error = -folder->error;
	if (listing->error < 0)
		return true;
	is_last = folder->names->count == 0;
	listing->error = draft_add(listing->draft, folder->names);
	if (listing->error < 0)
		return true;
	folder->names = NULL;
	return is_last || listing->draft->count > NAMES_MOST;
}

static void listing_read(struct listing *listing)
{
	if (file_read_names(listing->folder, listing_was_read, listing))
		listing_was_read(listing);
}

static void listing_was_read(void *user)
{
	struct listing *listing = user;

	if (!listing_gather(listing)) {
		listing_read(listing);
		return;
	}
	if (listing->error == 0)
		listing_write(listing);
	file_free(listing->folder);
	listing->folder = NULL;
	if (listing->error < 0)
		listing->done(listing->owner);
}

int listing_begin(struct file *folder, const char *path, void (*done)(void *owner), void *owner,
		  struct listing **ret)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	struct draft *draft = calloc(1, sizeof(*draft));

	if (draft)
		draft->path = strdup(path);
	if (!listing || !draft || !draft->path) {
		free(listing);
		draft_free(draft);
		file_free(folder);
		return -ENOMEM;
	}
	*listing = (struct listing){ folder, draft, NULL, 0, done, owner };
	*ret = listing;
	listing_read(listing);
	return 0;
}

static void page_free(const void *data, size_t length, void *page)
{
	(void)data, (void)length;
	free(page);
}

int listing_take(struct listing *listing, struct evbuffer *piece)
{
	ferry_result result;
	struct page *page;

	if (listing->error < 0)
		return listing->error;
	if (ferry_local_take(listing->job, &result) < 0)
		return -ECANCELED;
	page = result.pointer;
	if (evbuffer_add_reference(piece, page->text, page->length, page_free, page) == 0)
		return 0;
	free(page);
	return -ENOMEM;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	if (listing->job) {
		ferry_local_remove_done_callback(listing->job, listing_was_written, listing);
		ferry_local_cancel(listing->job);
		ferry_local_unref(listing->job);
	}
	file_free(listing->folder);
	draft_free(listing->draft);
	free(listing);
}
