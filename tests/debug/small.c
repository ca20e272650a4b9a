/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small program, in C and in C++, that small.sh has gdb show: it uses so little of the library
 * that an archive gives it no promise and no task, and it has functions that are called as some
 * which the library keeps to itself. It stands still in look() when a worker is inside of ask().
 */
#include <ferry.h>
#include <unistd.h>

int process_prepare(void);
int port_open(int number);
void look(void);

int process_prepare(void)
{
	return 1;
}

int port_open(int number)
{
	return number;
}

__attribute__((noinline)) void look(void)
{
	_exit(port_open(process_prepare()));
}

static ferry_loop *loop;
static ferry_pool *pool;

static void stop(ferry_loop *of, void *user)
{
	(void)of;
	(void)user;
	look();
}

static int ask(void *argument, ferry_result *out)
{
	(void)argument;
	(void)out;
	ferry_loop_call_soon_threadsafe(loop, stop, NULL);
	for (;;)
		pause();
}

int main(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.max_threads = 1;
	if (ferry_pool_new(&options, &pool) < 0 || ferry_loop_new(NULL, &loop) < 0 ||
	    !ferry_offload(loop, pool, ask, NULL, NULL))
		return 1;
	return ferry_loop_run(loop) < 0;
}
