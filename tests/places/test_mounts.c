/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * support/mounts.h: there are a tmpfs and an overlayfs that only their test sees and that go with
 * it, and names can be forgotten. support/alone.h: of what others mount only what tests do is left
 * out.
 */
#include <sys/vfs.h>

#include "places/caller.h"
#include "support/fixture.h"
#include "support/folder.h"
#include "support/mounts.h"
#include "support/porter.h"

#define TMPFS 0x01021994
#define OVERLAY 0x794c7630
#define FUSECTL 0x65735543

static bool is_kind(const char *path, unsigned long kind)
{
	struct statfs status;

	must(statfs(path, &status));
	return (unsigned long)status.f_type == kind;
}

static bool is_same(const char *path, const char *content)
{
	char found[64] = "";
	int fd = open(path, O_RDONLY);

	program_check(fd >= 0 && read(fd, found, sizeof(found) - 1) >= 0, "%s: %s", path,
		      strerror(errno));
	close(fd);
	return !strcmp(found, content);
}

static int skip(const char *why)
{
	printf("skipped: %s\n", why);
	fflush(stdout);
	return SKIPPED;
}

static int a_porter_before_a_mount(void)
{
	struct caller caller;
	struct porter porter;

	if (!porter_begin(&porter, folder_path("memory"), true))
		return skip("no right to watch a mount");
	caller_begin(&caller, folder_path("memory/file"), O_RDONLY);
	porter_await(&porter, 1);
	must(close(open(folder_path("layers/merged/file"), O_RDONLY)));
	porter_end(&porter);
	program_check(caller_end(&caller) == 0, "%d", caller.result);
	puts("ok: a porter stands before each file of one mount");
	return 0;
}

static int mounts(void *nothing)
{
	const char *why = mounts_begin();

	(void)nothing;
	if (why)
		return skip(why);
	folder_below("memory", 0755);
	why = mounts_tmpfs(folder_path("memory"));
	if (why)
		return skip(why);
	program_check(is_kind(folder_path("memory"), TMPFS), "it is no tmpfs");
	folder_file("memory/file", "memory");
	puts("ok: there is a tmpfs");

	folder_below("layers", 0755);
	why = mounts_overlay(folder_path("layers"));
	if (why)
		return skip(why);
	folder_file("layers/lower/file", "lower");
	program_check(is_kind(folder_path("layers/merged"), OVERLAY), "it is no overlayfs");
	program_check(is_same(folder_path("layers/merged/file"), "lower"), "other content");
	folder_file("layers/merged/new", "new");
	program_check(is_same(folder_path("layers/upper/new"), "new"), "other content");
	puts("ok: there is an overlayfs");

	a_porter_before_a_mount();
	program_check(mounts_remove(folder_path("layers")), "it cannot be removed");
	program_check(access(folder_path("layers/merged"), F_OK) < 0, "it is still there");
	fflush(stdout);
	return 0;
}

/* Of two filesystems that stand for a test's and for one of the machine's. */
static int leaves_out(void *nothing)
{
	const char *why = mounts_begin();

	(void)nothing;
	if (why)
		return skip(why);
	folder_below("others", 0755);
	folder_below("machine", 0755);
	if (mount("ferry-slow", folder_path("others"), "tmpfs", 0, NULL) ||
	    mount("none", folder_path("machine"), "fusectl", 0, NULL))
		return skip("no tmpfs or fusectl can be mounted");
	folder_file("others/file", "content");
	program_check(alone_begin(), "mounts cannot be kept from others");
	program_check(is_kind(folder_path("machine"), FUSECTL), "what the machine has is gone");
	program_check(access(folder_path("others/file"), F_OK) < 0, "what a test mounted is seen");
	puts("ok: mounts of other tests are left out, and no others");
	fflush(stdout);
	return 0;
}

static int forgets(void)
{
	const char *path = folder_path("file");
	int fd;

	must(access(path, F_OK));
	fd = open_cached(path);
	if (fd == -ENOSYS || fd == -EINVAL || fd == -EPERM)
		return skip("the kernel does not tell what it has cached");
	if (is_kind(path, TMPFS))
		return skip("a tmpfs never forgets");
	program_check(fd == 0, "not even cached: %d", fd);
	/* What was used a short while ago may be spared once. */
	for (int i = 0; i < 10 && fd == 0; i++) {
		if (!caches_forget(path))
			return skip("no right to drop caches");
		fd = open_cached(path);
	}
	program_check(fd == -EAGAIN, "it is still cached: %d", fd);
	must(access(path, F_OK));
	program_check(open_cached(path) == 0, "it is not cached again");
	puts("ok: names are forgotten");
	return 0;
}

int main(int argc, char **argv)
{
	int status, left_out, forgot;

	program_begin(argc, argv, "mounts of the tests' own", 1, 1);
	folder_make();
	folder_file("file", "content");
	status = fixture_in_child(mounts, NULL);
	program_check(status == 0 || status == SKIPPED, "status %d", status);
	program_check(access(folder_path("memory/file"), F_OK) < 0, "others see it");
	left_out = fixture_in_child(leaves_out, NULL);
	program_check(left_out == 0 || left_out == SKIPPED, "status %d", left_out);
	forgot = forgets();
	folder_remove();
	return status && left_out && forgot ? SKIPPED : 0;
}
