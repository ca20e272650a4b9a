/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every row of the table of operations, beside the plain system calls.
 *
 * A scene, a folder of all that a path may meet, is made twice: what a call does to it is what the
 * system's own does to the other, and so is what both say. A row without a scene, or whose errors
 * were not seen, fails.
 */
#include <criterion/criterion.h>
#include <grp.h>

#include "support/rows.h"

TestSuite(operations, .timeout = 120);

Test(operations, each_has_a_row_here_and_says_what_its_public_name_is)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		unsigned answers = operations[i].answers;
		bool is_taken = answers & (ANSWER_FD | ANSWER_ENTRIES | ANSWER_PATH | ANSWER_ROOT |
					   ANSWER_ADDRESSES) ||
				i == OPERATION_READ_FILE;

		cr_assert_not_null(operations[i].name, "%d", i);
		cr_assert_not_null(operations[i].run, "%s", operations[i].name);
		cr_assert_not_null(rows[i].ask, "%s", operations[i].name);
		cr_assert_not_null(rows[i].system, "%s", operations[i].name);
		cr_assert_eq(row_is_of_file(i), !rows[i].path, "%s", operations[i].name);
		cr_assert_eq(is_taken, rows[i].takes || rows[i].holds, "%s", operations[i].name);
	}
}

/* ---- the same as the system's, by path ---- */

enum leave {
	LEAVE_NEVER,
	LEAVE_BY_LINK,  /* if a link at its end is followed */
	LEAVE_BY_SLASH, /* so, too, for those who look at what a link with a slash leads to */
	LEAVE_ALWAYS,
};

static const struct odd_path {
	const char *path;
	enum leave leaves; /* a root */
} odd_paths[] = {
	{ "file", LEAVE_NEVER },
	{ "new", LEAVE_NEVER },
	{ "empty", LEAVE_NEVER },
	{ "dir", LEAVE_NEVER },
	{ "dir/inner", LEAVE_NEVER },
	{ "dir/up", LEAVE_NEVER },
	{ "dir/", LEAVE_NEVER },
	{ "empty//", LEAVE_NEVER },
	{ "dir/.", LEAVE_NEVER },
	{ "dir/..", LEAVE_NEVER },
	{ "dir/../file", LEAVE_NEVER },
	{ "./file", LEAVE_NEVER },
	{ ".", LEAVE_NEVER },
	{ "", LEAVE_NEVER },
	{ "link", LEAVE_NEVER },
	{ "link/", LEAVE_NEVER },
	{ "folder", LEAVE_NEVER },
	{ "folder/", LEAVE_NEVER },
	{ "folder/inner", LEAVE_NEVER },
	{ "folder/../other", LEAVE_NEVER },
	{ "dangling", LEAVE_NEVER },
	{ "one", LEAVE_NEVER },
	{ "one/below", LEAVE_NEVER },
	{ "missing/below", LEAVE_NEVER },
	{ "file/below", LEAVE_NEVER },
	{ "file/", LEAVE_NEVER },
	{ "new/", LEAVE_NEVER },
	{ "secret", LEAVE_NEVER },
	{ "locked/file", LEAVE_NEVER },
	{ "locked/new", LEAVE_NEVER },
	{ "closed", LEAVE_NEVER },
	{ "closed/file", LEAVE_NEVER },
	{ LONG_NAME, LEAVE_NEVER },
	{ LONG_PATH, LEAVE_NEVER },
	{ "out", LEAVE_BY_LINK },
	{ "outfile", LEAVE_BY_LINK },
	{ "out/", LEAVE_BY_SLASH },
	{ "..", LEAVE_ALWAYS },
	{ "../scene/file", LEAVE_ALWAYS },
	{ "out/file", LEAVE_ALWAYS },
	{ "out/new", LEAVE_ALWAYS },
	{ "dir/../../outside/file", LEAVE_ALWAYS },
	{ OUTER_PATH, LEAVE_ALWAYS },
};

static const struct odd_path other_paths[] = {
	{ "new", LEAVE_NEVER },     { "other", LEAVE_NEVER },       { "dir", LEAVE_NEVER },
	{ "empty", LEAVE_NEVER },   { "link", LEAVE_NEVER },        { "dir/below", LEAVE_NEVER },
	{ "new/", LEAVE_NEVER },    { "missing/new", LEAVE_NEVER }, { "locked/new", LEAVE_NEVER },
	{ "out", LEAVE_BY_LINK },   { "out/", LEAVE_BY_SLASH },     { "out/new", LEAVE_ALWAYS },
	{ "../new", LEAVE_ALWAYS },
};

