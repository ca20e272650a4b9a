/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * support/slow_mount.h does what it says: the filesystem shows what lies below, counts what it is
 * asked, holds what is to be held and nothing else, and leaves nothing behind, whoever is killed.
 */
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "places/caller.h"
#include "support/program.h"
#include "support/slow_mount.h"

static struct slow_mount slow;

static void begin(struct slow_mount_options options)
{
	const char *why = slow_mount_begin(&slow, options);

	program_check(!why, "no mount: %s", why);
}

static void put(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");

	program_check(file && fputs(content, file) >= 0 && !fclose(file), "%s: %s", path,
		      strerror(errno));
}

static const char *content_of(const char *path)
{
	static char content[64];
	int fd = open(path, O_RDONLY);
	ssize_t count = read(fd, content, sizeof(content) - 1);

	program_check(count >= 0, "%s: %s", path, strerror(errno));
	content[count] = 0;
	close(fd);
	return content;
}

/* ---- what it shows ---- */

static void change_everything(int directory, int fd)
{
	struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
	struct statvfs space;
	struct stat status;
	char target[16];
	loff_t zero = 0, end = 4;

	must(mkdirat(directory, "folder", 0750));
	must(symlinkat("file", directory, "link"));
	must(mknodat(directory, "fifo", S_IFIFO | 0600, 0));
	must(linkat(directory, "file", directory, "folder/second", 0));
	must(renameat(directory, "folder/second", directory, "folder/third"));
	must(readlinkat(directory, "link", target, sizeof(target)));
	must(fchmodat(directory, "file", 0640, 0));
	must(fchownat(directory, "file", 7, 8, 0));
	must(pwrite(fd, "text", 4, 0));
	must(copy_file_range(fd, &zero, fd, &end, 4, 0));
	must(ftruncate(fd, 6));
	must(utimensat(directory, "file", times, 0));
	must(fsync(fd));
	must(fsync(directory));
	must(faccessat(directory, "file", R_OK, 0));
	must(fstatat(directory, "file", &status, 0));
	must(fstatvfs(fd, &space));
	must(unlinkat(directory, "fifo", 0));
	must(mkdirat(directory, "nothing", 0700));
	must(unlinkat(directory, "nothing", AT_REMOVEDIR));
}

static unsigned sum_of_asked(void)
{
	unsigned sum = 0;

	for (int i = 0; i < SLOW_ANYTHING; i++)
		sum += slow_mount_asked(&slow, (enum slow_operation)i);
	return sum;
}

static void shows_what_lies_below(void)
{
	struct stat above, below;
	struct dirent *entry;
	DIR *directory;
	int fd, entries = 0;

	begin((struct slow_mount_options){ .asks_access = true, .direct = true });
	directory = opendir(slow_mount_path(&slow, ""));
	program_check(directory, "no directory");
	must(fd = openat(dirfd(directory), "file", O_RDWR | O_CREAT, 0600));
	change_everything(dirfd(directory), fd);
	must(close(open(slow_mount_path(&slow, "file"), O_RDONLY)));
	program_check(!strcmp(content_of(slow_mount_path(&slow, "file")), "textte"), "content");
	program_check(!strcmp(content_of(slow_mount_below(&slow, "link")), "textte"), "below");
	must(stat(slow_mount_below(&slow, "folder"), &below));
	program_check(below.st_mode == (S_IFDIR | 0750) && below.st_uid == geteuid(), "not mine");
	must(stat(slow_mount_path(&slow, "folder/third"), &above));
	must(stat(slow_mount_below(&slow, "file"), &below));
	program_check(above.st_mode == below.st_mode && above.st_mode == (S_IFREG | 0640) &&
			      above.st_uid == 7 && below.st_gid == 8 && above.st_nlink == 2 &&
			      above.st_mtim.tv_sec == 3 && below.st_mtim.tv_nsec == 4,
		      "other attributes");
	program_check(above.st_dev != below.st_dev, "it is no mount");
	while ((entry = readdir(directory)))
		entries++;
	program_check(entries == 5, "%d entries", entries);
	must(unlinkat(dirfd(directory), "link", 0));
	must(closedir(directory));
	must(close(fd));
	/* Nobody waits for these two. */
	slow_mount_hang(&slow, SLOW_RELEASE);
	slow_mount_hang(&slow, SLOW_RELEASEDIR);
	must(close(open(slow_mount_path(&slow, "file"), O_RDONLY)));
	must(close(open(slow_mount_path(&slow, ""), O_RDONLY | O_DIRECTORY)));
	slow_mount_await(&slow, SLOW_RELEASE, 1);
	slow_mount_await(&slow, SLOW_RELEASEDIR, 1);
	for (int i = 0; i < SLOW_ANYTHING; i++)
		program_check(slow_mount_asked(&slow, (enum slow_operation)i),
			      "operation %d was never asked", i);
	/* More of the two may be on their way. */
	while (slow_mount_asked(&slow, SLOW_ANYTHING) != sum_of_asked())
		sched_yield();
	slow_mount_end(&slow);
	puts("ok: what is done above is done below, and each operation comes");
}

