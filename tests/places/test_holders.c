/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What keeps an open waiting where no filesystem is slow does so: support/porter.h,
 * support/lease.h, and the FIFO of support/folder.h. So does the file that takes long to close.
 */
#include "places/caller.h"
#include "support/folder.h"
#include "support/lease.h"
#include "support/mounts.h"
#include "support/porter.h"

static unsigned skipped, shown;

static void skip(const char *what, const char *why)
{
	printf("skipped: %s: %s\n", what, why);
	skipped++;
}

static void ok(const char *what)
{
	printf("ok: %s\n", what);
	shown++;
}

static void a_porter_lets_in(void)
{
	const char *path = folder_path("file"), *other = folder_path("other");
	struct caller callers[3];
	struct porter porter;

	if (!porter_begin(&porter, path, false)) {
		skip("a porter", "no right to watch a file");
		return;
	}
	for (int i = 0; i < 3; i++)
		caller_begin(&callers[i], path, O_RDONLY);
	porter_await(&porter, 3);
	must(close(open(other, O_RDONLY)));
	must(close(open(path, O_PATH)));
	/* As well cached as can be, it waits nevertheless. */
	for (int i = 0; i < 3; i++)
		program_check(callers[i].result == CALLER_WAITS, "somebody got in");
	porter_let(&porter);
	for (int i = 0; i < 3; i++)
		program_check(caller_end(&callers[i]) == 0, "%d", callers[i].result);
	must(close(open(path, O_RDONLY)));
	program_check(porter_come(&porter) == 4, "%u came", porter_come(&porter));
	porter_close(&porter);
	caller_begin(&callers[0], path, O_RDONLY);
	porter_await(&porter, 1);
	porter_refuse(&porter);
	program_check(caller_end(&callers[0]) == -EPERM, "%d", callers[0].result);
	porter_close(&porter);
	caller_begin(&callers[0], path, O_RDONLY);
	porter_await(&porter, 1);
	porter_end(&porter);
	program_check(caller_end(&callers[0]) == 0, "%d", callers[0].result);
	must(close(open(path, O_RDONLY)));
	ok("who opens a file waits for the porter, and for nobody when he has gone");
}

static void a_lease_is_given_back(void)
{
	const char *path = folder_path("file");
	struct caller caller;
	struct lease lease;

	if (!lease_begin(&lease, path, F_WRLCK)) {
		skip("a lease", "there are none here");
		return;
	}
	program_check(open(path, O_RDONLY | O_NONBLOCK) < 0 && errno == EWOULDBLOCK,
		      "there is no lease");
	program_check(lease_await(&lease), "the holder was not asked");
	lease_end(&lease);
	program_check(lease_begin(&lease, path, F_WRLCK), "there is no second one");
	caller_begin(&caller, path, O_RDONLY);
	program_check(lease_await(&lease), "the holder was not asked");
	program_check(caller.result == CALLER_WAITS, "it does not wait");
	program_check(lease_give(&lease), "the holder is gone");
	program_check(caller_end(&caller) == 0, "%d", caller.result);
	lease_end(&lease);
	/* Who reads goes on as ever, and who writes does not. */
	program_check(lease_begin(&lease, path, F_RDLCK), "there is no third one");
	must(close(open(path, O_RDONLY)));
	caller_begin(&caller, path, O_WRONLY);
	program_check(lease_await(&lease), "the holder was not asked");
	program_check(caller.result == CALLER_WAITS, "it does not wait");
	/* Gone without a word, he leaves none. */
	lease_end(&lease);
	program_check(caller_end(&caller) == 0, "%d", caller.result);
	must(close(open(path, O_WRONLY | O_NONBLOCK)));
	ok("who opens a file waits until the lease is given back, or its holder ends");
}

static void a_fifo_waits_for_its_other_end(void)
{
	struct caller caller;
	int fd;

	folder_fifo("fifo");
	caller_begin(&caller, folder_path("fifo"), O_RDONLY);
	/* No such end before the other is there. */
	while ((fd = open(folder_path("fifo"), O_WRONLY | O_NONBLOCK)) < 0 && errno == ENXIO)
		sched_yield();
	must(fd);
	program_check(caller_end(&caller) == 0, "%d", caller.result);
	close(fd);
	ok("who opens a FIFO waits for its other end");
}

static void an_unlinked_file_has_many_parts(void)
{
	int fd = folder_unlinked(8 << 20);
	struct stat status;
	off_t end = 0, parts = 0;

	must(fstat(fd, &status));
	program_check(status.st_size == 8 << 20 && status.st_nlink == 0, "another file");
	while (parts < 4096 && (end = lseek(fd, end, SEEK_DATA)) >= 0 && end < status.st_size &&
	       (end = lseek(fd, end, SEEK_HOLE)) >= 0)
		parts++;
	must(close(fd));
	if (parts <= 1)
		skip("a file in many parts", "this filesystem has no holes");
	else
		ok("a file without a name has many parts");
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "what keeps an open waiting", 1, 1);
	folder_make();
	folder_file("file", "content");
	folder_file("other", "content");
	a_porter_lets_in();
	a_lease_is_given_back();
	a_fifo_waits_for_its_other_end();
	an_unlinked_file_has_many_parts();
	folder_remove();
	return 0;
}
