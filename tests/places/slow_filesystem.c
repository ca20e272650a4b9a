/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filesystem behind support/slow_mount.h: makes a folder, shows what is "below" in it at
 * "mount", and has each request wait as the shared memory says. Started by slow_mount_begin() as
 *   slow_filesystem UNDER MEMORY READY PARENT
 * where UNDER is where to make the folder, MEMORY the descriptor of a struct slow_control, and
 * READY one that an errno is written to: 0 as soon as it is mounted.
 *
 * It is two processes. The keeper waits for SIGTERM, which also comes when the thread that started
 * it ends; then it takes the mount away, ends the other, and removes the folder. The server has a
 * thread for each request, so that one that is held holds no other. When it ends the kernel lets go
 * of whoever waits for it.
 *
 * A caller who is killed inside a request cannot end before it is answered: so what is held looks
 * from time to time whether its caller is about to die, and then lets it.
 */
#define FUSE_USE_VERSION 312
#include <dirent.h>
#include <ftw.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/slow_mount.h"

enum { THREADS = 1024, LOOK_NS = 50000000 };

static struct slow_control *control;

/* ---- waiting ---- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Killed, or on its way out already: a thread, by its number. Nobody's requests have 0. */
static bool is_dying(pid_t thread)
{
	char path[64], line[256];
	unsigned long long pending = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	file = thread ? fopen(path, "re") : NULL;
	if (!file)
		return thread != 0;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "SigPnd:", 7) || !strncmp(line, "ShdPnd:", 7))
			pending |= strtoull(line + 7, NULL, 16);
	fclose(file);
	if (pending >> (SIGKILL - 1) & 1)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)thread);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	/* The ninth field, of which the second is in brackets: 4 is PF_EXITING. */
	if (strrchr(line, ')') &&
	    sscanf(strrchr(line, ')'), ") %*c %*d %*d %*d %*d %*d %llu", &pending) == 1)
		return pending & 4;
	return false;
}

static void hear_of_signal(fuse_req_t request, void *nothing)
{
	(void)request, (void)nothing;
	control->signals++;
	shared_word_change(&control->changed);
}

static int wait_inside(fuse_req_t request, enum slow_operation operation)
{
	int64_t begun = now_ns();

	for (;;) {
		unsigned seen = control->changed;
		unsigned one_ms = control->of[operation].delay_ms;
		unsigned all_ms = control->of[SLOW_ANYTHING].delay_ms;
		int64_t left =
			begun + (int64_t)(one_ms > all_ms ? one_ms : all_ms) * 1000000 - now_ns();

		if (control->of[operation].hangs || control->of[SLOW_ANYTHING].hangs)
			left = LOOK_NS;
		if (left <= 0)
			return 0;
		if (control->options.interruptible && fuse_req_interrupted(request))
			return EINTR;
		if (is_dying(fuse_req_ctx(request)->pid))
			return EINTR;
		shared_word_wait(&control->changed, seen, left < LOOK_NS ? left : LOOK_NS);
	}
}

/* True if the request is to be done; else it has been answered. Every one comes through here. */
static bool admit(fuse_req_t request, enum slow_operation operation)
{
	int error;

	control->of[operation].asked++;
	control->of[SLOW_ANYTHING].asked++;
	control->of[operation].inside++;
	control->of[SLOW_ANYTHING].inside++;
	shared_word_change(&control->changed);
	fuse_req_interrupt_func(request, hear_of_signal, NULL);
	error = wait_inside(request, operation);
	fuse_req_interrupt_func(request, NULL, NULL);
	control->of[operation].inside--;
	control->of[SLOW_ANYTHING].inside--;
	shared_word_change(&control->changed);
	if (error)
		fuse_reply_err(request, error);
	return !error;
}

/* 0 or -1, as system calls return it. */
static void answer(fuse_req_t request, int result)
{
	fuse_reply_err(request, result < 0 ? errno : 0);
}

/* ---- nodes ---- */

/* What the kernel knows by a number, which is the address of this. */
struct node {
	struct node *next;
	dev_t device;
	ino_t inode;
	int fd; /* O_PATH */
	uint64_t known;
};