/* ---- what it counts ---- */

static void counts_what_the_kernel_asks(void)
{
	struct stat status;
	unsigned asked;
	int fd;

	begin((struct slow_mount_options){ 0 });
	put(slow_mount_below(&slow, "file"), "content");
	must(stat(slow_mount_path(&slow, "file"), &status));
	asked = slow_mount_asked(&slow, SLOW_ANYTHING);
	fd = open_cached(slow_mount_path(&slow, "file"));
	program_check(fd == -EAGAIN || fd == -EINVAL || fd == -ENOSYS, "cached: %d", fd);
	program_check(slow_mount_asked(&slow, SLOW_ANYTHING) == asked, "that was asked");
	asked = slow_mount_asked(&slow, SLOW_LOOKUP);
	must(stat(slow_mount_path(&slow, "file"), &status));
	must(stat(slow_mount_path(&slow, "file"), &status));
	program_check(slow_mount_asked(&slow, SLOW_LOOKUP) == asked + 2, "not asked each time");
	slow_mount_end(&slow);

	begin((struct slow_mount_options){ .entry_seconds = 1e6, .attribute_seconds = 1e6 });
	put(slow_mount_below(&slow, "file"), "content");
	must(stat(slow_mount_path(&slow, "file"), &status));
	program_check(stat(slow_mount_path(&slow, "none"), &status) < 0, "there is one");
	asked = slow_mount_asked(&slow, SLOW_ANYTHING);
	fd = open_cached(slow_mount_path(&slow, "file"));
	program_check(fd == 0 || fd == -EINVAL || fd == -ENOSYS, "cached: %d", fd);
	must(stat(slow_mount_path(&slow, "file"), &status));
	program_check(stat(slow_mount_path(&slow, "none"), &status) < 0, "there is one");
	program_check(slow_mount_asked(&slow, SLOW_ANYTHING) == asked, "what is known is asked");
	/* The trap: the name is known, and the open waits for the filesystem nevertheless. */
	must(close(open(slow_mount_path(&slow, "file"), O_RDONLY)));
	program_check(slow_mount_asked(&slow, SLOW_OPEN) == 1, "an open was not asked");
	program_check(slow_mount_asked(&slow, SLOW_FLUSH) == 1, "a close was not asked");
	slow_mount_end(&slow);
	puts("ok: it is asked for what the kernel may not believe, and not for what it may");
}

/* ---- what it holds ---- */

