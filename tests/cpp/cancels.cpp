/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Coroutines that are cancelled: before they begin, while they wait, and when it is too late.
 */
#include "pools.hpp"
#include "stage.hpp"
#include "tap.hpp"

#include <atomic>

namespace cancels
{

using namespace std::chrono_literals;
using ferry::task;

/* ---- before ---- */

TEST(T3_cancelled_before_its_first_step_nothing_of_it_runs)
{
	stage stage;
	census arguments;
	bool ran = false;
	auto body = [](bool &ran, living) -> task<> {
		ran = true;
		co_return;
	};
	auto lazy = body(ran, living(arguments)), deferred = body(ran, living(arguments));

	lazy.begin(stage.loop, { .start = FERRY_START_LAZY });
	deferred.begin(stage.loop, { .start = FERRY_START_DEFERRED });
	CHECK(lazy.cancel() && deferred.cancel());
	stage.loop.run();
	CHECK(lazy.is_cancelled() && deferred.is_cancelled() && !ran);
	CHECK_THROWS(lazy.get(), ferry::cancelled);
	CHECK(!lazy.cancel());
	CHECK(arguments.alive == 0 && arguments.died == 2);
}

TEST(T4_a_deferred_one_that_is_dropped_never_runs)
{
	stage stage;
	auto deferred = stage.waits("a").begin(stage.loop, { .start = FERRY_START_DEFERRED });

	deferred = {};
	stage.loop.run();
	CHECK(stage.order.empty() && stage.is_empty());
}

/* ---- while it waits ---- */

TEST(T3_where_it_waits_cancelled_is_thrown_and_it_unwinds)
{
	stage stage;
	auto task = stage.waits("a").begin(stage.loop);

	CHECK(task.cancel() && stage.order == "a(");
	stage.loop.run();
	CHECK(stage.order == "a()" && task.is_cancelled() && stage.is_empty());
	CHECK_THROWS(task.get(), ferry::cancelled);
}

static task<int> awaits_child(stage &stage)
{
	stage::inside inside(stage, "p");

	co_return co_await stage.waits("c") + 1;
}

TEST(T7_a_cancel_passes_down_and_the_child_ends_first)
{
	stage stage;
	auto task = awaits_child(stage).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run();
	CHECK(stage.order == "p(c())" && task.is_cancelled() && stage.is_empty());
}

static task<> sleeps()
{
	co_await ferry::sleep(1h);
}

static task<> yields()
{
	for (;;)
		co_await ferry::yield();
}

static task<> watches(int fd)
{
	co_await ferry::watch(co_await ferry::this_loop(), fd, FERRY_READABLE);
}

TEST(sleeps_turns_and_descriptors_are_left)
{
	stage stage;
	int fds[2];

	CHECK(pipe(fds) == 0);
	auto sleep = sleeps().begin(stage.loop), turn = yields().begin(stage.loop);
	auto watch = watches(fds[0]).begin(stage.loop);
	CHECK(ferry_loop_cancel_tasks(stage.loop) == 3);
	stage.loop.run();
	CHECK(sleep.is_cancelled() && turn.is_cancelled() && watch.is_cancelled());
	close(fds[0]);
	close(fds[1]);
}

/* ---- offloads ---- */

/* What a function borrows from the coroutine. */
struct borrowed {
	std::atomic<bool> is_there{ true }, was_there{ false };
};

struct lender {
	explicit lender(borrowed &lent) : lent(lent)
	{
	}

	~lender()
	{
		lent.is_there = false;
	}