static bool leaves(const struct odd_path *odd, enum look look)
{
	switch (odd->leaves) {
	case LEAVE_BY_LINK:
		return look == LOOK_FOLLOWS;
	case LEAVE_BY_SLASH:
		return look != LOOK_CHANGES;
	default:
		return odd->leaves == LEAVE_ALWAYS;
	}
}

static ferry_fs_root *open_root(const char *path)
{
	ferry_local *local = ferry_fs_root_open(loop, pool, path, NULL, NULL);
	ferry_result result;

	cr_assert_eq(files_errno(local), 0, "%s", path);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	ferry_local_unref(local);
	return result.pointer;
}

/* How often each row ended with each errno. */
static unsigned seen[OPERATION_COUNT][256];

static void see(int number, int outcome)
{
	if (outcome <= 0 && outcome > -256)
		seen[number][-outcome]++;
}

static void check_same(int number, const char *what, int theirs_came_to, int ours_came_to,
		       const struct said *they_said, const struct said *we_said)
{
	char one[PORTRAIT_ROOM], other[PORTRAIT_ROOM];

	cr_assert_eq(ours_came_to, theirs_came_to, "%s %s: %d instead of %d",
		     operations[number].name, what, ours_came_to, theirs_came_to);
	cr_assert_str_eq(we_said->text, they_said->text, "%s %s: it says %s instead of %s",
			 operations[number].name, what, we_said->text, they_said->text);
	portrait_of(theirs.path, one);
	portrait_of(ours.path, other);
	cr_assert_str_eq(other, one, "%s %s does\n%s instead of\n%s", operations[number].name, what,
			 other, one);
}

static void check_left(int number, const char *what, int came_to, int expected)
{
	cr_assert(expected ? came_to == expected : came_to < 0, "%s %s leaves its root: %d",
		  operations[number].name, what, came_to);
	cr_assert(place_is_as_made(&ours), "%s %s reached what is outside", operations[number].name,
		  what);
}

/*
 * Below a root directories come first. So ".." at the end is followed, and what is not to be
 * removed is the folder itself; and of two paths that are wrong the one whose directory is missing
 * is told of.
 */
static bool is_as_good(int number, const struct odd_path *other, int they_came_to, int we_came_to)
{
	if (number == OPERATION_RMDIR)
		return they_came_to == -ENOTEMPTY && we_came_to == -EINVAL;
	return other && !strcmp(other->path, "missing/new") && they_came_to < 0 &&
	       we_came_to == -ENOENT;
}

static void check_path(int number, const struct odd_path *path, const struct odd_path *other,
		       bool rooted, ferry_fs_policy policy)
{
	static char spelt[4][PATH_ROOM];
	struct given we = { &ours, spelt[0], spelt[1], -1, -1, NULL };
	struct given they = { &theirs, spelt[2], spelt[3], -1, -1, NULL };
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	struct said we_said = { "", 0 }, they_said = { "", 0 };
	int we_came_to, they_came_to;
	ferry_local *local;
	char what[256];

	snprintf(what, sizeof(what), "%s%s%s%s", path->path, other ? " to " : "",
		 other ? other->path : "", rooted ? ", below a root" : "");
	place_remake(&ours);
	place_remake(&theirs);
	row_spell(&ours, path->path, rooted, spelt[0]);
	row_spell(&ours, other ? other->path : "", rooted, spelt[1]);
	row_spell(&theirs, path->path, false, spelt[2]);
	row_spell(&theirs, other ? other->path : "", false, spelt[3]);
	they_came_to = rows[number].system(&they, &they_said);
	options.root = rooted ? open_root(place_path(&ours, "scene")) : NULL;
	options.policy = policy;
	local = rows[number].ask(&we, &options);
	cr_assert_not_null(local, "%s %s", operations[number].name, what);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	we_came_to = row_said(number, &we, local, &we_said);
	see(number, we_came_to);
	ferry_local_unref(local);
	ferry_fs_root_unref(options.root);
	if (rooted && is_as_good(number, other, they_came_to, we_came_to))
		they_came_to = we_came_to;
	if (rooted && leaves(path, rows[number].look))
		/* What is made has no slash behind it, wherever it is: that is said first. */
		check_left(number, what, we_came_to,
			   number == OPERATION_OPEN && path->leaves == LEAVE_BY_SLASH ? -EISDIR
										      : -EXDEV);
	else if (rooted && other && leaves(other, LOOK_CHANGES))
		/* The first may have gone wrong before. */
		check_left(number, what, we_came_to, strcmp(path->path, "file") ? 0 : -EXDEV);
	else
		check_same(number, what, they_came_to, we_came_to, &they_said, &we_said);
}

