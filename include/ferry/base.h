/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_BASE_H
#define FERRY_BASE_H
/*
 * Floor 1: the small values that every other header speaks in.
 *
 *   time       absolute CLOCK_MONOTONIC nanoseconds in a uint64_t
 *   result     what a function produced: a pointer or a number, and who disposes of it
 *   error      why a function failed: domain, code, message, optional payload
 *   snapshot   done, cancelled, result, exception: one look at a future or a local
 *   waiter     the node that a completed future notifies
 *
 * Calls return an int: zero or positive is good, a negative errno is bad. The
 * return is about the call; the outcome of the work is in the snapshot, and the
 * two are never mixed. Outputs come last and are untouched on failure.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what the shared library exports. */
#define FERRY_API __attribute__((visibility("default")))
/** Marks a return value that must not be ignored. */
#define FERRY_MUST_CHECK __attribute__((warn_unused_result))
/** Marks what is seldom called, so that a compiler keeps it out of the way. */
#define FERRY_COLD __attribute__((cold))

/** Version of these headers; the library's own is ferry_version(). */
#define FERRY_VERSION_MAJOR 0
#define FERRY_VERSION_MINOR 1
#define FERRY_VERSION_PATCH 0

/** A deadline that never comes. */
#define FERRY_NO_DEADLINE UINT64_MAX

/**
 * ferry_version() - version of the library that was loaded
 *
 * Context: any thread; async-signal-safe.
 * Return:  major * 1000000 + minor * 1000 + patch.
 */
FERRY_API unsigned ferry_version(void);

/**
 * ferry_now_ns() - the clock that all deadlines are measured on
 *
 * Context: any thread; async-signal-safe.
 * Return:  CLOCK_MONOTONIC in nanoseconds.
 */
FERRY_API uint64_t ferry_now_ns(void);

/**
 * ferry_in_ns() - turn a delay into a deadline
 * @delay_ns: nanoseconds from now, any value
 *
 * A sum that does not fit becomes FERRY_NO_DEADLINE.
 *
 * Context: any thread; async-signal-safe.
 * Return:  the deadline, absolute.
 */
FERRY_API uint64_t ferry_in_ns(uint64_t delay_ns);

/**
 * ferry_cpu_count() - how many CPUs this process may really use
 *
 * The affinity mask of the calling thread, cut by the CPU quota of its cgroup
 * (version 2: the smallest cpu.max up to the root; version 1: cpu.cfs_quota_us),
 * rounded up. Reads /proc and /sys each time; nothing is cached.
 *
 * Context: any thread.
 * Return:  at least 1.
 */
FERRY_API unsigned ferry_cpu_count(void);

/* ---- errors ---- */

/** Why something failed. Opaque, counted, never changed once made. */
typedef struct ferry_error ferry_error;

/** Domain of errors whose code is an errno. */
#define FERRY_DOMAIN_ERRNO "errno"
/** Domain of errors that the library itself gives; codes are enum ferry_error_code. */
#define FERRY_DOMAIN_FERRY "ferry"

/** Codes of FERRY_DOMAIN_FERRY. The numbers are ABI; new ones come at the end. */
typedef enum ferry_error_code {
	FERRY_ERROR_CANCELLED = 1,     /* ended by a cancel that came as an exception */
	FERRY_ERROR_TIMED_OUT = 2,     /* the job's deadline passed while it was queued */
	FERRY_ERROR_INVALID_STATE = 3, /* an outcome was read or written in the wrong state */
	FERRY_ERROR_BROKEN = 4,        /* the pool's start hook failed; the job never ran */
	FERRY_ERROR_TAKEN = 5,         /* stands for one that somebody who waited took over */
	FERRY_ERROR_STUCK = 6          /* the mount that a file call would go to does not answer */
} ferry_error_code;

/**
 * ferry_error_from_errno() - the exception that stands for an errno
 * @code: a positive errno, 1 to 1023
 *
 * Allocates nothing: errors of FERRY_DOMAIN_ERRNO live in a table for ever, so
 * unreferencing them does nothing.
 *
 * Context: any thread; async-signal-safe.
 * Return:  borrowed for ever; NULL if @code is out of range.
 */
FERRY_API const ferry_error *ferry_error_from_errno(int code);

/**
 * ferry_error_from_code() - one of the library's own exceptions
 * @code: one of enum ferry_error_code
 *
 * Context: any thread; async-signal-safe.
 * Return:  borrowed for ever; NULL if @code is not one of them.
 */
FERRY_API const ferry_error *ferry_error_from_code(ferry_error_code code);

/**
 * ferry_error_new() - make an error of one's own
 * @domain:       short name of whose codes these are; a string that outlives the error
 * @code:         any number that has a meaning in @domain
 * @message:      what to tell a person; copied; NULL means an empty message
 * @payload:      anything that explains more; may be NULL
 * @free_payload: called with @payload when the last reference is dropped, on the
 *                thread that drops it; NULL if nothing is to be done
 * @ret:          where to put the error
 *
 * Ownership: *@ret is a new reference. On failure @payload stays the caller's.
 * Context:   any thread.
 * Return:    0; -EINVAL if @domain or @ret is NULL; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_error_new(const char *domain, int code, const char *message,
					       void *payload, void (*free_payload)(void *payload),
					       const ferry_error **ret);

/**
 * ferry_error_ref() - hold an error longer
 * @error: the error; NULL is allowed
 *
 * Ownership: the return is a new reference, to be dropped by ferry_error_unref().
 * Context:   any thread.
 * Return:    @error.
 */
