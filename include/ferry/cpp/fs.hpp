/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_FS_HPP
#define FERRY_CPP_FS_HPP
/*
 * File calls, as locals that give what C++ has for it. The calls of C that are not here go the same
 * way, those without a result as local<>(ferry_fs_mkdir(loop, pool, path, mode, &options)).
 *
 * All of it on the loop's thread. Paths and data are copied into the request, so nothing need be
 * kept, but descriptors: those are to be open until the call has returned.
 */
#include <ferry/cpp/local.hpp>
#include <ferry/fs.h>
#include <string>
#include <string_view>

namespace ferry::fs
{

/** Options of a file call, all at their defaults. What would lend memory is not to be set. */
struct options : ferry_fs_options {
	options() noexcept : ferry_fs_options FERRY_FS_OPTIONS_INIT
	{
	}
};

/** Options of a root, all at their defaults. */
struct root_options : ferry_fs_root_options {
	root_options() noexcept : ferry_fs_root_options FERRY_FS_ROOT_OPTIONS_INIT
	{
	}
};

/** A path, read within the call that it is given to. One with a 0 in it is EINVAL. */
class path
{
      public:
	path(const char *text) noexcept : text_(text)
	{
	}

	path(const std::string &text) noexcept
		: text_(text.find('\0') == text.npos ? text.c_str() : nullptr)
	{
	}

	operator const char *() const noexcept
	{
		return text_;
	}

      private:
	const char *text_;
};

/** All that was in a file, in the block that it was read into. Movable. */
class bytes
{
      public:
	bytes() noexcept = default;

	/** Ownership: takes what ferry_fs_read_file() gave. */
	explicit bytes(ferry_bytes *taken) noexcept : bytes_(taken)
	{
	}

	std::size_t size() const noexcept
	{
		return bytes_ ? bytes_->count : 0;
	}

	/** array [size()], and a 0 behind it. */
	const unsigned char *data() const noexcept
	{
		return bytes_ ? bytes_->bytes : reinterpret_cast<const unsigned char *>("");
	}

	std::string_view text() const noexcept
	{
		return { reinterpret_cast<const char *>(data()), size() };
	}

      private:
	struct free {
		void operator()(ferry_bytes *bytes) const noexcept
		{
			detail::dispose(ferry_result_pointer(bytes, &ferry_dispose_free));
		}
	};

	std::unique_ptr<ferry_bytes, free> bytes_;
};

/** A descriptor, and the attributes of what it is of. */
struct opened {
	int fd;
	ferry_stat attributes;
};

/** A directory that calls go below, as the root of their options. Copyable. */
class root
{
      public:
	root() noexcept = default;

	/** Ownership: takes the caller's reference. */
	explicit root(ferry_fs_root *taken) noexcept : root_(taken)
	{
	}

	root(const root &other) noexcept : root_(ferry_fs_root_ref(other.root_))
	{
	}

	root(root &&other) noexcept : root_(std::exchange(other.root_, nullptr))
	{
	}

	root &operator=(root other) noexcept
	{
		std::swap(root_, other.root_);
		return *this;
	}

	~root()
	{
		ferry_fs_root_unref(root_);
	}

	/** Options that say: below this root. Throws EINVAL of nothing: that would be anywhere. */
	options below() const
	{
		options made;

		made.root = root_ ? root_ : throw error(EINVAL);
		return made;
	}

	/** As the C calls have it; borrowed. */
	ferry_fs_root *native_handle() const noexcept
	{
		return root_;
	}

	operator ferry_fs_root *() const noexcept
	{
		return root_;
	}