static pthread_mutex_t nodes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct node *nodes;
static struct node root = { .fd = -1 };

static struct node *node_of(fuse_ino_t number)
{
	return number == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)number;
}

static int fd_of(fuse_ino_t number)
{
	return node_of(number)->fd;
}

/* A path by which the node itself is found, though it has another name by now. */
struct way {
	char path[32];
};

static struct way way_to(fuse_ino_t number)
{
	struct way way;

	snprintf(way.path, sizeof(way.path), "/proc/self/fd/%d", fd_of(number));
	return way;
}

static int entry_find(fuse_ino_t parent, const char *name, struct fuse_entry_param *entry)
{
	struct node *node;
	int fd = openat(fd_of(parent), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	*entry = (struct fuse_entry_param){ .attr_timeout = control->options.attribute_seconds,
					    .entry_timeout = control->options.entry_seconds };
	if (fd < 0 || fstatat(fd, "", &entry->attr, AT_EMPTY_PATH))
		return errno;
	pthread_mutex_lock(&nodes_lock);
	for (node = nodes; node; node = node->next)
		if (node->inode == entry->attr.st_ino && node->device == entry->attr.st_dev)
			break;
	if (node) {
		close(fd);
	} else {
		node = calloc(1, sizeof(*node));
		if (!node)
			abort();
		*node = (struct node){ nodes, entry->attr.st_dev, entry->attr.st_ino, fd, 0 };
		nodes = node;
	}
	node->known++;
	pthread_mutex_unlock(&nodes_lock);
	entry->ino = (uintptr_t)node;
	return 0;
}

static void slow_forget(fuse_req_t request, fuse_ino_t number, uint64_t count)
{
	struct node **place, *node = node_of(number);

	pthread_mutex_lock(&nodes_lock);
	if (node != &root && (node->known -= count) == 0) {
		for (place = &nodes; *place != node;)
			place = &(*place)->next;
		*place = node->next;
		close(node->fd);
		free(node);
	}
	pthread_mutex_unlock(&nodes_lock);
	fuse_reply_none(request);
}

static void answer_entry(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;
	int error = entry_find(parent, name, &entry);

	/* That there is none is believed as long. */
	if (error && (error != ENOENT || entry.entry_timeout <= 0))
		fuse_reply_err(request, error);
	else
		fuse_reply_entry(request, &entry);
}

/* What was made belongs to who asked for it. */
static void answer_made(fuse_req_t request, int result, fuse_ino_t parent, const char *name)
{
	const struct fuse_ctx *who = fuse_req_ctx(request);

	if (result < 0 ||
	    fchownat(fd_of(parent), name, who->uid, who->gid, AT_SYMLINK_NOFOLLOW) < 0)
		fuse_reply_err(request, errno);
	else
		answer_entry(request, parent, name);
}

static void answer_attributes(fuse_req_t request, fuse_ino_t number)
{
	struct stat status;

	if (fstatat(fd_of(number), "", &status, AT_EMPTY_PATH))
		fuse_reply_err(request, errno);
	else
		fuse_reply_attr(request, &status, control->options.attribute_seconds);
}

/* ---- names ---- */

static void slow_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	if (admit(request, SLOW_LOOKUP))
		answer_entry(request, parent, name);
}

static void slow_readlink(fuse_req_t request, fuse_ino_t number)
{
	char target[4097];
	ssize_t length;

	if (!admit(request, SLOW_READLINK))
		return;
	length = readlinkat(fd_of(number), "", target, sizeof(target) - 1);
	if (length < 0) {
		fuse_reply_err(request, errno);
		return;
	}
	target[length] = 0;
	fuse_reply_readlink(request, target);
}

static void slow_symlink(fuse_req_t request, const char *target, fuse_ino_t parent,
			 const char *name)
{
	if (admit(request, SLOW_SYMLINK))
		answer_made(request, symlinkat(target, fd_of(parent), name), parent, name);
}

static void slow_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
		       dev_t device)
{
	if (admit(request, SLOW_MKNOD))
		answer_made(request, mknodat(fd_of(parent), name, mode, device), parent, name);
}

static void slow_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	if (admit(request, SLOW_MKDIR))
		answer_made(request, mkdirat(fd_of(parent), name, mode), parent, name);
}

