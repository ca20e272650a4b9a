/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop as an object: made, closed, posted to, and the calls that put something on
 * its lists.
 *
 * All on the loop's thread but loop_post(), call_soon_threadsafe, ref and unref (step
 * "post" of a request, between the completed future and the turn that drains).
 * Invariant (L3): a poster reaches the port only inside a read-side section; closing
 * unlinks it, waits for a grace period, and then takes what was still posted, so a
 * post is either delivered, or its poster is told that the loop is closed.
 */
#include "loop/turn.h"

#include <limits.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/process.h"
#include "base/sys.h"

#define DEFAULT_BUDGET 1024
#define DEFAULT_POLL_NS 3000
#define POLL_NS_MOST 1000000
#define DEFAULT_CACHE_BYTES ((size_t)16 << 20)
#define POLL_CREDIT_BEGIN 8

/* Numbers of threads that ever made a loop. */
static _Atomic uint64_t threads;

int loop_refusal(const struct ferry_loop *loop)
{
	if (!loop)
		return -EINVAL;
	if (!loop_is_mine(loop))
		return loop->generation != process_generation ? -ECHILD : -EPERM;
	return -ESHUTDOWN;
}

/* ---- made ---- */

static int open_epoll(struct ferry_loop *loop, const struct port *port)
{
	/* Edge-triggered: each write is an event, and nobody has to read the counter. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = WATCH_BELL };
	int error;

	loop->epoll = sys_epoll_create();
	if (loop->epoll < 0)
		return loop->epoll;
	error = sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, port->bell, &event);
	if (error)
		sys_close(loop->epoll);
	return error;
}

static void read_loop_options(struct ferry_loop *loop, const ferry_loop_options *options)
{
	loop->budget = options->budget ? options->budget : DEFAULT_BUDGET;
	loop->poll_ns = options->poll_ns ? options->poll_ns : DEFAULT_POLL_NS;
	/* The one who would post needs a CPU to do so. */
	if (options->poll_ns == FERRY_NO_DEADLINE || ferry_cpu_count() < 2)
		loop->poll_ns = 0;
	loop->poll_credit = POLL_CREDIT_BEGIN;
	loop->blocks.cached_most = options->cache_bytes ? options->cache_bytes
							: DEFAULT_CACHE_BYTES;
	loop->task_factory = options->task_factory;
	loop->task_user = options->task_user;
	loop->plain_start = loop->task_factory ? 0 : LOOP_EAGER;
}

int ferry_loop_new(const ferry_loop_options *given, ferry_loop **ret)
{
	ferry_loop_options options;
	struct ferry_loop *loop;
	struct port *port;
	int error = options_read(&options, sizeof(options), given);

	if (!ret)
		return -EINVAL;
	if (!error && options.poll_ns > POLL_NS_MOST && options.poll_ns != FERRY_NO_DEADLINE)
		error = -EINVAL;
	if (!error)
		error = process_prepare();
	if (error)
		return error;
	loop = memory_new_zeroed(sizeof(*loop));
	port = memory_new(sizeof(*port));
	error = loop && port ? port_open(port) : -ENOMEM;
	if (!error) {
		error = open_epoll(loop, port);
		if (error)
			port_close(port);
	}
	if (error) {
		memory_free(loop);
		memory_free(port);
		return error;
	}
	read_loop_options(loop, &options);
	loop->generation = process_generation;
	/* Not its address, which is the next thread's when this one has exited. Relaxed: each
	 * number is given once, in whatever order. */
	if (!thread_self()->number)
		thread_self()->number = atomic_add_relaxed(&threads, 1) + 1;
	loop->owner = thread_self()->number;
	loop->left = UINT64_MAX;
	loop->scope.loop = loop;
	loop->activation = &loop->no_step;
	loop->busy_since_ns = clock_now();
	CDS_INIT_LIST_HEAD(&loop->pending);
	/* Relaxed, both: nobody else has seen the loop yet. */
	atomic_store_relaxed(&loop->refs, 1);
	atomic_store_relaxed(&loop->port, port);
	port_arm(port);
	thread_self()->loops++;
	*ret = loop;
	return 0;
}

/* ---- posted to ---- */

/* The ring that a worker in a brief lane put off: the handle is held for it. */
static void pay(void *creditor)
{
	struct ferry_loop *loop = creditor;
	struct port *port;

	rcu_read_begin();
	/* [port] acquire: see loop_post(). */
	port = atomic_load_acquire(&loop->port);
	if (port)
		port_ring(port);
	rcu_read_end();
	ferry_loop_unref(loop);
}

/* Puts the ring off: true if it did; a ring owed to another loop is paid first. */
static bool owe(struct debt *debt, struct ferry_loop *loop)
{
	if (!debt->allowed)
		return false;
	if (debt->creditor == loop) {
		debt->posts++;
		return true;
	}
	if (debt->creditor)
		return false; /* one at a time: this one is rung at once */
	debt->creditor = ferry_loop_ref(loop);
	debt->pay = pay;
	debt->posts = 1;
	return true;
}

bool loop_post(struct ferry_loop *loop, struct ferry_waiter *node)
{
	struct port *port;

	rcu_read_begin();
	/* [port] acquire, partner: ferry_loop_free()'s exchange for NULL; before that the
	 * port was there before anybody could have had a block of this loop. */
	port = atomic_load_acquire(&loop->port);
	if (port && port_post(port, node) &&
	    loop->generation == process_generation && /* else the bell is the parent's */
	    !owe(&thread_self()->debt, loop))
		port_ring(port);
	rcu_read_end();
	return port;
}

