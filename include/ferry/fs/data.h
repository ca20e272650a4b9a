/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_DATA_H
#define FERRY_FS_DATA_H
/*
 * What is in files: read, written, copied, made durable.
 *
 * A read is answered inline if the page cache has all of it (RWF_NOWAIT; not on every
 * filesystem). All else is done on the pool. What is read lies in the request; what is
 * to be written is copied into it, unless options say that it is borrowed.
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/** At the descriptor's own position, which then moves. */
#define FERRY_FS_HERE (-1)
/** The most bytes of one read or write. */
#define FERRY_FS_MOST ((size_t)1 << 30)

/** Bytes that were read. */
typedef struct ferry_bytes {
	size_t count;
	unsigned char *bytes; /* array [count], and a 0 behind it that is not counted */
} ferry_bytes;

/**
 * ferry_fs_read() - read from a file
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      a descriptor, 0 or more, to be kept open until the call has returned
 * @count:   bytes wanted, 0 to FERRY_FS_MOST
 * @offset:  from there; FERRY_FS_HERE: at its position
 * @options: may be NULL
 *
 * The result's pointer is a const ferry_bytes *; fewer than @count at the end of the
 * file, or where read() gives fewer; 0 at the end.
 *
 * Ownership: the return is a new reference; the bytes are borrowed from it.
 * Context:   the loop's thread.
 * Return:    as ferry_fs_stat(); the exception is the errno of pread() or read().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_read(ferry_loop *loop, ferry_pool *pool, int fd,
						      size_t count, int64_t offset,
						      const ferry_fs_options *options);

/**
 * ferry_fs_write() - write to a file
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      a descriptor, 0 or more, to be kept open until the call has returned
 * @data:    array [count], copied unless options say that it is borrowed
 * @count:   0 to FERRY_FS_MOST
 * @offset:  to there; FERRY_FS_HERE: at its position
 * @options: may be NULL
 *
 * The result's i64 is how many bytes were written: fewer where write() wrote fewer.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of pwrite() or write().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_write(ferry_loop *loop, ferry_pool *pool, int fd,
						       const void *data, size_t count,
						       int64_t offset,
						       const ferry_fs_options *options);

/**
 * ferry_fs_fsync() - make a file durable, data and attributes
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      a descriptor, 0 or more, to be kept open until the call has returned
 * @options: may be NULL
 *
 * Ownership: the return is a new reference. Context: the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of fsync().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_fsync(ferry_loop *loop, ferry_pool *pool, int fd,
						       const ferry_fs_options *options);

/**
 * ferry_fs_fdatasync() - make a file's data durable
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      a descriptor, 0 or more, to be kept open until the call has returned
 * @options: may be NULL
 *
 * Ownership: the return is a new reference. Context: the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of fdatasync().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_fdatasync(ferry_loop *loop, ferry_pool *pool,
							   int fd,
							   const ferry_fs_options *options);

/**
 * ferry_fs_ftruncate() - set the length of a file
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      a descriptor, 0 or more, to be kept open until the call has returned
 * @length:  bytes, 0 to INT64_MAX
 * @options: may be NULL
 *
 * Ownership: the return is a new reference. Context: the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of ftruncate().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_ftruncate(ferry_loop *loop, ferry_pool *pool,
							   int fd, uint64_t length,
							   const ferry_fs_options *options);

/**
 * ferry_fs_copy_file_range() - copy from one file to another within the kernel
 * @loop:        the loop
 * @pool:        the pool
 * @from:        a descriptor, 0 or more; kept open, as @to, until the call has returned
 * @from_offset: from there; FERRY_FS_HERE: at its position
 * @to:          a descriptor, 0 or more
 * @to_offset:   to there; FERRY_FS_HERE: at its position
 * @count:       0 to FERRY_FS_MOST
 * @options:     may be NULL
 *
 * The result's i64 is how many bytes were copied: 0 at the end of @from.
 *
 * Ownership: the return is a new reference. Context: the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of copy_file_range().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *
ferry_fs_copy_file_range(ferry_loop *loop, ferry_pool *pool, int from, int64_t from_offset, int to,
			 int64_t to_offset, size_t count, const ferry_fs_options *options);

/**
 * ferry_fs_read_file() - all that is in a file
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @most:    bytes at most, 0 to FERRY_FS_MOST
 * @options: may be NULL
 *
 * One request for open, read and close. The result's pointer is a ferry_bytes *, one
 * block of memory; who takes it gives it to free(). A FIFO or a device is opened without
 * waiting, and read to its end.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of open() or read(); EFBIG
 *            if there is more than @most; EISDIR; ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_read_file(ferry_loop *loop, ferry_pool *pool,
							   const char *path, size_t most,
							   const ferry_fs_options *options);

/**
 * ferry_fs_write_file_atomic() - put a file in the place of another, or of none
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed; a link at its end is
 *           replaced, not followed
 * @data:    array [count], copied unless options say that it is borrowed
 * @count:   0 to FERRY_FS_MOST
 * @mode:    permissions of the new file, the umask does not cut them
 * @options: may be NULL
 *
 * One request. Written to a file of another name in the same directory, made durable,
 * then renamed, and the directory made durable: whoever looks, after a crash too, sees
 * the old one or the new one, whole. If it fails the other name is removed; cancelled or
 * failed as the directory is made durable, the new one may be there already.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of what failed.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *
ferry_fs_write_file_atomic(ferry_loop *loop, ferry_pool *pool, const char *path, const void *data,
			   size_t count, unsigned mode, const ferry_fs_options *options);

/**
 * ferry_fs_result_bytes() - the bytes that a call read
 * @local: of ferry_fs_read() or ferry_fs_read_file()
 *
 * Ownership: borrowed until the last reference to @local is dropped, or its result taken.
 * Context:   the loop's thread.
 * Return:    the bytes; NULL while it is not done, without a result, or of another call.
 */
FERRY_API const ferry_bytes *ferry_fs_result_bytes(ferry_local *local);

/**
 * ferry_fs_result_count() - how many bytes a call wrote or copied
 * @local: of ferry_fs_write() or ferry_fs_copy_file_range()
 *
 * Context: the loop's thread.
 * Return:  the count; -ENODATA while it is not done, without a result, or of another call.
 */
FERRY_API int64_t ferry_fs_result_count(ferry_local *local);

#ifdef __cplusplus
}
#endif
#endif
