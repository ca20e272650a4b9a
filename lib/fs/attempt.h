/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_ATTEMPT_H
#define FS_ATTEMPT_H
/*
 * Attempts to answer a call on the loop's thread, without waiting (S1): the second column
 * of the table.
 */
#include "fs/operation.h"

struct fs;
struct terms;
struct health;

struct attempt {
	struct fs *fs;
	ferry_pool *pool;
	struct request *request;
	const struct terms *terms;
	uint64_t now_ns;       /* when it began */
	struct health *health; /* of the mount that was asked, where it is known */
	bool is_plain;         /* with it: opening and closing there run no driver */
	int returned;          /* ATTEMPT_ANSWERED: 0, or a negative errno */
	ferry_result result;   /* if 0 */
};

/* Room for the names of an address, besides ferry_names itself. */
#define LOOKUP_HOST_ROOM 1025
#define LOOKUP_SERVICE_ROOM 32
#define LOOKUP_NAMES_ROOM (sizeof(ferry_names) + LOOKUP_HOST_ROOM + LOOKUP_SERVICE_ROOM)

enum attempt_outcome attempt_stat(struct attempt *attempt);
enum attempt_outcome attempt_lstat(struct attempt *attempt);
enum attempt_outcome attempt_fstat(struct attempt *attempt);
enum attempt_outcome attempt_open(struct attempt *attempt);
enum attempt_outcome attempt_open_stat(struct attempt *attempt);
enum attempt_outcome attempt_close(struct attempt *attempt);
enum attempt_outcome attempt_read(struct attempt *attempt);
enum attempt_outcome attempt_access(struct attempt *attempt);
enum attempt_outcome attempt_getaddrinfo(struct attempt *attempt);
enum attempt_outcome attempt_getnameinfo(struct attempt *attempt);

#endif
