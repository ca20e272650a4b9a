/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_ROWS_H
#define SUPPORT_ROWS_H
/*
 * A row for each operation of the table: how its call is made, and how a plain program does the
 * same; what it is given, and what is said of how it went.
 *
 *   rows_begin();                               loop, pool, and the places ours and theirs
 *   local = rows[number].ask(&given, options);  on ours
 *   row_said(number, &given, local, &said)      what it came to, once it is done
 *   rows[number].system(&given, &said)          the same on theirs, by system calls
 *   rows_end();
 */
#include <limits.h>
#include <netdb.h>
#include <sys/socket.h>

#include "fs/operation.h"
#include "support/files.h"
#include "support/place.h"

#define SAID_ROOM 4096
#define PATH_ROOM 16384

/* ---- what is said ---- */

struct said {
	char text[SAID_ROOM];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct said *said, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	said->used += (size_t)vsnprintf(said->text + said->used, SAID_ROOM - said->used, format,
					arguments);
	va_end(arguments);
	cr_assert_lt(said->used, SAID_ROOM);
}

static inline void say_attributes(struct said *said, unsigned mode, uint64_t links, uint64_t size)
{
	/* How large a folder is, is its filesystem's business. */
	say(said, "mode %o links %u size %u\n", mode, S_ISDIR(mode) ? 0 : (unsigned)links,
	    S_ISDIR(mode) ? 0 : (unsigned)size);
}

static inline void say_status(struct said *said, const struct stat *status)
{
	say_attributes(said, status->st_mode, status->st_nlink, (uint64_t)status->st_size);
}