FERRY_API const ferry_error *ferry_error_ref(const ferry_error *error);

/**
 * ferry_error_unref() - let go of an error
 * @error: the error; NULL is allowed and does nothing
 *
 * Ownership: takes the caller's reference; the last one frees message and payload.
 * Context:   any thread.
 * Return:    NULL, to be assigned to the caller's pointer.
 */
FERRY_API const ferry_error *ferry_error_unref(const ferry_error *error);

/**
 * ferry_error_domain() - whose codes an error uses
 * @error: the error; NULL is allowed
 *
 * Context: any thread. Return: the string given at creation, borrowed; NULL of NULL.
 */
FERRY_API const char *ferry_error_domain(const ferry_error *error);

/**
 * ferry_error_number() - an error's code within its domain
 * @error: the error; NULL is allowed
 *
 * Context: any thread. Return: the code; a positive errno in FERRY_DOMAIN_ERRNO; 0 of
 *          NULL.
 */
FERRY_API int ferry_error_number(const ferry_error *error);

/**
 * ferry_error_message() - what to tell a person
 * @error: the error; NULL is allowed
 *
 * Context: any thread. Return: never NULL; borrowed while @error is held. Of NULL it is
 *          the system's text for errno 0, "Success".
 */
FERRY_API const char *ferry_error_message(const ferry_error *error);

/**
 * ferry_error_payload() - what the maker of an error added to it
 * @error: the error; NULL is allowed
 *
 * Context: any thread. Return: borrowed while @error is held; may be NULL.
 */
FERRY_API void *ferry_error_payload(const ferry_error *error);

/**
 * ferry_error_errno() - the errno nearest to an error
 * @error: the error; NULL is allowed
 *
 * For code that ends in an int: the code itself in FERRY_DOMAIN_ERRNO;
 * ECANCELED, ETIMEDOUT, EINVAL, ENOTRECOVERABLE, ENODATA and EHOSTDOWN for the library's
 * own six; EIO for any other domain.
 *
 * Context: any thread; async-signal-safe.
 * Return:  a positive errno; 0 if @error is NULL.
 */
FERRY_API int ferry_error_errno(const ferry_error *error);

/* ---- results ---- */

/** Where a disposer may run. The numbers are ABI. */
typedef enum ferry_disposer_kind {
	FERRY_DISPOSE_ANYWHERE = 0, /* does not block (free): any thread, a loop's too */
	FERRY_DISPOSE_BLOCKING = 1  /* may block (close): handed to the pool on a loop's thread,
				       where it runs only if the pool has no worker left and no
				       thread can be made */
} ferry_disposer_kind;

struct ferry_result;

/** How to get rid of a result that nobody took. Static: it must outlive every result. */
typedef struct ferry_disposer {
	ferry_disposer_kind kind;
	void (*dispose)(const struct ferry_result *result);
} ferry_disposer;

/** What a function produced. A small value: copy it freely, own it once. */
typedef struct ferry_result {
	__extension__ union {
		void *pointer;
		uint64_t u64;
		int64_t i64;
	};
	const ferry_disposer *disposer; /* NULL: nothing is to be done */
} ferry_result;

/**
 * ferry_result_u64() - a result that is an unsigned number
 * @value: the number
 *
 * Context: any thread; async-signal-safe. Return: the result; nothing to dispose of.
 */
FERRY_API ferry_result ferry_result_u64(uint64_t value);

/**
 * ferry_result_i64() - a result that is a signed number
 * @value: the number
 *
 * Context: any thread; async-signal-safe. Return: the result; nothing to dispose of.
 */
FERRY_API ferry_result ferry_result_i64(int64_t value);

/**
 * ferry_result_pointer() - a result that is a pointer
 * @pointer:  the pointer; may be NULL
 * @disposer: what to do with it if nobody takes it; NULL means nothing
 *
 * Context: any thread; async-signal-safe. Return: the result.
 */
FERRY_API ferry_result ferry_result_pointer(void *pointer, const ferry_disposer *disposer);

/** Disposer for memory from malloc(): calls free(). Anywhere. */
FERRY_API extern const ferry_disposer ferry_dispose_free;
/** Disposer for a descriptor in i64: calls close(). Blocking. */
FERRY_API extern const ferry_disposer ferry_dispose_close;

/**
 * ferry_disposed_count() - results given to their disposers since the process began
 *
 * Each is a result that nobody took: a caller who was cancelled, a loop that was
 * closed, a future that was dropped. Counts those that had a disposer.
 *
 * Context: any thread. Return: the count, over all pools and loops.
 */
FERRY_API uint64_t ferry_disposed_count(void);

/* ---- snapshot and waiter ---- */

/** What one look saw. All four fields describe the same instant. */
typedef struct ferry_snapshot {
	int done;                     /* 1: it has its outcome, which never changes again */
	int cancelled;                /* 1: done, and the outcome is that it was cancelled */
	ferry_result result;          /* zero unless done with a result; borrowed */
	const ferry_error *exception; /* NULL unless done with an exception; borrowed */
} ferry_snapshot;

/**
 * The node that a completed future notifies: embed it in what should be told.
 *
 * @next belongs to the library from attach until notify begins or detach returns 1.
 * @notify is called exactly once, by the thread that completed the future; it must
 * not block, and may free the node, which the library does not touch again.
 */
typedef struct ferry_waiter {
	struct ferry_waiter *next;
	void (*notify)(struct ferry_waiter *waiter);
} ferry_waiter;

#ifdef __cplusplus
}
#endif
#endif