static void check_row(int number, bool rooted, ferry_fs_policy policy)
{
	for (size_t i = 0; i < LENGTH(odd_paths); i++)
		if (!row_has_two_paths(number))
			check_path(number, &odd_paths[i], NULL, rooted, policy);
		else
			for (size_t j = 0; j < LENGTH(other_paths); j++)
				check_path(number, &odd_paths[i], &other_paths[j], rooted, policy);
}

/* What can be answered inline is, where it can; and once more by the pool. */
static void check_row_by_path(int number, bool rooted)
{
	if (operations[number].attempt)
		check_row(number, rooted, FERRY_FS_INLINE);
	check_row(number, rooted, FERRY_FS_POOL);
}

static void begin_as_nobody(void)
{
	rows_begin_folder();
	if (!getuid())
		place_must(chown(folder, 65534, 65534), folder);
	place_must(getuid() ? 0 : setgroups(0, NULL), "no other groups");
	folder_be_nobody();
	if (access(folder, W_OK | X_OK))
		cr_skip_test("nobody cannot get to %s", folder);
	files_begin_without_folder();
	snprintf(ours.path, sizeof(ours.path), "%s/ours", folder);
	snprintf(theirs.path, sizeof(theirs.path), "%s/theirs", folder);
	place_make(&ours);
	place_make(&theirs);
}

static void check_seen(int number, const int *errors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_assert_gt(seen[number][errors[i]], 0, "%s never was: %s",
			     operations[number].name, strerror(errors[i]));
}

static void check_paths(bool rooted)
{
	static const int errors[] = { 0, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG };
	int before = fixture_descriptors();

	for (int i = 0; i < OPERATION_COUNT; i++) {
		if (!row_is_of_path(i) || (rooted && i == OPERATION_ROOT_OPEN))
			continue;
		check_row_by_path(i, rooted);
		check_seen(i, errors, LENGTH(errors));
		check_seen(i, (int[]){ EXDEV }, rooted);
	}
	files_await_worker();
	cr_assert_eq(fixture_descriptors(), before);
}

Test(operations, E1_each_does_and_says_by_path_what_the_system_does, .init = rows_begin,
     .fini = rows_end)
{
	check_paths(false);
	check_seen(OPERATION_MKDIR, (int[]){ EEXIST }, 1);
	check_seen(OPERATION_SYMLINK, (int[]){ EEXIST }, 1);
	check_seen(OPERATION_LINK, (int[]){ EEXIST, EPERM }, 2);
	check_seen(OPERATION_RMDIR, (int[]){ ENOTEMPTY, EINVAL }, 2);
	check_seen(OPERATION_UNLINK, (int[]){ EISDIR }, 1);
	check_seen(OPERATION_RENAME, (int[]){ EISDIR, ENOTEMPTY, EINVAL, EBUSY }, 4);
	check_seen(OPERATION_OPEN, (int[]){ EISDIR }, 1);
	check_seen(OPERATION_READ_FILE, (int[]){ EISDIR, EFBIG }, 2);
	check_seen(OPERATION_WRITE_FILE_ATOMIC, (int[]){ EISDIR, EBUSY }, 2);
	check_seen(OPERATION_READLINK, (int[]){ EINVAL }, 1);
}

Test(operations, S1_below_a_root_each_does_the_same_and_none_leaves_it, .init = rows_begin,
     .fini = rows_end)
{
	check_paths(true);
}

Test(operations, E1_each_is_refused_what_the_system_refuses_nobody, .init = begin_as_nobody,
     .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		if (!row_is_of_path(i))
			continue;
		check_row_by_path(i, false);
		check_seen(i, (int[]){ EACCES }, 1);
		if (i != OPERATION_ROOT_OPEN)
			check_row_by_path(i, true);
	}
	check_seen(OPERATION_CHOWN, (int[]){ EPERM }, 1);
}

/* ---- the same as the system's, by open file ---- */

/* Where it stands, and whether it is open at all; closes it. */
static void say_end(struct said *said, int number, int fd, int more)
{
	if (number != OPERATION_READDIR_BATCH)
		say(said, "at %d, open %d\n", (int)lseek(fd, 0, SEEK_CUR), row_is_open(fd));
	if (row_is_open(fd))
		close(fd);
	if (more >= 0)
		close(more);
}