/* An open file: what it is of, and how it was opened. */
static inline void say_fd(struct said *said, int fd)
{
	struct stat status;

	place_must(fstat(fd, &status), "an open file");
	say_status(said, &status);
	say(said, "flags %o, closed on exec %d\n", fcntl(fd, F_GETFL),
	    fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static inline void say_bytes(struct said *said, const void *bytes, size_t count)
{
	say(said, "%u bytes %.*s\n", (unsigned)count, (int)count, (const char *)bytes);
}

static inline void say_path(struct said *said, const struct place *place, const char *path)
{
	size_t length = strlen(place->path);
	char whole[PATH_MAX];

	if (realpath(place->path, whole))
		length = strlen(whole);
	say(said, "path %s\n", strncmp(path, whole, length) ? path : path + length);
}

static inline int say_compare(const void *one, const void *other)
{
	return strcmp(one, other);
}

/* Entries come in any order. */
static inline void say_entries(struct said *said, char (*lines)[64], size_t count)
{
	qsort(lines, count, sizeof(*lines), say_compare);
	for (size_t i = 0; i < count; i++)
		say(said, "%s\n", lines[i]);
}

static inline void say_addresses(struct said *said, const struct addrinfo *address)
{
	for (; address; address = address->ai_next) {
		say(said, "%d %d %d %d ", address->ai_flags, address->ai_family,
		    address->ai_socktype, address->ai_protocol);
		for (unsigned i = 0; i < address->ai_addrlen; i++)
			say(said, "%02x", ((const unsigned char *)address->ai_addr)[i]);
		say(said, "\n");
	}
}

/* ---- rows ---- */

/* What a call is given; paths below a root as they are, else with the place before them. */
struct given {
	const struct place *place;
	const char *path, *other;
	int fd, other_fd;
	const struct addrinfo *hints;
};

/* What a path row does with links, which is whether it leaves a root by them. */
enum look {
	LOOK_FOLLOWS, /* a link at the end is followed */
	LOOK_STAYS,   /* it is not, unless a slash is behind it */
	LOOK_CHANGES, /* it is not, whatever is behind it */
};

struct row {
	ferry_local *(*ask)(const struct given *given, const ferry_fs_options *options);
	/* 0, or a negative errno; less than that for codes of a lookup. */
	int (*system)(const struct given *given, struct said *said);
	enum look look;
	const char *path, *other; /* that succeed */
	int takes;                /* 1: its result is disposed of, if nobody takes it */
	int holds;                /* 1: it is a descriptor */
};

static inline int row_returned(int value)
{
	return value < 0 ? -errno : 0;
}

static inline ferry_local *ask_stat(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, given->path, options);
}

static inline int system_stat(const struct given *given, struct said *said)
{
	struct stat status;

	if (stat(given->path, &status))
		return -errno;
	say_status(said, &status);
	return 0;
}

static inline ferry_local *ask_lstat(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_lstat(loop, pool, given->path, options);
}

static inline int system_lstat(const struct given *given, struct said *said)
{
	struct stat status;

	if (lstat(given->path, &status))
		return -errno;
	say_status(said, &status);
	return 0;
}

static inline ferry_local *ask_fstat(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_fstat(loop, pool, given->fd, options);
}

static inline int system_fstat(const struct given *given, struct said *said)
{
	struct stat status;

	if (fstat(given->fd, &status))
		return -errno;
	say_status(said, &status);
	return 0;
}

#define OPEN_FLAGS (O_RDWR | O_CREAT)
#define OPEN_MODE 0604

static inline ferry_local *ask_open(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_open(loop, pool, given->path, OPEN_FLAGS, OPEN_MODE, options);
}

static inline int system_open(const struct given *given, struct said *said)
{
	int fd = open(given->path, OPEN_FLAGS | O_CLOEXEC, OPEN_MODE);

	if (fd < 0)
		return -errno;
	say_fd(said, fd);
	close(fd);
	return 0;
}

static inline ferry_local *ask_open_stat(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_open_stat(loop, pool, given->path, O_RDONLY, 0, options);
}

static inline int system_open_stat(const struct given *given, struct said *said)
{
	int fd = open(given->path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -errno;
	say_fd(said, fd);
	place_must(fstat(fd, &status), given->path);
	say_status(said, &status);
	close(fd);
	return 0;
}

static inline ferry_local *ask_close(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_close(loop, pool, given->fd, options);
}

static inline int system_close(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(close(given->fd));
}

static inline ferry_local *ask_root_open(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_root_open(loop, pool, given->path, NULL, options);
}

static inline int system_root_open(const struct given *given, struct said *said)
{
	int fd = open(given->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	say_fd(said, fd);
	close(fd);
	return 0;
}

#define READ_COUNT 4
#define READ_OFFSET 3

static inline ferry_local *ask_read(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_read(loop, pool, given->fd, READ_COUNT, READ_OFFSET, options);
}

static inline int system_read(const struct given *given, struct said *said)
{
	char bytes[READ_COUNT];
	ssize_t got = pread(given->fd, bytes, sizeof(bytes), READ_OFFSET);

	if (got < 0)
		return -errno;
	say_bytes(said, bytes, (size_t)got);
	return 0;
}

static const char written[] = "new";

static inline ferry_local *ask_write(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_write(loop, pool, given->fd, written, 3, READ_OFFSET, options);
}

static inline int system_write(const struct given *given, struct said *said)
{
	ssize_t wrote = pwrite(given->fd, written, 3, READ_OFFSET);

	if (wrote < 0)
		return -errno;
	say(said, "count %d\n", (int)wrote);
	return 0;
}

static inline ferry_local *ask_fsync(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_fsync(loop, pool, given->fd, options);
}

static inline int system_fsync(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(fsync(given->fd));
}

static inline ferry_local *ask_fdatasync(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_fdatasync(loop, pool, given->fd, options);
}

static inline int system_fdatasync(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(fdatasync(given->fd));
}

static inline ferry_local *ask_ftruncate(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_ftruncate(loop, pool, given->fd, 7, options);
}

static inline int system_ftruncate(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(ftruncate(given->fd, 7));
}

static inline ferry_local *ask_copy(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_copy_file_range(loop, pool, given->fd, 1, given->other_fd, 2, 5, options);
}

static inline int system_copy(const struct given *given, struct said *said)
{
	off_t from = 1, to = 2;
	ssize_t copied = copy_file_range(given->fd, &from, given->other_fd, &to, 5, 0);

	if (copied < 0)
		return -errno;
	say(said, "count %d\n", (int)copied);
	return 0;
}

#define FILE_MOST 10

static inline ferry_local *ask_read_file(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_read_file(loop, pool, given->path, FILE_MOST, options);
}

static inline int system_read_file(const struct given *given, struct said *said)
{
	char bytes[FILE_MOST + 1];
	int fd = open(given->path, O_RDONLY | O_CLOEXEC), error;
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, bytes, sizeof(bytes));
	error = got < 0 ? -errno : got > FILE_MOST ? -EFBIG : 0;
	close(fd);
	if (!error)
		say_bytes(said, bytes, (size_t)got);
	return error;
}

#define WHOLE_MODE 0606

static inline ferry_local *ask_write_file(const struct given *given,
					  const ferry_fs_options *options)
{
	return ferry_fs_write_file_atomic(loop, pool, given->path, written, 3, WHOLE_MODE, options);
}

static inline int system_write_file(const struct given *given, struct said *said)
{
	char directory[PATH_ROOM], temporary[PATH_ROOM + 8];
	char *slash;
	int fd, error = 0;

	(void)said;
	snprintf(directory, sizeof(directory), "%s", given->path);
	slash = strrchr(directory, '/');
	if (!slash)
		return -ENOENT;
	/* As for who would make a file of such a name. */
	if (!slash[1])
		return -EISDIR;
	*slash = 0;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	snprintf(temporary, sizeof(temporary), "%s/.other", directory);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, written, 3) != 3 || fchmod(fd, WHOLE_MODE) ||
	    rename(temporary, given->path)) {
		error = -errno;
		unlink(temporary);
	}
	close(fd);
	return error;
}