/* ---- closed ---- */

ferry_loop *ferry_loop_ref(ferry_loop *loop)
{
	/* Relaxed: whoever refs has the handle alive by other means. */
	if (loop)
		atomic_add_relaxed(&loop->refs, 1);
	return loop;
}

ferry_loop *ferry_loop_unref(ferry_loop *loop)
{
	/* [last-unref] acq_rel, partner: the other holders' unrefs: their uses happen before
	 * the memory is freed. */
	if (loop && atomic_sub_acq_rel(&loop->refs, 1) == 1)
		memory_free(loop);
	return NULL;
}

/* Everything that is due learns that the loop is closed: it frees itself, calls nobody. */
static void flush(struct ferry_loop *loop, struct ferry_waiter *newest)
{
	struct ferry_waiter *node;

	for (newest = chain_reverse(newest); newest; newest = node) {
		node = newest->next;
		loop_make_ready(loop, newest);
	}
	while ((node = chain_take(&loop->ready))) {
		loop->ready_count--;
		node->notify(node);
	}
}

static void free_timers(struct ferry_loop *loop)
{
	struct ferry_timer *timer;

	/* Those of locals went with the eviction; each of the rest frees itself. */
	while ((timer = timers_take_due(&loop->timers, UINT64_MAX)))
		timer->fire(timer);
	timers_free(&loop->timers);
}

/* The parts that hold no lock and no thread: also what a fork's child frees. */
static void free_parts(struct ferry_loop *loop, struct port *port)
{
	watches_free(&loop->watches);
	blocks_empty(&loop->blocks);
	sys_close(loop->epoll);
	port_close(port);
	memory_free(port);
}

int ferry_loop_free(ferry_loop *loop)
{
	struct port *port;

	if (!loop)
		return 0;
	if (loop->generation != process_generation) {
		if (loop->closed)
			return -ESHUTDOWN;
		loop->closed = true;
		loop->plain_start = 0;
		/* No grace period: there is nobody else here. Locals that are held keep the
		 * handle, so that they can be refused. Relaxed, both: as just said. */
		atomic_add_relaxed(&loop->refs, (uint32_t)loop->live_blocks);
		port = atomic_load_relaxed(&loop->port);
		/* A promise may yet be completed here: its post finds the loop closed. */
		atomic_store_relaxed(&loop->port, NULL);
		timers_free(&loop->timers);
		if (loop->end_fs)
			loop->end_fs(loop);
		free_parts(loop, port);
		/* Inside a callback, the one that forked, the turn drops the handle; inside a
		 * task's first step the one who began the task does. */
		if (!loop_is_busy(loop))
			ferry_loop_unref(loop);
		return 0;
	}
	if (!loop_is_mine(loop))
		return -EPERM;
	if (loop->closed)
		return -ESHUTDOWN;
	if (loop_is_busy(loop))
		return -EBUSY;
	loop->closed = true;
	loop->plain_start = 0;
	/* From now on each local holds the handle, since it may outlive us. Relaxed: ours
	 * is one of the references. */
	atomic_add_relaxed(&loop->refs, (uint32_t)loop->live_blocks);
	/* [port] seq_cst, for the release in it; partner: loop_post(). */
	port = atomic_exchange_seq_cst(&loop->port, NULL);
	rcu_wait_for_readers();
	/* Who found the port has pushed by now, who comes later finds none. */
	flush(loop, stack_take_all(&port->inbox));
	if (loop->evict)
		loop->evict(loop);
	flush(loop, NULL);
	free_timers(loop);
	if (loop->end_tasks)
		loop->end_tasks(loop);
	if (loop->end_fs)
		loop->end_fs(loop);
	/* A hook may have forked: to the child the thread was nobody's from the beginning (P6). */
	if (loop->generation == process_generation)
		thread_self()->loops--;
	/* A host that waited for what was pending waits for nothing any more. */
	if (loop->changed)
		loop->changed(loop, loop->host);
	free_parts(loop, port);
	ferry_loop_unref(loop);
	return 0;
}

/* ---- looked at ---- */

int ferry_loop_pending(ferry_loop *loop)
{
	int error = loop_check(loop);
	size_t pending;

	if (error)
		return error == -ESHUTDOWN ? 0 : error;
	/* What other threads posted counts. */
	turn_drain(loop);
	/* A request that has a deadline is one, not two. */
	pending = loop->ready_count + loop->timers.count - loop->expiries + loop->in_flight;
	return pending > INT_MAX ? INT_MAX : (int)pending;
}

int ferry_loop_set_exception_handler(ferry_loop *loop, ferry_exception_handler handler, void *user)
{
	int error = loop_check(loop);

	if (error)
		return error;
	loop->handler = handler;
	loop->handler_user = user;
	return 0;
}

int ferry_loop_stats(ferry_loop *loop, ferry_loop_counters *ret)
{
	int error = loop_check(loop);
	struct port *port;

	if (error || !ret)
		return error ? error : -EINVAL;
	/* Relaxed, all: our own port, and numbers to show. */
	port = atomic_load_relaxed(&loop->port);
	*ret = loop->counters;
	ret->rings = atomic_load_relaxed(&port->rings);
	ret->ring_failures = atomic_load_relaxed(&port->ring_failures);
	ret->timers = loop->timers.count;
	ret->tasks += loop->adrift;
	ret->in_flight = loop->in_flight;
	ret->cached_bytes = loop->blocks.cached_bytes;
	return 0;
}