static void slow_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	if (admit(request, SLOW_UNLINK))
		answer(request, unlinkat(fd_of(parent), name, 0));
}

static void slow_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	if (admit(request, SLOW_RMDIR))
		answer(request, unlinkat(fd_of(parent), name, AT_REMOVEDIR));
}

static void slow_rename(fuse_req_t request, fuse_ino_t from, const char *name, fuse_ino_t to,
			const char *new_name, unsigned flags)
{
	if (admit(request, SLOW_RENAME))
		answer(request, renameat2(fd_of(from), name, fd_of(to), new_name, flags));
}

static void slow_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
	struct way way = way_to(number);

	if (!admit(request, SLOW_LINK))
		return;
	if (linkat(AT_FDCWD, way.path, fd_of(parent), name, AT_SYMLINK_FOLLOW))
		fuse_reply_err(request, errno);
	else
		answer_entry(request, parent, name);
}

/* ---- attributes ---- */

static void slow_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	(void)file;
	if (admit(request, SLOW_GETATTR))
		answer_attributes(request, number);
}

static struct timespec time_to_set(int valid, int set, int now, struct timespec given)
{
	if (valid & now)
		given.tv_nsec = UTIME_NOW;
	else if (!(valid & set))
		given.tv_nsec = UTIME_OMIT;
	return given;
}

static int set_attributes(fuse_ino_t number, const struct stat *to, int valid)
{
	struct way way = way_to(number);
	struct timespec times[2] = {
		time_to_set(valid, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, to->st_atim),
		time_to_set(valid, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, to->st_mtim),
	};

	if (valid & FUSE_SET_ATTR_MODE && chmod(way.path, to->st_mode))
		return -1;
	if (valid & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) &&
	    fchownat(fd_of(number), "", valid & FUSE_SET_ATTR_UID ? to->st_uid : (uid_t)-1,
		     valid & FUSE_SET_ATTR_GID ? to->st_gid : (gid_t)-1, AT_EMPTY_PATH))
		return -1;
	if (valid & FUSE_SET_ATTR_SIZE && truncate(way.path, to->st_size))
		return -1;
	if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
		return 0;
	return utimensat(fd_of(number), "", times, AT_EMPTY_PATH);
}

static void slow_setattr(fuse_req_t request, fuse_ino_t number, struct stat *to, int valid,
			 struct fuse_file_info *file)
{
	(void)file;
	if (!admit(request, SLOW_SETATTR))
		return;
	if (set_attributes(number, to, valid))
		fuse_reply_err(request, errno);
	else
		answer_attributes(request, number);
}

static void slow_access(fuse_req_t request, fuse_ino_t number, int mask)
{
	(void)number, (void)mask;
	if (admit(request, SLOW_ACCESS))
		fuse_reply_err(request, 0);
}

static void slow_statfs(fuse_req_t request, fuse_ino_t number)
{
	struct statvfs status;
	struct way way = way_to(number);

	if (!admit(request, SLOW_STATFS))
		return;
	if (statvfs(way.path, &status))
		fuse_reply_err(request, errno);
	else
		fuse_reply_statfs(request, &status);
}

/* ---- open files ---- */

static void slow_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
			struct fuse_file_info *file)
{
	const struct fuse_ctx *who = fuse_req_ctx(request);
	struct fuse_entry_param entry;
	int error, fd;

	if (!admit(request, SLOW_CREATE))
		return;
	fd = openat(fd_of(parent), name,
		    (file->flags & ~(O_APPEND | O_NOFOLLOW)) | O_CREAT | O_CLOEXEC, mode);
	if (fd < 0 || fchown(fd, who->uid, who->gid)) {
		fuse_reply_err(request, errno);
		return;
	}
	error = entry_find(parent, name, &entry);
	file->fh = (uint64_t)fd;
	file->direct_io = control->options.direct;
	if (error)
		fuse_reply_err(request, error);
	else
		fuse_reply_create(request, &entry, file);
}