static void holds_what_it_is_told_to(void)
{
	struct caller held[20];
	struct stat status;
	uint64_t before;
	struct timespec now;

	begin((struct slow_mount_options){ 0 });
	put(slow_mount_below(&slow, "file"), "content");
	slow_mount_hang(&slow, SLOW_OPEN);
	for (int i = 0; i < 20; i++)
		caller_begin(&held[i], slow_mount_path(&slow, "file"), O_RDONLY);
	slow_mount_await(&slow, SLOW_OPEN, 20);
	must(stat(slow_mount_path(&slow, "file"), &status));
	must(mkdir(slow_mount_path(&slow, "folder"), 0700));
	program_check(slow_mount_inside(&slow, SLOW_OPEN) == 20, "some went on by themselves");
	slow_mount_release(&slow, SLOW_OPEN);
	for (int i = 0; i < 20; i++)
		program_check(caller_end(&held[i]) == 0, "an open failed: %d", held[i].result);
	puts("ok: what is held holds nothing else, and goes on when it is released");

	slow_mount_hang(&slow, SLOW_ANYTHING);
	for (int i = 0; i < 20; i++)
		caller_begin(&held[i], slow_mount_path(&slow, "file"), O_RDONLY);
	slow_mount_await(&slow, SLOW_ANYTHING, 20);
	slow_mount_release(&slow, SLOW_ANYTHING);
	for (int i = 0; i < 20; i++)
		program_check(caller_end(&held[i]) == 0, "an open failed: %d", held[i].result);
	slow_mount_delay(&slow, SLOW_LOOKUP, 30);
	clock_gettime(CLOCK_MONOTONIC, &now);
	before = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	must(stat(slow_mount_path(&slow, "file"), &status));
	clock_gettime(CLOCK_MONOTONIC, &now);
	program_check((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec - before >=
			      30000000,
		      "a look-up comes too early");
	slow_mount_end(&slow);
	puts("ok: what is delayed comes no earlier");
}

static void nothing_happens(int number)
{
	(void)number;
}

static void can_be_interrupted(void)
{
	struct sigaction action = { .sa_handler = nothing_happens };
	struct stat status;
	struct caller caller;

	sigaction(SIGUSR1, &action, NULL);
	for (int interruptible = 0; interruptible < 2; interruptible++) {
		begin((struct slow_mount_options){ .interruptible = interruptible });
		put(slow_mount_below(&slow, "file"), "content");
		slow_mount_hang(&slow, SLOW_OPEN);
		caller_begin(&caller, slow_mount_path(&slow, "file"), O_RDONLY);
		slow_mount_await(&slow, SLOW_OPEN, 1);
		syscall(SYS_tgkill, getpid(), caller.number, SIGUSR1);
		slow_mount_await_signal(&slow);
		/* Were it to end now, it would: others come and go meanwhile. */
		for (int i = 0; i < 100; i++)
			must(stat(slow_mount_path(&slow, "file"), &status));
		if (!interruptible)
			slow_mount_release(&slow, SLOW_OPEN);
		caller_end(&caller);
		program_check(interruptible ? caller.result == -EINTR : caller.result >= 0,
			      "it ends with %d", caller.result);
		slow_mount_end(&slow);
	}
	puts("ok: a signal ends what is held where it may, and not elsewhere");
}

static void can_break(void)
{
	struct caller caller;
	struct stat status;

	begin((struct slow_mount_options){ 0 });
	put(slow_mount_below(&slow, "file"), "content");
	slow_mount_hang(&slow, SLOW_OPEN);
	caller_begin(&caller, slow_mount_path(&slow, "file"), O_RDONLY);
	slow_mount_await(&slow, SLOW_OPEN, 1);
	slow_mount_break(&slow);
	caller_end(&caller);
	program_check(caller.result == -ECONNABORTED || caller.result == -ENOTCONN,
		      "it ends with %d", caller.result);
	program_check(stat(slow_mount_path(&slow, "file"), &status) < 0, "it still answers");
	slow_mount_end(&slow);
	puts("ok: whoever waits for a filesystem that breaks gets an error");
}

/* ---- what it leaves ---- */

static bool is_mounted(const char *folder)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "r");
	char line[4096];
	bool found = false;

	program_check(mounts, "no mountinfo");
	while (fgets(line, sizeof(line), mounts))
		found |= strstr(line, folder) != NULL;
	fclose(mounts);
	return found;
}

