/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/fs.hpp: file calls, below a directory that goes with the test.
 */
#include "pools.hpp"
#include "tap.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string>

namespace files
{

namespace fs = ferry::fs;

/* A directory, empty again and gone at the end. */
struct folder {
	folder()
	{
		CHECK(mkdtemp(path));
	}

	~folder()
	{
		for (const char *each : { "one", "two" })
			unlink(file(each).c_str());
		rmdir(path);
	}

	std::string file(const char *name) const
	{
		return std::string(path) + "/" + name;
	}

	char path[32] = "/tmp/ferry-cpp-XXXXXX";
};

TEST(a_file_is_written_and_read)
{
	folder folder;
	drained_pool pool;
	ferry::loop loop;
	int fd = loop.run(fs::open(loop, pool, folder.file("one"), O_RDWR | O_CREAT, 0600));

	CHECK(loop.run(fs::write(loop, pool, fd, "hello")) == 5);
	CHECK(loop.run(fs::fstat(loop, pool, fd)).size == 5);
	CHECK(loop.run(fs::read(loop, pool, fd, 100, 1)) == "ello");
	CHECK(loop.run(fs::read(loop, pool, fd, 100, 5)).empty());
	loop.run(fs::close(loop, pool, fd));
	CHECK(fcntl(fd, F_GETFD) == -1);
	CHECK_ERRNO(loop.run(fs::fstat(loop, pool, fd)), EBADF);
}

TEST(whole_files_are_read_and_replaced)
{
	folder folder;
	drained_pool pool;
	ferry::loop loop;
	fs::bytes nothing, read;

	loop.run(fs::write_file_atomic(loop, pool, folder.file("one"), "hello", 0600));
	read = loop.run(fs::read_file(loop, pool, folder.file("one"), 100));
	CHECK(read.text() == "hello" && read.size() == 5 && read.data()[5] == 0);
	CHECK(nothing.text().empty() && nothing.size() == 0);
	CHECK_ERRNO(loop.run(fs::read_file(loop, pool, folder.file("one"), 4)), EFBIG);
}

TEST(a_file_is_opened_with_its_attributes)
{
	folder folder;
	drained_pool pool;
	ferry::loop loop;
	fs::opened opened;

	loop.run(fs::write_file_atomic(loop, pool, folder.file("one"), "hello", 0600));
	opened = loop.run(fs::open_stat(loop, pool, folder.file("one"), O_RDONLY));
	CHECK(opened.attributes.size == 5 && fcntl(opened.fd, F_GETFD) != -1);
	loop.run(fs::close(loop, pool, opened.fd));
}

TEST(what_is_not_there_is_thrown)
{
	folder folder;
	drained_pool pool;
	ferry::loop loop;

	CHECK_ERRNO(loop.run(fs::stat(loop, pool, folder.file("none"))), ENOENT);
	CHECK_ERRNO(loop.run(fs::lstat(loop, pool, folder.file("none"))), ENOENT);
	CHECK_ERRNO(loop.run(fs::open(loop, pool, "/dev/null/none", O_RDONLY)), ENOTDIR);
	CHECK_ERRNO(fs::stat(nullptr, pool, "/"), EINVAL);
	CHECK_ERRNO(loop.run(fs::open_root(loop, pool, "/dev/null")), ENOTDIR);
}

TEST(S1_what_is_asked_below_a_root_stays_there)
{
	folder folder;
	drained_pool pool;
	ferry::loop loop;
	fs::root root = loop.run(fs::open_root(loop, pool, folder.path)), copy = root;

	loop.run(fs::write_file_atomic(loop, pool, "one", "hello", 0600, copy.below()));
	CHECK(loop.run(fs::stat(loop, pool, "one", root.below())).size == 5);
	CHECK_ERRNO(loop.run(fs::stat(loop, pool, "../..", root.below())), EXDEV);
	/* A call of C without one here goes the same way. */
	fs::options below = root.below();
	loop.run(ferry::local<>(ferry_fs_rename(loop, pool, "one", "two", &below)));
	CHECK(loop.run(fs::stat(loop, pool, folder.file("two"))).size == 5);
}

TEST(S1_below_a_root_that_is_none_is_nowhere)
{
	drained_pool pool;
	ferry::loop loop;
	fs::root root = loop.run(fs::open_root(loop, pool, "/")), moved = std::move(root);

	CHECK_ERRNO(root.below(), EINVAL);
	CHECK_ERRNO(fs::root().below(), EINVAL);
	CHECK(loop.run(fs::stat(loop, pool, "dev/null", moved.below())).size == 0);
}

TEST(E1_a_path_with_a_zero_in_it_is_none)
{
	drained_pool pool;
	ferry::loop loop;

	CHECK_ERRNO(loop.run(fs::stat(loop, pool, std::string("/dev\0/null", 10))), EINVAL);
}

TEST(F7_a_descriptor_that_nobody_takes_is_closed)
{
	ferry::loop loop;
	int fd;

	{
		drained_pool pool;
		ferry::local<int> opened = fs::open(loop, pool, "/dev/null", O_RDONLY);

		loop.run();
		fd = ferry_fs_result_fd(opened.native_handle());
		CHECK(fcntl(fd, F_GETFD) != -1);
	}
	CHECK(fcntl(fd, F_GETFD) == -1);
}

} // namespace files