static void slow_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	struct way way = way_to(number);
	int fd;

	if (!admit(request, SLOW_OPEN))
		return;
	/* Where to append the kernel says itself. */
	fd = open(way.path, (file->flags & ~(O_APPEND | O_NOFOLLOW)) | O_CLOEXEC);
	if (fd < 0) {
		fuse_reply_err(request, errno);
		return;
	}
	file->fh = (uint64_t)fd;
	file->direct_io = control->options.direct;
	file->keep_cache = !control->options.direct;
	fuse_reply_open(request, file);
}

static void slow_read(fuse_req_t request, fuse_ino_t number, size_t bytes, off_t offset,
		      struct fuse_file_info *file)
{
	char *data;
	ssize_t count;

	(void)number;
	if (!admit(request, SLOW_READ))
		return;
	data = malloc(bytes);
	count = data ? pread((int)file->fh, data, bytes, offset) : -1;
	if (count < 0)
		fuse_reply_err(request, errno);
	else
		fuse_reply_buf(request, data, (size_t)count);
	free(data);
}

static void slow_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t bytes,
		       off_t offset, struct fuse_file_info *file)
{
	ssize_t count;

	(void)number;
	if (!admit(request, SLOW_WRITE))
		return;
	count = pwrite((int)file->fh, data, bytes, offset);
	if (count < 0)
		fuse_reply_err(request, errno);
	else
		fuse_reply_write(request, (size_t)count);
}

static void slow_copy(fuse_req_t request, fuse_ino_t from, off_t from_offset,
		      struct fuse_file_info *from_file, fuse_ino_t to, off_t to_offset,
		      struct fuse_file_info *to_file, size_t bytes, int flags)
{
	ssize_t count;

	(void)from, (void)to;
	if (!admit(request, SLOW_COPY))
		return;
	count = copy_file_range((int)from_file->fh, &from_offset, (int)to_file->fh, &to_offset,
				bytes, (unsigned)flags);
	if (count < 0)
		fuse_reply_err(request, errno);
	else
		fuse_reply_write(request, (size_t)count);
}

static void slow_flush(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	(void)number, (void)file;
	if (admit(request, SLOW_FLUSH))
		fuse_reply_err(request, 0);
}

static void slow_fsync(fuse_req_t request, fuse_ino_t number, int data_only,
		       struct fuse_file_info *file)
{
	(void)number;
	if (admit(request, SLOW_FSYNC))
		answer(request, data_only ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

/* Nobody waits for this one, so that it must be done in any case. */
static void slow_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	int fd = (int)file->fh;

	(void)number;
	if (admit(request, SLOW_RELEASE))
		fuse_reply_err(request, 0);
	close(fd);
}

/* ---- open directories ---- */

static DIR *directory_of(struct fuse_file_info *file)
{
	return (DIR *)(uintptr_t)file->fh;
}

static void slow_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	struct way way = way_to(number);
	DIR *directory;

	if (!admit(request, SLOW_OPENDIR))
		return;
	directory = opendir(way.path);
	file->fh = (uintptr_t)directory;
	if (directory)
		fuse_reply_open(request, file);
	else
		fuse_reply_err(request, errno);
}

static void slow_readdir(fuse_req_t request, fuse_ino_t number, size_t bytes, off_t offset,
			 struct fuse_file_info *file)
{
	DIR *directory = directory_of(file);
	struct dirent *entry;
	size_t filled = 0, takes;
	char *data;

	(void)number;
	if (!admit(request, SLOW_READDIR))
		return;
	data = malloc(bytes);
	if (!data) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	seekdir(directory, offset);
	while ((entry = readdir(directory))) {
		struct stat status = { .st_ino = entry->d_ino,
				       .st_mode = (mode_t)DTTOIF(entry->d_type) };

		takes = fuse_add_direntry(request, data + filled, bytes - filled, entry->d_name,
					  &status, telldir(directory));
		if (takes > bytes - filled)
			break;
		filled += takes;
	}
	fuse_reply_buf(request, data, filled);
	free(data);
}

static void slow_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	DIR *directory = directory_of(file);

	(void)number;
	if (admit(request, SLOW_RELEASEDIR))
		fuse_reply_err(request, 0);
	closedir(directory);
}

