/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/group.hpp: deadlines, for whatever can be awaited.
 */
#include "pools.hpp"
#include "stage.hpp"
#include "tap.hpp"

#include <atomic>

namespace timeouts
{

using namespace std::chrono_literals;
using ferry::task;

static task<std::string> is_limited(stage &stage, ferry::deadline until)
{
	try {
		co_return std::to_string(co_await ferry::timeout(until, stage.waits("a", 5)));
	} catch (const ferry::timed_out &) {
		stage.order += "late";
	}
	co_await ferry::yield(); /* it has not been cancelled itself */
	co_return "timed out";
}

TEST(what_takes_too_long_is_cancelled_and_has_ended_before_that_is_thrown)
{
	stage stage;

	CHECK(stage.loop.run(is_limited(stage, 1us)) == "timed out");
	CHECK(stage.order == "a()late" && stage.is_empty());
	CHECK(stage.loop.run(is_limited(stage, 0ns)) == "timed out");
}

TEST(what_is_in_time_gives_its_result)
{
	stage stage;

	stage.loop.call_soon([&] { ferry_event_set(&stage.event); });
	CHECK(stage.loop.run(is_limited(stage, 1h)) == "5");
	CHECK(stage.loop.run(is_limited(stage, {})) == "5");
	CHECK(stage.loop.stats().timers == 0);
}

TEST(whom_somebody_cancels_is_cancelled_and_not_late)
{
	stage stage;
	auto task = is_limited(stage, 1h).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run();
	CHECK(task.is_cancelled() && stage.order == "a()");
}

static task<std::string> nests(stage &stage, ferry::deadline outer, ferry::deadline inner)
{
	std::string seen;
	auto body = [&]() -> task<> {
		try {
			co_await ferry::timeout(inner, stage.waits("a"));
		} catch (const ferry::timed_out &) {
			seen += "inner ";
		}
		co_await stage.event;
	};

	try {
		co_await ferry::timeout(outer, body());
	} catch (const ferry::timed_out &) {
		seen += "outer";
	}
	co_return seen;
}

TEST(deadlines_nest_and_each_is_thrown_where_it_was_set)
{
	stage stage;

	CHECK(stage.loop.run(nests(stage, 2ms, 1us)) == "inner outer");
	CHECK(stage.loop.run(nests(stage, 1us, 1h)) == "outer");
}

TEST(T7_a_function_that_is_late_has_returned_before_that_is_thrown)
{
	stage stage;
	drained_pool pool;
	std::atomic<bool> returned{ false };
	tap::gate inside;
	auto body = [&]() -> task<bool> {
		auto local = ferry::offload(stage.loop, pool, [&] {
			inside.open();
			while (!ferry_job_cancel_requested())
				sched_yield();
			returned = true;
		});

		inside.wait();
		try {
			co_await ferry::timeout(1us, std::move(local));
		} catch (const ferry::timed_out &) {
			co_return returned;
		}
		co_return false;
	};

	CHECK(stage.loop.run(body()));
}

TEST(anything_that_can_be_awaited_can_be_late)
{
	stage stage;
	busy_pool busy;
	auto late = [&](auto make) -> task<bool> {
		try {
			co_await ferry::timeout(1us, make());
		} catch (const ferry::timed_out &) {
			co_return true;
		}
		co_return false;
	};

	CHECK(stage.loop.run(late([&] { return ferry::sleep(1h); })));
	CHECK(stage.loop.run(late([&] { return busy.pool.submit([] {}); })));
	CHECK(stage.loop.run(
		late([&] { return ferry::offload(stage.loop, busy.pool, [] { return 1; }); })));
}

/* It stays where it is, and can be asked, or awaited again. */
template <class X> static task<bool> is_late(X &awaited)
{
	try {
		co_await ferry::timeout(1us, awaited);
	} catch (const ferry::timed_out &) {
		co_return true;
	}
	co_return false;
}

TEST(what_has_a_name_can_be_late_where_it_is)
{
	stage stage;
	busy_pool busy;
	auto local = ferry::offload(stage.loop, busy.pool, [] { return 1; });
	auto named = stage.waits("a").begin(stage.loop);

	CHECK(stage.loop.run(is_late(stage.event)));
	CHECK(stage.loop.run(is_late(local)));
	CHECK(local.is_cancelled());
	CHECK(stage.loop.run(is_late(named)));
	CHECK(named.is_cancelled() && stage.order == "a()");
	ferry_event_set(&stage.event);
	CHECK(!stage.loop.run(is_late(stage.event)));
}

/* Whoever names it may have returned when it is awaited. */
TEST(what_says_only_what_is_awaited_is_copied)
{
	stage stage;
	busy_pool busy;
	ferry_event set;
	ferry_awaitable *pointer = &stage.event.awaitable;
	auto of_pointer = ferry::timeout(1us, pointer);
	auto rest = ferry::sleep(1h);
	auto of_rest = ferry::timeout(1us, rest);
	const auto request = ferry::offload(busy.pool, [] { return 1; });
	auto of_request = ferry::timeout(1us, request);

	CHECK(ferry_event_init(&set, stage.loop) == 0);
	ferry_event_set(&set);
	pointer = &set.awaitable;
	rest = ferry::sleep(0ns);
	CHECK_THROWS(stage.loop.run(std::move(of_pointer)), ferry::timed_out);
	CHECK_THROWS(stage.loop.run(std::move(of_rest)), ferry::timed_out);
	CHECK_THROWS(stage.loop.run(std::move(of_request)), ferry::timed_out);
	stage.loop.run(ferry::timeout(1h, pointer));
}

} // namespace timeouts
