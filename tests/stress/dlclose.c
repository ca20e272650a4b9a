/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library is closed with dlclose() while a thread that used it lives; the thread
 * then exits, and its exit hooks, liburcu's among them, still find their code (L3).
 *
 *   dlclose /path/to/libferry.so
 */
#include <dlfcn.h>
#include <ferry.h>
#include <pthread.h>

#include "support/gate.h"
#include "support/program.h"

/* What is used of the library, by name. */
#define NAMES(use)               \
	use(ferry_loop_new)      \
	use(ferry_loop_run)      \
	use(ferry_loop_free)     \
	use(ferry_pool_new)      \
	use(ferry_pool_free)     \
	use(ferry_pool_shutdown) \
	use(ferry_offload)       \
	use(ferry_wrap)          \
	use(ferry_local_unref)   \
	use(ferry_local_snapshot) \
	use(ferry_future_new)    \
	use(ferry_future_unref)  \
	use(ferry_future_set_result)

#define POINTER(name) __typeof__(name) *name;
static struct {
	NAMES(POINTER)
} with;

static void *library;
static struct gate used, closed;
static ferry_pool *left; /* freed while its worker is inside a job */

static void open_library(const char *path)
{
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	program_check(library, "%s", dlerror());
#define FIND(name)                                      \
	*(void **)&with.name = dlsym(library, #name);   \
	program_check(with.name, "%s is missing", #name);
	NAMES(FIND)
}

static int seven(void *arg, ferry_result *out)
{
	(void)arg;
	out->u64 = 7;
	return 0;
}

/* Still inside when the library is closed: it returns into it. */
static int until_closed(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	gate_wait(&closed);
	return 0;
}

static ferry_pool *new_pool(void)
{
	ferry_pool *pool;
	int error = with.ferry_pool_new(NULL, &pool);

	program_check(!error, "no pool: %d", error);
	return pool;
}

/* A pool, a promise and a loop, all of which this thread makes and frees. */
static void use_library(void)
{
	ferry_local *offloaded, *wrapped, *kept;
	ferry_pool *pool = new_pool();
	ferry_future *future;
	ferry_loop *loop;

	program_check(!with.ferry_loop_new(NULL, &loop), "no loop");
	program_check(!with.ferry_future_new(NULL, &future), "no promise");
	offloaded = with.ferry_offload(loop, pool, seven, NULL, NULL);
	wrapped = with.ferry_wrap(loop, future);
	program_check(offloaded && wrapped, "no local");
	with.ferry_future_set_result(future, (ferry_result){ .u64 = 7 });
	program_check(!with.ferry_loop_run(loop), "the loop cannot run");
	program_check(with.ferry_local_snapshot(offloaded).result.u64 == 7 &&
			      with.ferry_local_snapshot(wrapped).result.u64 == 7,
		      "wrong results");
	with.ferry_local_unref(offloaded);
	with.ferry_local_unref(wrapped);
	with.ferry_future_unref(future);
	kept = with.ferry_offload(loop, left, until_closed, NULL, NULL);
	program_check(kept, "no local");
	gate_await(&closed, 1);
	with.ferry_local_unref(kept);
	with.ferry_loop_free(loop);
	program_check(!with.ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		      "jobs are left");
	with.ferry_pool_free(pool);
	with.ferry_pool_free(left);
}

static void *thread_main(void *argument)
{
	(void)argument;
	left = new_pool();
	use_library();
	gate_wait(&used);
	return NULL;
}

int main(int argc, char **argv)
{
	char *path = argc > 1 ? argv[argc - 1] : "";
	pthread_t thread;

	program_check(argc == 2 && path[0] != '-', "usage: %s /path/to/libferry.so", argv[0]);
	alarm(60);
	gate_init(&used);
	gate_init(&closed);
	open_library(path);
	program_check(!pthread_create(&thread, NULL, thread_main, NULL), "no thread");
	gate_await(&used, 1);
	program_check(!dlclose(library), "%s", dlerror());
	gate_open(&used);
	pthread_join(thread, NULL);
	gate_open(&closed);
	/* Linked with -z nodelete: closed is not gone. */
	program_check(dlopen(path, RTLD_NOW | RTLD_NOLOAD), "the library was unloaded");
	return 0;
}