static void say_ends(struct said *said, int number, const struct descriptors *open)
{
	say_end(said, number, open->fd, open->more);
	say_end(said, number, open->other, open->other_more);
}

static void check_kind(int number, enum kind kind, enum kind other, bool rooted)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	struct said we_said = { "", 0 }, they_said = { "", 0 };
	struct descriptors open;
	struct given given;
	int we_came_to, they_came_to;
	ferry_local *local;
	char what[64];

	snprintf(what, sizeof(what), "%s, %s%s", kinds[kind], kinds[other],
		 rooted ? ", of a root" : "");
	place_remake(&ours);
	place_remake(&theirs);
	given = row_give_open(&theirs, kind, other, &open);
	they_came_to = rows[number].system(&given, &they_said);
	say_ends(&they_said, number, &open);
	given = row_give_open(&ours, kind, other, &open);
	options.root = rooted ? open_root(place_path(&ours, "scene")) : NULL;
	local = rows[number].ask(&given, &options);
	cr_assert_not_null(local, "%s %s", operations[number].name, what);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	we_came_to = row_said(number, &given, local, &we_said);
	see(number, we_came_to);
	say_ends(&we_said, number, &open);
	ferry_local_unref(local);
	ferry_fs_root_unref(options.root);
	check_same(number, what, they_came_to, we_came_to, &they_said, &we_said);
}

Test(operations, E1_each_does_and_says_of_an_open_file_what_the_system_does, .init = rows_begin,
     .fini = rows_end)
{
	int before = fixture_descriptors();

	for (int i = 0; i < OPERATION_COUNT; i++) {
		unsigned others = operations[i].traits & OPERATION_TWO ? KINDS : 1;

		for (unsigned j = 0; row_is_of_file(i) && j < KINDS * others; j++)
			check_kind(i, (enum kind)(j % KINDS), (enum kind)(j / KINDS), false);
		for (unsigned j = 0; i == OPERATION_CLOSE && j < KINDS; j++)
			check_kind(i, (enum kind)j, KIND_NONE, true);
		if (row_is_of_file(i))
			check_seen(i, (int[]){ 0, EBADF }, 2);
	}
	check_seen(OPERATION_READ, (int[]){ EISDIR, ESPIPE }, 2);
	check_seen(OPERATION_WRITE, (int[]){ ESPIPE }, 1);
	check_seen(OPERATION_FSYNC, (int[]){ EINVAL }, 1);
	check_seen(OPERATION_FDATASYNC, (int[]){ EINVAL }, 1);
	check_seen(OPERATION_FTRUNCATE, (int[]){ EINVAL }, 1);
	check_seen(OPERATION_COPY_FILE_RANGE, (int[]){ EINVAL, EISDIR }, 2);
	check_seen(OPERATION_READDIR_BATCH, (int[]){ ENOTDIR }, 1);
	files_await_worker();
	cr_assert_eq(fixture_descriptors(), before);
}

Test(operations, E1_lookups_say_what_those_of_the_system_say, .init = rows_begin, .fini = rows_end)
{
	static const struct given queries[] = {
		{ NULL, "127.0.0.1", "80", -1, -1, &numbers },
		{ NULL, "::1", NULL, -1, -1, &numbers },
		{ NULL, NULL, "80", -1, -1, &numbers },
		{ NULL, "localhost", "80", -1, -1, NULL },
		{ NULL, "127.0.0.1", "no such service", -1, -1, &numbers },
		{ NULL, "256.0.0.0.0", "80", -1, -1, &numbers },
		{ NULL, "?", NULL, -1, -1, &numbers },
	};

	for (int i = OPERATION_GETADDRINFO; i <= OPERATION_GETNAMEINFO; i++)
		for (size_t j = 0; j < LENGTH(queries); j++) {
			struct said we_said = { "", 0 }, they_said = { "", 0 };
			int they_came_to, we_came_to;
			ferry_local *local;

			if (i == OPERATION_GETNAMEINFO && !queries[j].path)
				continue;
			they_came_to = rows[i].system(&queries[j], &they_said);
			local = rows[i].ask(&queries[j], NULL);
			cr_assert_not_null(local);
			cr_assert_eq(ferry_loop_run_until(loop, local), 0);
			we_came_to = row_said(i, &queries[j], local, &we_said);
			ferry_local_unref(local);
			check_same(i, queries[j].path ? queries[j].path : "this host", they_came_to,
				   we_came_to, &they_said, &we_said);
		}
}