	borrowed &lent;
};

static task<> lends(ferry::pool &pool, borrowed &lent, tap::gate &inside, tap::gate &leave)
{
	lender lender(lent);

	co_await ferry::offload(pool, [&] {
		inside.open();
		leave.wait();
		lent.was_there = lent.is_there.load();
	});
}

TEST(T7_a_body_that_lends_to_a_function_is_left_when_that_has_returned)
{
	stage stage;
	drained_pool pool;
	borrowed lent;
	tap::gate inside, leave;
	auto task = lends(pool.pool, lent, inside, leave).begin(stage.loop);

	inside.wait();
	CHECK(task.cancel());
	/* It has turns of the loop, and waits all the same. */
	for (int i = 0; i < 3; i++)
		stage.loop.run_once(0ns);
	CHECK(!task.is_done() && lent.is_there);
	leave.open();
	stage.loop.run();
	CHECK(task.is_cancelled() && lent.was_there && !lent.is_there);
}

TEST(L4_a_function_that_is_queued_never_runs)
{
	stage stage;
	busy_pool busy;
	borrowed lent;
	tap::gate inside, leave;
	auto task = lends(busy.pool, lent, inside, leave).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run();
	CHECK(task.is_cancelled() && !lent.is_there && !lent.was_there);
}

TEST(a_future_of_a_pool_is_cancelled_with_who_awaits_it)
{
	stage stage;
	busy_pool busy;
	bool ran = false;
	auto awaits = [](ferry::pool &pool, bool &ran) -> task<> {
		co_await pool.submit([&ran] { ran = true; });
	};
	auto task = awaits(busy.pool, ran).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run();
	CHECK(task.is_cancelled());
	busy.let_go();
	busy.pool.shutdown();
	CHECK(!ran);
}

/* ---- when it is too late ---- */

TEST(T7_who_was_woken_keeps_what_it_was_given)
{
	stage stage;
	auto task = stage.waits("a", 5).begin(stage.loop);

	CHECK(ferry_event_set(&stage.event) == 0 && task.cancel());
	stage.loop.run();
	CHECK(!task.is_cancelled() && task.get() == 5);
}

static task<> waits_twice(stage &stage)
{
	co_await stage.event;
	stage.order += "once";
	co_await ferry::yield();
	stage.order += "twice";
}

TEST(T7_and_finds_out_at_its_next_wait_unless_that_is_taken_back)
{
	stage stage;
	auto task = waits_twice(stage).begin(stage.loop);
	auto spared = waits_twice(stage).begin(stage.loop);

	ferry_event_set(&stage.event);
	CHECK(task.cancel() && spared.cancel());
	CHECK(ferry_task_uncancel(spared.native_handle()) == 0);
	stage.loop.run();
	CHECK(stage.order == "onceoncetwice" && task.is_cancelled() && !spared.is_cancelled());
}

/* ---- cleaning up ---- */

static task<int> cleans_up(stage &stage, int how)
{
	bool is_cancelled = false;

	try {
		co_await stage.event;
	} catch (const ferry::cancelled &) {
		is_cancelled = true;
	}
	stage.order += "a";
	co_await ferry::yield(); /* is not cut */
	stage.order += "b";
	co_await ferry::sleep(1us);
	stage.order += "c";
	if (how)
		throw how;
	co_return is_cancelled;
}

TEST(T7_what_cleans_up_waits_as_it_likes_and_it_ends_as_cancelled_all_the_same)
{
	stage stage;
	auto task = cleans_up(stage, 0).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run_once();
	CHECK(task.cancel() && stage.order == "a"); /* again, and in vain */
	stage.loop.run();
	CHECK(stage.order == "abc" && task.is_cancelled());
}

TEST(T7_and_so_does_the_future_of_one_that_was_submitted)
{
	stage stage;
	auto future = ferry::submit(stage.loop, cleans_up(stage, 0));

	stage.loop.run();
	CHECK(!future.cancel());
	stage.loop.run();
	CHECK(stage.order == "abc" && future.is_cancelled());
}

TEST(what_it_throws_as_it_cleans_up_is_what_it_ends_with)
{
	stage stage;
	auto task = cleans_up(stage, 7).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run();
	CHECK(!task.is_cancelled());
	CHECK_THROWS(task.get(), int);
}

static task<std::string> survives(stage &stage, task<int> &child)
{
	std::string seen;

	try {
		co_await child;
	} catch (const ferry::cancelled &) {
		seen = "cancelled";
	}
	co_await ferry::yield();
	ferry_event_set(&stage.event);
	co_return seen;
}

TEST(that_a_child_was_cancelled_by_somebody_is_no_cancel_of_who_awaits_it)
{
	stage stage;
	auto child = stage.waits("a").begin(stage.loop);
	auto parent = survives(stage, child).begin(stage.loop);

	CHECK(child.cancel());
	stage.loop.run();
	CHECK(parent.get() == "cancelled" && child.is_cancelled());
}

static task<int> passes_on(task<int> &child)
{
	co_return co_await child;
}

TEST(unless_it_passes_that_on)
{
	stage stage;
	auto child = stage.waits("a").begin(stage.loop);
	auto parent = passes_on(child).begin(stage.loop);

	CHECK(child.cancel());
	stage.loop.run();
	CHECK(parent.is_cancelled());
}

static task<> cancels_itself(stage &stage)
{
	ferry_task_cancel(co_await ferry::this_task());
	stage.order += "goes on";
	co_await stage.event;
	stage.order += "not reached";
}

TEST(one_that_cancels_itself_leaves_at_its_next_wait)
{
	stage stage;
	auto task = cancels_itself(stage).begin(stage.loop);

	stage.loop.run();
	CHECK(stage.order == "goes on" && task.is_cancelled());
}

/* ---- shielded ---- */

template <class X> static task<> shields(X &awaited)
{
	co_await ferry::shield(awaited);
}

TEST(T7_what_is_shielded_goes_on)
{
	stage stage;
	busy_pool busy;
	auto child = stage.waits("a", 5).begin(stage.loop);
	auto local = ferry::offload(stage.loop, busy.pool, [] { return 6; });
	auto first = shields(child).begin(stage.loop), second = shields(local).begin(stage.loop);

	CHECK(first.cancel() && second.cancel());
	stage.loop.run_once(0ns);
	CHECK(first.is_cancelled() && second.is_cancelled());
	CHECK(!child.is_done() && !local.is_done());
	busy.let_go();
	ferry_event_set(&stage.event);
	CHECK(stage.loop.run(child) == 5 && stage.loop.run(local) == 6);
}

static task<> guards(stage &stage)
{
	ferry_task *self = co_await ferry::this_task();

	ferry_task_shield(self);
	co_await ferry::yield();
	stage.order += "both parts";
	ferry_task_unshield(self);
	co_await stage.event;
}

TEST(a_part_is_shielded_by_the_calls_of_C)
{
	stage stage;
	auto task = guards(stage).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run();
	CHECK(stage.order == "both parts" && task.is_cancelled());
}

} // namespace cancels