static inline ferry_local *ask_readdir(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_readdir(loop, pool, given->path, options);
}

static inline int say_folder(int fd, struct said *said)
{
	char lines[64][64];
	size_t count = 0;
	DIR *directory = fdopendir(fd);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			snprintf(lines[count++], 64, "%.50s %d", entry->d_name, entry->d_type);
	if (!directory)
		return -errno;
	say_entries(said, lines, count);
	closedir(directory);
	return 0;
}

static inline int system_readdir(const struct given *given, struct said *said)
{
	int fd = open(given->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : say_folder(fd, said);
}

static inline ferry_local *ask_batch(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_readdir_batch(loop, pool, given->fd, 4096, options);
}

static inline int system_batch(const struct given *given, struct said *said)
{
	char records[4096];
	int fd;

	if (syscall(SYS_getdents64, given->fd, records, sizeof(records)) < 0)
		return -errno;
	/* What was read is read again, by the C library. */
	fd = openat(given->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place_must(fd, "a folder");
	return say_folder(fd, said);
}

static inline ferry_local *ask_mkdir(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_mkdir(loop, pool, given->path, 0737, options);
}

static inline int system_mkdir(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(mkdir(given->path, 0737));
}

static inline ferry_local *ask_rmdir(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_rmdir(loop, pool, given->path, options);
}

static inline int system_rmdir(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(rmdir(given->path));
}

static inline ferry_local *ask_unlink(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_unlink(loop, pool, given->path, options);
}

static inline int system_unlink(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(unlink(given->path));
}

static inline ferry_local *ask_rename(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_rename(loop, pool, given->path, given->other, options);
}

static inline int system_rename(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(rename(given->path, given->other));
}

static inline ferry_local *ask_link(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_link(loop, pool, given->path, given->other, options);
}

static inline int system_link(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(link(given->path, given->other));
}

/* The first is what the link tells, whatever that is: it is not looked at. */
static inline ferry_local *ask_symlink(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_symlink(loop, pool, "told/by it", given->path, options);
}

static inline int system_symlink(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(symlink("told/by it", given->path));
}

static inline ferry_local *ask_readlink(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_readlink(loop, pool, given->path, options);
}

static inline int system_readlink(const struct given *given, struct said *said)
{
	char told[PATH_MAX];
	ssize_t length = readlink(given->path, told, sizeof(told) - 1);

	if (length < 0)
		return -errno;
	told[length] = 0;
	say_path(said, given->place, told);
	return 0;
}

static inline ferry_local *ask_realpath(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_realpath(loop, pool, given->path, options);
}

static inline int system_realpath(const struct given *given, struct said *said)
{
	char path[PATH_MAX];

	/* The C library does not see it as a whole, the kernel does. */
	if (strlen(given->path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!realpath(given->path, path))
		return -errno;
	say_path(said, given->place, path);
	return 0;
}

static inline ferry_local *ask_chmod(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_chmod(loop, pool, given->path, 04705, options);
}

static inline int system_chmod(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(chmod(given->path, 04705));
}

/* Only root may: others are told EPERM. */
static inline ferry_local *ask_chown(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_chown(loop, pool, given->path, 7, UINT32_MAX, options);
}

static inline int system_chown(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(chown(given->path, 7, (gid_t)-1));
}

static inline ferry_local *ask_utimens(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_utimens(loop, pool, given->path, 1000000000500000007, -1500000000, options);
}

static inline int system_utimens(const struct given *given, struct said *said)
{
	struct timespec times[] = { { 1000000000, 500000007 }, { -2, 500000000 } };

	(void)said;
	return row_returned(utimensat(AT_FDCWD, given->path, times, 0));
}

static inline ferry_local *ask_access(const struct given *given, const ferry_fs_options *options)
{
	return ferry_fs_access(loop, pool, given->path, R_OK | W_OK, options);
}

static inline int system_access(const struct given *given, struct said *said)
{
	(void)said;
	return row_returned(access(given->path, R_OK | W_OK));
}

static const struct addrinfo numbers = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };

static inline ferry_local *ask_addresses(const struct given *given, const ferry_fs_options *options)
{
	return ferry_getaddrinfo(loop, pool, given->path, given->other, given->hints, options);
}

/* Codes of a lookup are farther down than any errno. */
#define LOOKUP_CODE(code) ((code)-10000)

static inline int system_addresses(const struct given *given, struct said *said)
{
	struct addrinfo *found;
	int code = getaddrinfo(given->path, given->other, given->hints, &found);

	if (code)
		return LOOKUP_CODE(code);
	say_addresses(said, found);
	freeaddrinfo(found);
	return 0;
}

static inline const struct sockaddr_in *row_address(const char *text)
{
	static struct sockaddr_in address;

	address.sin_family = *text == '?' ? 99 : AF_INET;
	address.sin_port = htons(80);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return &address;
}

static inline int row_name_flags(const struct given *given)
{
	return given->hints ? NI_NUMERICHOST | NI_NUMERICSERV : 0;
}

static inline ferry_local *ask_names(const struct given *given, const ferry_fs_options *options)
{
	return ferry_getnameinfo(loop, pool, (const struct sockaddr *)row_address(given->path),
				 sizeof(struct sockaddr_in), row_name_flags(given), options);
}

static inline int system_names(const struct given *given, struct said *said)
{
	char host[NI_MAXHOST], service[NI_MAXSERV];
	int code = getnameinfo((const struct sockaddr *)row_address(given->path),
			       sizeof(struct sockaddr_in), host, sizeof(host), service,
			       sizeof(service), row_name_flags(given));

	if (code)
		return LOOKUP_CODE(code);
	say(said, "%s %s\n", host, service);
	return 0;
}

#define ROW(name) .ask = ask_##name, .system = system_##name

static const struct row rows[] = {
	[OPERATION_STAT] = { ROW(stat), .look = LOOK_FOLLOWS, .path = "link" },
	[OPERATION_LSTAT] = { ROW(lstat), .look = LOOK_STAYS, .path = "link" },
	[OPERATION_FSTAT] = { ROW(fstat) },
	[OPERATION_OPEN] = { ROW(open), .look = LOOK_FOLLOWS, .path = "new", .holds = 1 },
	[OPERATION_OPEN_STAT] = { ROW(open_stat), .look = LOOK_FOLLOWS, .path = "file",
				  .holds = 1 },
	[OPERATION_CLOSE] = { ROW(close) },
	[OPERATION_ROOT_OPEN] = { ROW(root_open), .look = LOOK_FOLLOWS, .path = "dir", .takes = 1 },
	[OPERATION_READ] = { ROW(read) },
	[OPERATION_WRITE] = { ROW(write) },
	[OPERATION_FSYNC] = { ROW(fsync) },
	[OPERATION_FDATASYNC] = { ROW(fdatasync) },
	[OPERATION_FTRUNCATE] = { ROW(ftruncate) },
	[OPERATION_COPY_FILE_RANGE] = { ROW(copy) },
	[OPERATION_READ_FILE] = { ROW(read_file), .look = LOOK_FOLLOWS, .path = "file",
				  .takes = 1 },
	[OPERATION_WRITE_FILE_ATOMIC] = { ROW(write_file), .look = LOOK_CHANGES, .path = "file" },
	[OPERATION_READDIR] = { ROW(readdir), .look = LOOK_STAYS, .path = "dir", .takes = 1 },
	[OPERATION_READDIR_BATCH] = { ROW(batch), .takes = 1 },
	[OPERATION_MKDIR] = { ROW(mkdir), .look = LOOK_CHANGES, .path = "new" },
	[OPERATION_RMDIR] = { ROW(rmdir), .look = LOOK_CHANGES, .path = "empty" },
	[OPERATION_UNLINK] = { ROW(unlink), .look = LOOK_CHANGES, .path = "file" },
	[OPERATION_RENAME] = { ROW(rename), .look = LOOK_CHANGES, .path = "file", .other = "new" },
	[OPERATION_LINK] = { ROW(link), .look = LOOK_STAYS, .path = "file", .other = "new" },
	[OPERATION_SYMLINK] = { ROW(symlink), .look = LOOK_CHANGES, .path = "new" },
	[OPERATION_READLINK] = { ROW(readlink), .look = LOOK_STAYS, .path = "link", .takes = 1 },
	[OPERATION_REALPATH] = { ROW(realpath), .look = LOOK_FOLLOWS, .path = "link", .takes = 1 },
	[OPERATION_CHMOD] = { ROW(chmod), .look = LOOK_FOLLOWS, .path = "link" },
	[OPERATION_CHOWN] = { ROW(chown), .look = LOOK_FOLLOWS, .path = "link" },
	[OPERATION_UTIMENS] = { ROW(utimens), .look = LOOK_FOLLOWS, .path = "link" },
	[OPERATION_ACCESS] = { ROW(access), .look = LOOK_FOLLOWS, .path = "link" },
	[OPERATION_GETADDRINFO] = { ROW(addresses), .path = "127.0.0.1", .other = "80",
				    .takes = 1 },
	[OPERATION_GETNAMEINFO] = { ROW(names), .path = "127.0.0.1" },
};
_Static_assert(LENGTH(rows) == OPERATION_COUNT, "each operation has a row");

static inline bool row_is_of_path(int number)
{
	return operations[number].traits & OPERATION_PATH;
}

static inline bool row_is_of_file(int number)
{
	return operations[number].traits & OPERATION_FD;
}

/* symlink's other text is no path. */
static inline bool row_has_two_paths(int number)
{
	return number == OPERATION_RENAME || number == OPERATION_LINK;
}

/* ---- what ours say ---- */

static inline void row_say_results(const struct given *given, unsigned answers, ferry_local *local,
				   struct said *said)
{
	const ferry_bytes *bytes = ferry_fs_result_bytes(local);
	const ferry_entries *entries = ferry_fs_result_entries(local);
	const ferry_stat *status = ferry_fs_result_stat(local);
	const ferry_names *names = ferry_result_names(local);
	char lines[64][64];

	if (answers & ANSWER_FD)
		say_fd(said, ferry_fs_result_fd(local));
	if (answers & ANSWER_STAT)
		say_attributes(said, status->mode, status->links, status->size);
	if (answers & ANSWER_BYTES) {
		say_bytes(said, bytes->bytes, bytes->count);
		cr_assert_eq(bytes->bytes[bytes->count], 0);
	}
	if (answers & ANSWER_COUNT)
		say(said, "count %d\n", (int)ferry_fs_result_count(local));
	for (size_t i = 0; answers & ANSWER_ENTRIES && i < entries->count; i++)
		snprintf(lines[i], 64, "%.50s %d", entries->entries[i].name,
			 entries->entries[i].type);
	if (answers & ANSWER_ENTRIES)
		say_entries(said, lines, entries->count);
	if (answers & ANSWER_PATH)
		say_path(said, given->place, ferry_fs_result_path(local));
	if (answers & ANSWER_ROOT)
		say_fd(said, ferry_fs_root_fd(ferry_local_snapshot(local).result.pointer));
	if (answers & ANSWER_ADDRESSES)
		say_addresses(said, ferry_result_addresses(local));
	if (answers & ANSWER_NAMES)
		say(said, "%s %s\n", names->host, names->service);
}

/* Nothing is said by one that has no result, or by a call of another kind. */
static inline void row_check_nothing_said(unsigned answers, ferry_local *local, const char *name)
{
	if (!(answers & ANSWER_FD))
		cr_assert_eq(ferry_fs_result_fd(local), -ENODATA, "%s", name);
	if (!(answers & ANSWER_STAT))
		cr_assert_null(ferry_fs_result_stat(local), "%s", name);
	if (!(answers & ANSWER_BYTES))
		cr_assert_null(ferry_fs_result_bytes(local), "%s", name);
	if (!(answers & ANSWER_COUNT))
		cr_assert_eq(ferry_fs_result_count(local), -ENODATA, "%s", name);
	if (!(answers & ANSWER_ENTRIES))
		cr_assert_null(ferry_fs_result_entries(local), "%s", name);
	if (!(answers & ANSWER_PATH))
		cr_assert_null(ferry_fs_result_path(local), "%s", name);
	if (!(answers & ANSWER_ADDRESSES))
		cr_assert_null(ferry_result_addresses(local), "%s", name);
	if (!(answers & ANSWER_NAMES))
		cr_assert_null(ferry_result_names(local), "%s", name);
}

/* 0 or negative, as the row's system function says it. */
static inline int row_outcome(ferry_local *local)
{
	const ferry_error *exception = ferry_local_snapshot(local).exception;

	if (!exception)
		return 0;
	if (!strcmp(ferry_error_domain(exception), FERRY_DOMAIN_LOOKUP))
		return LOOKUP_CODE(ferry_error_number(exception));
	return -ferry_error_errno(exception);
}

/* Done: what it came to, and what it says. */
static inline int row_said(int number, const struct given *given, ferry_local *local,
			   struct said *said)
{
	int outcome = row_outcome(local);

	if (!outcome)
		row_say_results(given, operations[number].answers, local, said);
	row_check_nothing_said(outcome ? 0 : operations[number].answers, local,
			       operations[number].name);
	return outcome;
}

/* ---- what a call is given ---- */

#define LONG_NAME "a name of more than 255 bytes"
#define LONG_PATH "a path of more than 4096 bytes"
#define OUTER_PATH "the path of what is outside"

/* The path as a call is given it: below the scene, or, for one with a root, as it is. */
static inline void row_spell(const struct place *place, const char *path, bool rooted, char *spelt)
{
	char text[PATH_ROOM / 2];

	if (!strcmp(path, OUTER_PATH)) {
		snprintf(spelt, PATH_ROOM, "%s", place_path(place, "outside/file"));
		return;
	}
	if (!strcmp(path, LONG_NAME)) {
		memset(text, 'n', 256);
		text[256] = 0;
	} else if (!strcmp(path, LONG_PATH)) {
		for (int i = 0; i < 2100; i++)
			memcpy(text + 2 * (size_t)i, "./", 3);
		strcat(text, "file");
	} else {
		snprintf(text, sizeof(text), "%s", path);
	}
	if (rooted || !*text)
		snprintf(spelt, PATH_ROOM, "%s", text);
	else
		snprintf(spelt, PATH_ROOM, "%s/%s", place_path(place, "scene"), text);
}

enum kind {
	KIND_READ,
	KIND_WRITE,
	KIND_BOTH,
	KIND_APPEND,
	KIND_FOLDER,
	KIND_PIPE_READ, /* with something in it */
	KIND_PIPE_WRITE,
	KIND_PLACE, /* O_PATH */
	KIND_DEVICE,
	KIND_NONE, /* not open */
	KINDS
};

static const char *const kinds[KINDS] = {
	"read",         "written", "read and written", "appended to", "folder", "pipe read",
	"pipe written", "place",   "device",           "not open",
};

#define NOT_OPEN 1000000

/* The descriptor; *@more is another that goes with it, or -1. */
static inline int row_open_kind(enum kind kind, const char *file, const char *directory, int *more)
{
	int ends[2] = { -1, -1 };

	*more = -1;
	switch (kind) {
	case KIND_READ:
		return open(file, O_RDONLY | O_CLOEXEC);
	case KIND_WRITE:
		return open(file, O_WRONLY | O_CLOEXEC);
	case KIND_BOTH:
		return open(file, O_RDWR | O_CLOEXEC);
	case KIND_APPEND:
		return open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	case KIND_FOLDER:
		return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case KIND_PIPE_READ:
	case KIND_PIPE_WRITE:
		place_must(pipe2(ends, O_CLOEXEC), "a pipe");
		cr_assert_eq(write(ends[1], "piped", 5), 5);
		*more = ends[kind == KIND_PIPE_READ];
		return ends[kind == KIND_PIPE_WRITE];
	case KIND_PLACE:
		return open(file, O_PATH | O_CLOEXEC);
	case KIND_DEVICE:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	default:
		return NOT_OPEN;
	}
}

static inline bool row_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

struct descriptors {
	int fd, more, other, other_more;
};

static inline struct given row_give_open(const struct place *place, enum kind kind, enum kind other,
					 struct descriptors *open)
{
	open->fd = row_open_kind(kind, place_path(place, "scene/file"),
				 place_path(place, "scene/dir"), &open->more);
	open->other = row_open_kind(other, place_path(place, "scene/other"),
				    place_path(place, "scene/empty"), &open->other_more);
	return (struct given){ place, NULL, NULL, open->fd, open->other, NULL };
}

/* ---- around it ---- */

/* In memory, if it can be: else whatever is made durable takes all of the scenes with it. */
static inline void rows_begin_folder(void)
{
	umask(022);
	if (!access("/dev/shm", W_OK | X_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	folder_make();
}

static inline void rows_begin(void)
{
	rows_begin_folder();
	files_begin_without_folder();
	snprintf(ours.path, sizeof(ours.path), "%s/ours", folder);
	snprintf(theirs.path, sizeof(theirs.path), "%s/theirs", folder);
	place_make(&ours);
	place_make(&theirs);
}

static inline void rows_end(void)
{
	place_unmake(&ours);
	place_unmake(&theirs);
	files_end();
}

#endif