static void slow_fsyncdir(fuse_req_t request, fuse_ino_t number, int data_only,
			  struct fuse_file_info *file)
{
	(void)number, (void)data_only;
	if (admit(request, SLOW_FSYNCDIR))
		answer(request, fsync(dirfd(directory_of(file))));
}

static void slow_init(void *nothing, struct fuse_conn_info *connection)
{
	(void)nothing;
	connection->max_background = THREADS;
}

static const struct fuse_lowlevel_ops operations = {
	.init = slow_init,
	.forget = slow_forget,
	.lookup = slow_lookup,
	.getattr = slow_getattr,
	.setattr = slow_setattr,
	.readlink = slow_readlink,
	.symlink = slow_symlink,
	.mknod = slow_mknod,
	.mkdir = slow_mkdir,
	.unlink = slow_unlink,
	.rmdir = slow_rmdir,
	.rename = slow_rename,
	.link = slow_link,
	.create = slow_create,
	.open = slow_open,
	.read = slow_read,
	.write = slow_write,
	.flush = slow_flush,
	.fsync = slow_fsync,
	.release = slow_release,
	.copy_file_range = slow_copy,
	.opendir = slow_opendir,
	.readdir = slow_readdir,
	.releasedir = slow_releasedir,
	.fsyncdir = slow_fsyncdir,
	.access = slow_access,
	.statfs = slow_statfs,
};

/* ---- the two processes ---- */

static void tell(int ready, int error)
{
	if (write(ready, &error, sizeof(error)) != sizeof(error))
		_exit(1);
	close(ready);
}

/* Does not return before the connection is gone. */
static void serve(int ready, const char *mount_point, const char *below)
{
	char name[] = "slow_filesystem", flag[] = "-o";
	char lax[] = "allow_other,fsname=ferry-slow";
	char strict[] = "allow_other,fsname=ferry-slow,default_permissions";
	char *words[] = { name, flag, control->options.asks_access ? lax : strict, NULL };
	struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
	struct rlimit files;
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	struct fuse_session *session;

	/* Each node that the kernel knows is a descriptor. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	umask(0);
	root.fd = open(below, O_PATH | O_DIRECTORY | O_CLOEXEC);
	session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
	if (!loop || !session || root.fd < 0 || fuse_session_mount(session, mount_point)) {
		tell(ready, EPERM);
		_exit(1);
	}
	control->server = getpid();
	tell(ready, 0);
	fuse_loop_cfg_set_max_threads(loop, THREADS);
	fuse_loop_cfg_set_idle_threads(loop, THREADS);
	fuse_session_loop_mt(session, loop);
	_exit(0);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status, (void)kind, (void)where;
	return remove(path);
}

static bool prepare(const char *under, char *mount_point, char *below, size_t bytes)
{
	snprintf(control->folder, sizeof(control->folder), "%s/ferry-slow-XXXXXX", under);
	if (!mkdtemp(control->folder) || chmod(control->folder, 0755))
		return false;
	snprintf(mount_point, bytes, "%s/mount", control->folder);
	snprintf(below, bytes, "%s/below", control->folder);
	return !mkdir(mount_point, 0755) && !mkdir(below, 0755) && !chmod(below, 0755);
}

int main(int argc, char **argv)
{
	char mount_point[512], below[512];
	pid_t keeper = getpid(), server;
	sigset_t end;
	int signal, ready, memory;

	/* Who started it has blocked all signals: that SIGTERM waits for sigwait(). */
	if (argc != 5) {
		fputs("usage: slow_filesystem UNDER MEMORY READY PARENT\n", stderr);
		return 2;
	}
	if (getppid() != atoi(argv[4]))
		return 1;
	ready = atoi(argv[3]);
	memory = atoi(argv[2]);
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (control == MAP_FAILED || !prepare(argv[1], mount_point, below, sizeof(below)))
		return 1;
	server = fork();
	if (server == 0) {
		if (!prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == keeper)
			serve(ready, mount_point, below);
		_exit(1);
	}
	close(ready);
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	while (sigwait(&end, &signal) || signal != SIGTERM)
		;
	umount2(mount_point, MNT_DETACH);
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	/* Whether or not the server had come to mounting it in the meantime. */
	umount2(mount_point, MNT_DETACH);
	nftw(control->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return 0;
}
