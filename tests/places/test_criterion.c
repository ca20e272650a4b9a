/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What support/ has of filesystems and watchers can be used in tests for Criterion as well. */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "places/caller.h"
#include "support/denied.h"
#include "support/folder.h"
#include "support/mounts.h"
#include "support/porter.h"
#include "support/slow_mount.h"

TestSuite(places, .timeout = 30);

static struct slow_mount mount_of_test;

Test(places, a_filesystem_hangs_and_is_released)
{
	const char *why = slow_mount_begin(&mount_of_test, (struct slow_mount_options){ 0 });
	struct caller caller;

	if (why)
		cr_skip_test("%s", why);
	slow_mount_hang(&mount_of_test, SLOW_CREATE);
	caller_begin(&caller, slow_mount_path(&mount_of_test, "file"), O_CREAT | O_WRONLY);
	slow_mount_await(&mount_of_test, SLOW_CREATE, 1);
	cr_assert_eq(caller.result, CALLER_WAITS);
	slow_mount_release(&mount_of_test, SLOW_CREATE);
	cr_assert_eq(caller_end(&caller), 0);
	cr_assert_eq(access(slow_mount_below(&mount_of_test, "file"), F_OK), 0);
	slow_mount_end(&mount_of_test);
}

Test(places, a_filesystem_that_nobody_ends_goes_with_its_test)
{
	const char *why = slow_mount_begin(&mount_of_test, (struct slow_mount_options){ 0 });

	if (why)
		cr_skip_test("%s", why);
	slow_mount_hang(&mount_of_test, SLOW_ANYTHING);
}

Test(places, mounts_are_private)
{
	const char *why = mounts_begin();

	if (why)
		cr_skip_test("%s", why);
	folder_make();
	folder_below("memory", 0755);
	why = mounts_tmpfs(folder_path("memory"));
	if (why)
		cr_skip_test("%s", why);
	folder_file("memory/file", "content");
	cr_assert(mounts_remove(folder_path("memory")));
	cr_assert_lt(access(folder_path("memory/file"), F_OK), 0);
	folder_remove();
}

Test(places, system_calls_are_denied)
{
	if (!denied(SYS_openat2, EPERM))
		cr_skip_test("no filter of system calls can be set here");
	cr_assert_eq(open_cached("/"), -EPERM);
}

Test(places, a_porter_keeps_an_open_waiting)
{
	struct caller caller;
	struct porter porter;

	folder_make();
	folder_file("file", "content");
	if (porter_begin(&porter, folder_path("file"), false)) {
		caller_begin(&caller, folder_path("file"), O_RDONLY);
		porter_await(&porter, 1);
		porter_end(&porter);
		cr_assert_eq(caller_end(&caller), 0);
	}
	folder_remove();
}
