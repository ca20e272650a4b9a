/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Offloads by the million through an adapter, with cancels at random, while the host's own timer
 * and socket are served (L1, L4, L5, F7).
 *
 * Requests are begun by callbacks of the loop and of the host; now and then the adapter is
 * detached with all of them in flight, and attached again. Each result and each argument ends once.
 * How late the host's timer ever was is told, and not judged.
 */
#include <stdatomic.h>
#include <sys/socket.h>

#include "driver.h"
#include "support/product.h"
#include "support/program.h"
#include "support/work.h"

#define IN_FLIGHT 256
#define TICK_NS 1000000

static struct {
	long wanted, begun, done, cancelled, taken;
	_Atomic long released;
	long detached, answered;
	long ticks;
	uint64_t tick_ns, latest_ns; /* when the timer ran last; how late it ever was */
} books;

static void *host, *adapter;
static ferry_loop *loop;
static ferry_pool *pool;
static uint64_t random_state;
static ferry_local *locals[IN_FLIGHT];
static bool detaches;
static int sockets[2];

/* ---- requests ---- */

static int work(void *arg, ferry_result *out)
{
	_Atomic uint64_t *canary = arg;

	program_check(*canary == PRODUCT_ALIVE, "a job runs with a released argument (L4)");
	*out = product_new(&product_anywhere);
	return 0;
}

static void release(void *arg)
{
	_Atomic uint64_t *canary = arg;

	program_check(atomic_exchange(canary, PRODUCT_POISON) == PRODUCT_ALIVE,
		      "an argument is released twice (L4)");
	books.released++;
	free(canary);
}

static void done(ferry_local *local, void *user);

static void begin(ferry_local **place)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	_Atomic uint64_t *canary;

	*place = NULL;
	if (books.begun == books.wanted)
		return;
	books.begun++;
	canary = malloc(sizeof(*canary));
	program_check(canary, "no memory");
	*canary = PRODUCT_ALIVE;
	options.release = release;
	*place = ferry_offload(loop, pool, work, canary, &options);
	program_check(*place, "no local: %d", errno);
	program_check(!ferry_local_add_done_callback(*place, done, place), "no callback");
}

static void done(ferry_local *local, void *user)
{
	ferry_local **place = user;
	ferry_snapshot end = ferry_local_snapshot(local);
	ferry_result result;

	program_check(end.done && !end.exception, "a request failed");
	books.done++;
	books.cancelled += end.cancelled;
	if (random_below(&random_state, 2) && !ferry_local_take(local, &result)) {
		product_take(&result);
		books.taken++;
	}
	ferry_local_unref(local);
	begin(place);
	/* Others, of which some run, some wait, and some are done but not delivered. */
	if (!random_below(&random_state, 4)) {
		ferry_local *other = locals[random_below(&random_state, IN_FLIGHT)];

		if (other)
			ferry_local_cancel(other);
	}
	detaches |= !random_below(&random_state, 20000);
	if (detaches || books.done == books.wanted)
		driver.stop(host);
}

/* ---- the host's own ---- */

static void tick(void *user)
{
	uint64_t now = ferry_now_ns(), late = now - books.tick_ns;

	(void)user;
	late = late > TICK_NS ? late - TICK_NS : 0;
	if (books.ticks++ && late > books.latest_ns)
		books.latest_ns = late;
	books.tick_ns = now;
	program_check(write(sockets[0], "?", 1) == 1, "no question");
	/* From outside of any dispatch. */
	ferry_local_cancel(locals[random_below(&random_state, IN_FLIGHT)]);
}

static void answer(void *user)
{
	char byte;

	(void)user;
	program_check(read(sockets[1], &byte, 1) == 1, "no byte");
	books.answered++;
}

/* ---- the whole ---- */

static void leave(void)
{
	detaches = false;
	books.detached++;
	program_check(!driver.detach(adapter), "detach");
	/* Somewhat later, with what came meanwhile. */
	if (random_below(&random_state, 2))
		driver.turn(host);
	if (random_below(&random_state, 2))
		program_check(ferry_loop_run_once(loop, 0) >= 0, "a turn of its own");
	program_check(!driver.attach(host, loop, &adapter), "attach");
}

int main(int argc, char **argv)
{
	struct program program = program_begin(
		argc, argv, "offloads by the million through a host loop", 60000, 1000000);
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	void *timer, *watch;
	int descriptors;

	random_state = program.seed;
	books.wanted = program.count;
	driver.close(driver.open());
	descriptors = fixture_descriptors();
	host = driver.open();
	options.budget = 64;
	program_check(!ferry_loop_new(&options, &loop), "no loop");
	pool = fixture_pool(4);
	program_check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), "no sockets");
	program_check(!driver.attach(host, loop, &adapter), "attach");
	timer = driver.timer_new(host, TICK_NS / 1000000, tick, NULL);
	watch = driver.watch_new(host, sockets[1], answer, NULL);
	for (int i = 0; i < IN_FLIGHT; i++)
		begin(&locals[i]);
	while (books.done < books.wanted) {
		driver.run(host);
		if (detaches)
			leave();
	}
	/* The host goes on without. */
	while (books.answered < books.ticks)
		driver.turn(host);
	program_check(books.ticks, "the host's timer never ran (L5)");
	driver.timer_free(timer);
	driver.watch_free(watch);
	program_check(!driver.detach(adapter), "detach");
	driver.close(host);
	program_check(!ferry_loop_free(loop), "the loop cannot be freed");
	work_close(pool);
	close(sockets[0]);
	close(sockets[1]);
	program_check(books.released == books.begun, "%ld arguments, %ld released (L4)",
		      books.begun, books.released);
	product_check();
	program_check(fixture_descriptors() == descriptors, "%d descriptors, and then %d",
		      descriptors, fixture_descriptors());
	printf("%s: %ld offloads, %ld cancelled, %ld results taken, detached %ld times in flight;\n"
	       "%ld ticks of the host's timer, at most %.3f ms late, %ld bytes read\n",
	       driver.name, books.done, books.cancelled, books.taken, books.detached, books.ticks,
	       (double)books.latest_ns / 1e6, books.answered);
	return 0;
}
