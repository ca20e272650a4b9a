/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A filesystem that hangs, for programs that are no C: support/slow_mount.h by commands.
 *
 *   hung_mount UNDER
 *
 * makes a folder in UNDER and mounts a filesystem at "mount" in it, which has a file "file" of 4096
 * bytes. Writes the path of the mount in a line on stdout; then does what lines on stdin say, and
 * answers each with "ok":
 *
 *   make NAME      there is another file
 *   hang open      from here on each open is held; or read
 *   await open 2   answers when so many opens are held
 *   release        those that were held, and all that come, go on
 *
 * At the end of stdin all of it is gone. Leaves with 77 where there can be none, and says why.
 */
#include <stdlib.h>

#include "support/slow_mount.h"

static bool operation_of(const char *name, enum slow_operation *ret)
{
	*ret = strcmp(name, "open") == 0 ? SLOW_OPEN : SLOW_READ;
	return *ret == SLOW_OPEN || strcmp(name, "read") == 0;
}

static bool fill(const char *path)
{
	static const char text[4096];
	FILE *file = fopen(path, "we");

	return file && fwrite(text, sizeof(text), 1, file) == 1 && fclose(file) == 0;
}

/* False: there is no such command, or it cannot be done. */
static bool obey(struct slow_mount *mount, const char *line)
{
	enum slow_operation operation;
	char name[16];
	unsigned count;

	if (sscanf(line, "make %15s", name) == 1 && !strchr(name, '/'))
		return fill(slow_mount_below(mount, name));
	if (strcmp(line, "release\n") == 0)
		slow_mount_release(mount, SLOW_ANYTHING);
	else if (sscanf(line, "hang %15s", name) == 1 && operation_of(name, &operation))
		slow_mount_hang(mount, operation);
	else if (sscanf(line, "await %15s %u", name, &count) == 2 && operation_of(name, &operation))
		slow_mount_await(mount, operation, count);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	/* Nothing that was read is kept, so that reads come to the filesystem. */
	struct slow_mount_options options = { .direct = true };
	struct slow_mount mount;
	const char *why;
	char line[64];

	if (argc != 2) {
		fputs("usage: hung_mount UNDER\n", stderr);
		return 2;
	}
	setenv("TMPDIR", argv[1], 1);
	why = slow_mount_begin(&mount, options);
	if (why) {
		fprintf(stderr, "skipped: %s\n", why);
		return 77;
	}
	if (!fill(slow_mount_below(&mount, "file"))) {
		slow_mount_end(&mount);
		return 1;
	}
	puts(slow_mount_path(&mount, ""));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		puts(obey(&mount, line) ? "ok" : "no");
		fflush(stdout);
	}
	slow_mount_release(&mount, SLOW_ANYTHING);
	slow_mount_end(&mount);
	return 0;
}
