/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_LOOKUP_H
#define FERRY_FS_LOOKUP_H
/*
 * Names of hosts. In the pool's lane dns, so that slow lookups keep no file call waiting.
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* <netdb.h> and <sys/socket.h> have these. */
struct addrinfo;
struct sockaddr;

/** Domain of errors whose code is one of the EAI_... of <netdb.h>. */
#define FERRY_DOMAIN_LOOKUP "lookup"

/** The names of an address. */
typedef struct ferry_names {
	const char *host, *service;
} ferry_names;

/**
 * ferry_getaddrinfo() - the addresses of a host, or of a service
 * @loop:    the loop
 * @pool:    the pool
 * @host:    name or number, copied; NULL: this host
 * @service: name or number, copied; NULL: none; not both NULL
 * @hints:   as for getaddrinfo(): flags, family, socket type and protocol; copied; may be
 *           NULL
 * @options: may be NULL; root, borrow_path and release unset
 *
 * The result's pointer is a struct addrinfo *; one who takes it gives it to freeaddrinfo().
 * Numbers are answered inline, if there are hints without AI_ADDRCONFIG and AI_CANONNAME, and
 * a host: no file is read for them, and nobody is asked.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_fs_stat(); the exception has FERRY_DOMAIN_LOOKUP and the EAI_...
 *            code, or is an errno where that is EAI_SYSTEM.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *
ferry_getaddrinfo(ferry_loop *loop, ferry_pool *pool, const char *host, const char *service,
		  const struct addrinfo *hints, const ferry_fs_options *options);

/**
 * ferry_getnameinfo() - the names of an address
 * @loop:    the loop
 * @pool:    the pool
 * @address: the address, copied
 * @length:  bytes of @address, 1 to sizeof(struct sockaddr_storage)
 * @flags:   as for getnameinfo()
 * @options: may be NULL; root, borrow_path and release unset
 *
 * The result's pointer is a const ferry_names *. Numbers (NI_NUMERICHOST and
 * NI_NUMERICSERV) are answered inline.
 *
 * Ownership: the return is a new reference; the names are borrowed from it.
 * Context:   the loop's thread.
 * Return:    as ferry_getaddrinfo().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *
ferry_getnameinfo(ferry_loop *loop, ferry_pool *pool, const struct sockaddr *address,
		  unsigned length, int flags, const ferry_fs_options *options);

/**
 * ferry_result_addresses() - the addresses that a call found
 * @local: of ferry_getaddrinfo()
 *
 * Ownership: borrowed until the last reference to @local is dropped, or its result taken.
 * Context:   the loop's thread.
 * Return:    the first of them; NULL while it is not done, without a result, or of another
 *            call.
 */
FERRY_API const struct addrinfo *ferry_result_addresses(ferry_local *local);

/**
 * ferry_result_names() - the names that a call found
 * @local: of ferry_getnameinfo()
 *
 * Ownership: borrowed until the last reference to @local is dropped.
 * Context:   the loop's thread.
 * Return:    the names; NULL while it is not done, without a result, or of another call.
 */
FERRY_API const ferry_names *ferry_result_names(ferry_local *local);

#ifdef __cplusplus
}
#endif
#endif
