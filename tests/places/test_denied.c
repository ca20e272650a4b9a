/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * support/denied.h: a call that is denied fails as told, on this thread and on those made later,
 * and no other call does.
 */
#include <linux/stat.h>
#include <sys/stat.h>

#include "places/caller.h"
#include "support/denied.h"
#include "support/fixture.h"

struct denial {
	long number;
	int error;
	const char *name;
};

static int attempt(long number)
{
	long result = syscall(number, -1, NULL, 0, 0, 0, 0);

	return result < 0 ? -errno : 0;
}

static void *attempt_elsewhere(void *given)
{
	struct denial *denial = given;

	program_check(attempt(denial->number) == -denial->error, "%s on another thread: %d",
		      denial->name, attempt(denial->number));
	return NULL;
}

static int deny(void *given)
{
	struct denial *denial = given;
	pthread_t thread;

	if (!denied(denial->number, denial->error))
		return SKIPPED;
	program_check(attempt(denial->number) == -denial->error, "%s: %d", denial->name,
		      attempt(denial->number));
	program_check(!pthread_create(&thread, NULL, attempt_elsewhere, denial), "no thread");
	pthread_join(thread, NULL);
	must(close(open("/", O_RDONLY)));
	program_check(attempt(SYS_read) == -EBADF, "another call is denied");
	/* The last word counts. */
	program_check(denied(denial->number, ENOMEM), "no second filter");
	program_check(attempt(denial->number) == -ENOMEM, "%s: %d", denial->name,
		      attempt(denial->number));
	return 0;
}

int main(int argc, char **argv)
{
	static struct denial denials[] = {
		{ SYS_openat2, ENOSYS, "openat2" },     { SYS_openat2, EPERM, "openat2" },
		{ SYS_statx, ENOSYS, "statx" },         { SYS_statx, EPERM, "statx" },
		{ SYS_statmount, ENOSYS, "statmount" }, { SYS_listmount, EPERM, "listmount" },
		{ SYS_eventfd2, ENOSYS, "eventfd2" },   { SYS_eventfd2, EPERM, "eventfd2" },
		{ SYS_preadv2, ENOSYS, "preadv2" },     { SYS_preadv2, EOPNOTSUPP, "preadv2" },
	};

	program_begin(argc, argv, "system calls that are denied", 1, 1);
	for (unsigned i = 0; i < sizeof(denials) / sizeof(*denials); i++) {
		int status = fixture_in_child(deny, &denials[i]);

		if (status == SKIPPED) {
			puts("skipped: no filter of system calls can be set here");
			return SKIPPED;
		}
		program_check(status == 0, "status %d", status);
		printf("ok: %s fails with %s\n", denials[i].name, strerror(denials[i].error));
	}
	return 0;
}
