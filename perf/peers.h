/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_PEERS_H
#define PERF_PEERS_H
/*
 * What tasks are compared with, and on what. A peer that is linked in is a drill, as ours are;
 * one that is a program of its own is run with the same shape as its arguments.
 *
 *   peer_coroutines.cpp   coroutines of C++20, with as little around them as goes
 *   peer_asio.cpp         Boost.Asio's co_spawn()
 *   peer_goroutines.go    Go
 *   peer_node.js          async functions of Node
 *   peer_asyncio.py       CPython
 *
 * Read by C++, too.
 */
#include "drill.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is done. Operations are those of children.h, calls.h and pairs.h. */
enum peer_shape { PEER_CHILDREN, PEER_ONE_BY_ONE, PEER_PING_PONG };

struct peer_task {
	enum peer_shape shape;
	unsigned number; /* children: how many of ten suspend once; ping-pong: pairs */
	int from_list;   /* coroutines: frames from a free list, and not by malloc() */
};

#define PEER_BATCH 1000 /* children */
#define PEER_RESULT 42  /* of a child */

/* Many that are suspended at once, and all wait for the same. */
struct sleepers {
	void *(*open)(ferry_loop *loop, unsigned count); /* touches no memory for them */
	void (*create)(void *side);                      /* all; each is suspended then */
	void (*end)(void *side);                         /* resumes all, and they end */
	void (*close)(void *side);
};

#ifdef PERF_HAVE_COROUTINES
#define PEER_COROUTINES_SKIP NULL
void *peer_coroutines_open(ferry_loop *loop, const void *how);
void peer_coroutines_run(void *side, uint64_t operations);
void peer_coroutines_close(void *side);
extern const struct sleepers peer_coroutines_sleepers, peer_coroutines_list_sleepers;
#else
#define PEER_COROUTINES_SKIP "no compiler for C++20 was found when this was built (Debian: g++)"
#endif

#ifdef PERF_HAVE_ASIO
#define PEER_ASIO_SKIP NULL
void *peer_asio_open(ferry_loop *loop, const void *how);
void peer_asio_run(void *side, uint64_t operations);
void peer_asio_close(void *side);
extern const struct sleepers peer_asio_sleepers;
#else
#define PEER_ASIO_SKIP "Boost.Asio was not found when this was built (Debian: libboost-dev)"
#endif

#ifdef __cplusplus
}
#endif
#endif