      private:
	ferry_fs_root *root_ = nullptr;
};

namespace detail
{

/* Readers: what a local that is done gives. Where its result cannot be taken it is borrowed. */
inline void require(ferry_local *local)
{
	ferry::detail::require_result(ferry_local_snapshot(local));
}

inline ferry_stat read_stat(ferry_local *local)
{
	require(local);
	return *ferry_fs_result_stat(local);
}

inline std::string read_text(ferry_local *local)
{
	const ferry_bytes *bytes;

	require(local);
	bytes = ferry_fs_result_bytes(local);
	return std::string(reinterpret_cast<const char *>(bytes->bytes), bytes->count);
}

inline opened read_opened(ferry_local *local)
{
	opened made = { -1, read_stat(local) };

	made.fd = static_cast<int>(ferry::detail::take_result(local).i64);
	return made;
}

inline bytes read_bytes(ferry_local *local)
{
	return bytes(static_cast<ferry_bytes *>(ferry::detail::take_result(local).pointer));
}

inline root read_root(ferry_local *local)
{
	return root(static_cast<ferry_fs_root *>(ferry::detail::take_result(local).pointer));
}

} // namespace detail

/** Makes a directory a root. */
inline local<root> open_root(ferry_loop *loop, ferry_pool *pool, path path,
			     const root_options &of_root = {}, const options &options = {})
{
	return local<root>(ferry_fs_root_open(loop, pool, path, &of_root, &options),
			   detail::read_root);
}

/** Attributes of a file, links followed. */
inline local<ferry_stat> stat(ferry_loop *loop, ferry_pool *pool, path path,
			      const options &options = {})
{
	return local<ferry_stat>(ferry_fs_stat(loop, pool, path, &options), detail::read_stat);
}

/** Attributes of a file, a link itself included. */
inline local<ferry_stat> lstat(ferry_loop *loop, ferry_pool *pool, path path,
			       const options &options = {})
{
	return local<ferry_stat>(ferry_fs_lstat(loop, pool, path, &options), detail::read_stat);
}

/** Attributes of an open file. */
inline local<ferry_stat> fstat(ferry_loop *loop, ferry_pool *pool, int fd,
			       const options &options = {})
{
	return local<ferry_stat>(ferry_fs_fstat(loop, pool, fd, &options), detail::read_stat);
}

/** Opens a file: a descriptor, which is closed, on a worker, if nobody takes it. */
inline local<int> open(ferry_loop *loop, ferry_pool *pool, path path, int flags, unsigned mode = 0,
		       const options &options = {})
{
	return local<int>(ferry_fs_open(loop, pool, path, flags, mode, &options));
}

/** Opens a file, and has its attributes. */
inline local<opened> open_stat(ferry_loop *loop, ferry_pool *pool, path path, int flags,
			       unsigned mode = 0, const options &options = {})
{
	return local<opened>(ferry_fs_open_stat(loop, pool, path, flags, mode, &options),
			     detail::read_opened);
}

/** Closes a descriptor, whatever happens. */
inline local<> close(ferry_loop *loop, ferry_pool *pool, int fd, const options &options = {})
{
	return local<>(ferry_fs_close(loop, pool, fd, &options));
}

/** Reads @count bytes at most, at @offset or FERRY_FS_HERE; none at the end of the file. */
inline local<std::string> read(ferry_loop *loop, ferry_pool *pool, int fd, std::size_t count,
			       std::int64_t offset = FERRY_FS_HERE, const options &options = {})
{
	return local<std::string>(ferry_fs_read(loop, pool, fd, count, offset, &options),
				  detail::read_text);
}

/** Writes: how many bytes were written, which may be fewer. */
inline local<std::int64_t> write(ferry_loop *loop, ferry_pool *pool, int fd, std::string_view data,
				 std::int64_t offset = FERRY_FS_HERE, const options &options = {})
{
	return local<std::int64_t>(
		ferry_fs_write(loop, pool, fd, data.data(), data.size(), offset, &options));
}

/** All that is in a file; EFBIG if that is more than @most bytes. */
inline local<bytes> read_file(ferry_loop *loop, ferry_pool *pool, path path, std::size_t most,
			      const options &options = {})
{
	return local<bytes>(ferry_fs_read_file(loop, pool, path, most, &options),
			    detail::read_bytes);
}

/** Puts a file in the place of another, or of none: whoever looks sees the old or the new one. */
inline local<> write_file_atomic(ferry_loop *loop, ferry_pool *pool, path path,
				 std::string_view data, unsigned mode = 0666,
				 const options &options = {})
{
	return local<>(ferry_fs_write_file_atomic(loop, pool, path, data.data(), data.size(), mode,
						  &options));
}

} // namespace ferry::fs
#endif
