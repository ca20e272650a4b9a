/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/frame.hpp, cpp/task.hpp: whose a coroutine is: a handle's, its own, or a future's.
 */
#include "stage.hpp"
#include "tap.hpp"

#include <string>
#include <thread>

namespace owners
{

using ferry::task;

TEST(one_that_runs_can_be_moved)
{
	stage stage;
	task<int> moved = stage.waits("a", 5).begin(stage.loop), again;

	again = std::move(moved);
	CHECK(!again.is_done() && !moved && ferry_event_set(&stage.event) == 0);
	CHECK(stage.loop.run(again) == 5);
	CHECK_ERRNO(again.get(), EALREADY);
	CHECK(stage.bodies.alive == 0 && stage.bodies.died == 1);
}

TEST(one_that_is_dropped_while_it_waits_is_cancelled_and_goes_when_it_has_ended)
{
	stage stage;
	task<int> dropped = stage.waits("a", 5).begin(stage.loop);

	dropped = {};
	CHECK(stage.bodies.alive == 1);
	stage.loop.run();
	CHECK(stage.bodies.alive == 0 && stage.bodies.died == 1);
	CHECK(stage.loop.stats().tasks == 0);
}

static task<> awaits_a_named_one(task<int> &named, int &sum)
{
	sum += co_await named;
}

TEST(a_named_one_is_awaited_begun_or_not_and_its_result_is_taken_once)
{
	stage stage;
	task<int> unbegun = stage.waits("a", 5);
	int sum = 0;
	auto first = awaits_a_named_one(unbegun, sum).begin(stage.loop);
	auto second = awaits_a_named_one(unbegun, sum).begin(stage.loop);

	CHECK(stage.bodies.alive == 1 && ferry_event_set(&stage.event) == 0);
	stage.loop.run();
	CHECK(sum == 5 && stage.bodies.died == 1);
	first.get();
	CHECK_ERRNO(second.get(), EALREADY);
	CHECK_ERRNO(stage.loop.run(unbegun), EALREADY);
}

static task<> begins_and_awaits_later(stage &stage, std::string &order)
{
	task<int> begun = stage.waits("a", 5).begin(stage.loop);

	order += "begun";
	ferry_event_set(&stage.event);
	order += std::to_string(co_await begun);
}

TEST(T7_one_that_has_ended_goes_with_its_handle_whoever_is_about_to_see_that)
{
	ferry::loop_options options;
	int sum = 0;

	options.budget = 1; /* so that who awaits what has ended goes on in another turn */
	ferry::loop loop(options);
	task<int> ended = gives(5).begin(loop);

	loop.run();
	auto waiting = awaits_a_named_one(ended, sum).begin(loop);
	CHECK(!waiting.is_done());
	ended = {};
	CHECK(waiting.cancel());
	CHECK_ERRNO(loop.run(waiting), EINVAL);
	CHECK(sum == 0);
}

TEST(one_that_was_begun_runs_beside_who_awaits_it_later)
{
	stage stage;
	std::string order;

	stage.loop.run(begins_and_awaits_later(stage, order));
	CHECK(order == "begun5" && stage.bodies.died == 1);
}

static task<int> gives_away(stage &stage)
{
	task<int> begun = stage.waits("a", 5).begin(stage.loop);

	ferry_event_set(&stage.event);
	co_return co_await std::move(begun);
}

TEST(one_that_was_begun_can_be_given_to_who_awaits_it)
{
	stage stage;

	CHECK(stage.loop.run(gives_away(stage)) == 5);
	stage.loop.run();
	CHECK(stage.is_empty());
}

TEST(E1_one_that_was_begun_cannot_be_begun_again_in_any_way)
{
	stage stage;
	auto body = [&](ferry::group &group) -> task<> {
		CHECK_ERRNO(group.begin(stage.waits("a").begin(stage.loop)), EALREADY);
		co_return;
	};
	task<int> begun = stage.waits("a").begin(stage.loop);

	CHECK_ERRNO(begun.begin(stage.loop), EALREADY);
	CHECK_ERRNO(ferry::spawn(stage.loop, stage.waits("a").begin(stage.loop)), EALREADY);
	CHECK_ERRNO(ferry::submit(stage.loop, stage.waits("a").begin(stage.loop)), EALREADY);
	stage.loop.run(ferry::with_group(body));
	CHECK(!begun.is_done() && begun.cancel());
	stage.loop.run(); /* those that were dropped have been cancelled */
	CHECK(begun.is_cancelled() && stage.is_empty());
}

TEST(L6_one_of_another_loop_is_not_awaited)
{
	stage stage;
	ferry::loop other;
	task<int> elsewhere = stage.waits("a").begin(stage.loop);
	int thrown = 0;
	auto awaits = [&](task<int> &awaited) -> task<int> {
		try {
			co_await awaited;
		} catch (const ferry::error &error) {
			thrown = error.nearest_errno();
		}
		co_return 0;
	};

	CHECK_ERRNO(other.run(awaits(elsewhere)), EPERM); /* it cannot be made good */
	CHECK(thrown == EPERM && !elsewhere.is_done());
	CHECK_ERRNO(other.run(elsewhere), EINVAL);
	CHECK(!elsewhere.is_done());
}

TEST(a_task_awaits_itself_in_vain)
{
	ferry::loop loop;
	task<> self;
	auto body = [](task<> &of) -> task<> { co_await of; };

	self = body(self);
	self.begin(loop, { .start = FERRY_START_LAZY });
	loop.run();
	CHECK_ERRNO(self.get(), EDEADLK);
}

TEST(one_that_outlives_its_loop_is_cancelled)
{
	census census;
	task<int> outlives;

	{
		stage stage;
		auto body = [](struct census &in, ferry_event &event) -> task<int> {
			living held(in);

			co_await event;
			co_return 5;
		};

		outlives = body(census, stage.event).begin(stage.loop);
		CHECK(census.alive == 1);
	}
	CHECK(census.alive == 0 && census.died == 1);
	CHECK(outlives.is_cancelled() && outlives && !outlives.native_handle());
	CHECK_THROWS(outlives.get(), ferry::cancelled);
	task<int> moved = std::move(outlives);
	CHECK(moved.is_cancelled() && !moved.cancel() && !outlives);
	CHECK_ERRNO(moved.begin(nullptr), EINVAL);
}

TEST(F7_a_value_that_nobody_takes_is_destroyed_once)
{
	census census;
	ferry::loop loop;

	{
		task<living> kept = gives_later(living(census)).begin(loop);

		ferry::spawn(loop, gives_later(living(census)));
		loop.run();
		CHECK(census.alive == 1 && kept.is_done());
	}
	CHECK(census.alive == 0 && census.died == 2);
}

TEST(a_result_outlives_its_loop)
{
	census census;
	task<living> kept;

	{
		ferry::loop loop;

		kept = gives_later(living(census)).begin(loop);
		loop.run();
	}
	CHECK(census.alive == 1);
	CHECK(kept.get());
	CHECK(census.alive == 0 && census.died == 1);
}

/* ---- from other threads ---- */

TEST(F7_one_that_had_a_name_goes_as_it_ends_when_it_was_submitted)
{
	census census;
	ferry::future<living> arrives, does_not;

	{
		stage stage;
		task<living> named = gives_later(living(census));
		auto waits = [](living held, ferry_event &event) -> task<living> {
			co_await event;
			co_return std::move(held);
		};

		arrives = ferry::submit(stage.loop, std::move(named));
		stage.loop.run();
		CHECK(!named && arrives.get());
		CHECK(census.alive == 0 && census.died == 1);
		named = waits(living(census), stage.event);
		does_not = ferry::submit(stage.loop, std::move(named));
		stage.loop.run();
		CHECK(census.alive == 1);
	}
	CHECK(does_not.is_cancelled() && census.alive == 0 && census.died == 2);
}

TEST(one_that_is_submitted_gives_a_future)
{
	ferry::loop loop;
	ferry::promise<> end;
	auto waits = ferry::wrap(loop, end.get_future());
	std::thread thread([&, handle = loop.handle()] {
		ferry_loop *to = handle.native_handle();

		CHECK(ferry::submit(to, gives_later(5)).get() == 5);
		CHECK(ferry::submit(to, gives(std::string(50, 'x'))).get().size() == 50);
		ferry::submit(to, []() -> task<> { co_await ferry::yield(); }()).get();
		CHECK_THROWS(ferry::submit(to, throws(0)).get(), std::out_of_range);
		end.set_value();
	});

	loop.run(waits);
	thread.join();
}

TEST(F7_what_a_submitted_one_gives_that_nobody_takes_is_destroyed_once)
{
	census census, blocking;
	ferry::loop loop;

	{
		drained_pool pool;
		auto gives_blocking = [](blocking_living value) -> task<blocking_living> {
			co_return std::move(value);
		};

		CHECK_ERRNO(ferry::submit(loop, gives_blocking(blocking_living(blocking))), EINVAL);
		CHECK(blocking.died == 1);
		ferry::submit(loop, gives_later(living(census)));
		ferry::submit(loop, gives_blocking(blocking_living(blocking)), pool);
		loop.run();
	}
	CHECK(census.alive == 0 && census.died == 1);
	CHECK(blocking.alive == 0 && blocking.died == 2);
	CHECK(!pthread_equal(blocking.by, pthread_self()));
}

TEST(F3_cancelling_its_future_asks_it)
{
	stage stage;
	auto future = ferry::submit(stage.loop, stage.waits("a", 5));

	stage.loop.run();
	CHECK(stage.bodies.alive == 1);
	CHECK(!future.cancel() && !future.is_done());
	stage.loop.run();
	CHECK(future.is_cancelled() && stage.bodies.died == 1);
}

TEST(L3_one_that_is_submitted_to_a_loop_that_closes_is_destroyed_once)
{
	census before, under_way;
	ferry::future<int> arrives, does_not;
	ferry::loop closed;
	ferry::loop_handle handle = closed.handle();
	auto body = [](living) -> task<int> { co_return 5; };

	{
		stage stage;

		arrives = ferry::submit(stage.loop, [](living, ferry_event &event) -> task<int> {
			co_await event;
			co_return 5;
		}(living(under_way), stage.event));
		stage.loop.run();
		does_not = ferry::submit(stage.loop, body(living(before)));
	}
	CHECK(arrives.is_cancelled() && does_not.is_cancelled());
	CHECK(under_way.alive == 0 && under_way.died == 1);
	CHECK(before.alive == 0 && before.died == 1);
	closed.close();
	CHECK_ERRNO(ferry::submit(handle.native_handle(), body(living(before))), ESHUTDOWN);
	CHECK(before.alive == 0 && before.died == 2);
}

} // namespace owners