static void check_gone(const char *place)
{
	program_check(!is_mounted(place), "%s is still mounted", place);
	program_check(access(place, F_OK) < 0, "%s is still there", place);
}

static void leaves_nothing_behind(void)
{
	struct caller caller;
	char place[512];
	pid_t server;

	begin((struct slow_mount_options){ 0 });
	put(slow_mount_below(&slow, "file"), "content");
	strcpy(place, slow.control->folder);
	server = slow.control->server;
	program_check(is_mounted(place), "it is not mounted");
	slow_mount_hang(&slow, SLOW_OPEN);
	caller_begin(&caller, slow_mount_path(&slow, "file"), O_RDONLY);
	slow_mount_await(&slow, SLOW_OPEN, 1);
	slow_mount_end(&slow);
	program_check(caller_end(&caller) < 0, "it was opened");
	check_gone(place);
	program_check(kill(slow.keeper, 0) < 0, "its keeper is still there");
	program_check(kill(server, 0) < 0, "its server is still there");
	puts("ok: nothing is left when it ends, though a call hangs");
}

/* So that no process of the test's own is left if it is itself killed. */
static void go_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
}

/* Hangs inside its own mount: in its only thread, or in another one. */
static void be_killed(struct slow_mount *told, bool alone)
{
	struct caller caller;
	pid_t parent = getpid();

	begin((struct slow_mount_options){ 0 });
	put(slow_mount_below(&slow, "file"), "content");
	told->keeper = slow.keeper;
	strcpy(told->control->folder, slow.control->folder);
	slow_mount_hang(&slow, SLOW_OPEN);
	slow_mount_hang(&slow, SLOW_FLUSH);
	if (!alone) {
		caller_begin(&caller, slow_mount_path(&slow, "file"), O_RDONLY);
		slow_mount_await(&slow, SLOW_OPEN, 1);
		shared_word_change(&told->control->changed);
		for (;;)
			pause();
	}
	/* Another process of its own tells when it hangs. */
	if (fork() == 0) {
		go_with(parent);
		slow_mount_await(&slow, SLOW_OPEN, 1);
		shared_word_change(&told->control->changed);
		_exit(0);
	}
	must(open(slow_mount_path(&slow, "file"), O_RDONLY));
	_exit(1);
}

static void goes_with_who_is_killed(bool alone)
{
	struct slow_mount *told = shared_memory(sizeof(*told), NULL);
	struct pollfd end = { .events = POLLIN };
	pid_t parent = getpid(), child;

	program_check(told, "no memory");
	told->control = shared_memory(sizeof(*told->control), NULL);
	child = fork();
	if (child == 0) {
		go_with(parent);
		be_killed(told, alone);
	}
	while (told->control->changed == 0)
		shared_word_wait(&told->control->changed, 0, -1);
	end.fd = (int)syscall(SYS_pidfd_open, told->keeper, 0);
	program_check(end.fd >= 0, "no descriptor for the keeper");
	kill(child, SIGKILL);
	program_check(waitpid(child, NULL, 0) == child, "the child is lost");
	program_check(poll(&end, 1, 20000) == 1, "the keeper stays");
	close(end.fd);
	/* The processes themselves are for init to see to. */
	check_gone(told->control->folder);
	puts("ok: nothing is left of a test that was killed inside a call");
}

int main(int argc, char **argv)
{
	const char *why;

	program_begin(argc, argv, "the filesystem of the tests", 1, 1);
	why = slow_mount_begin(&slow, (struct slow_mount_options){ 0 });
	if (why) {
		printf("skipped: %s\n", why);
		return SKIPPED;
	}
	slow_mount_end(&slow);
	shows_what_lies_below();
	counts_what_the_kernel_asks();
	holds_what_it_is_told_to();
	can_be_interrupted();
	can_break();
	leaves_nothing_behind();
	goes_with_who_is_killed(false);
	goes_with_who_is_killed(true);
	return 0;
}
