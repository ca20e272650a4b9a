/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/group.hpp: several at once, none of which is left behind.
 */
#include "stage.hpp"
#include "tap.hpp"

#include <algorithm>
#include <vector>

namespace groups
{

using namespace std::chrono_literals;
using ferry::task;

static task<int> gives(int value, int turns = 1)
{
	for (int i = 0; i < turns; i++)
		co_await ferry::yield();
	co_return value;
}

static task<int> fails(stage &stage, const char *name, int with, int turns = 1)
{
	stage::inside inside(stage, name);

	for (int i = 0; i < turns; i++)
		co_await ferry::yield();
	throw with;
	co_return 0;
}

/* As it is cancelled. */
static task<> fails_late(stage &stage, int with)
{
	try {
		co_await stage.event;
	} catch (const ferry::cancelled &) {
	}
	throw with;
}

/* What a task ended with: 0 cancelled, -1 a result, or the number that was thrown. */
template <class T> static int ending(stage &stage, task<T> task)
{
	try {
		stage.loop.run(std::move(task));
		return -1;
	} catch (const ferry::cancelled &) {
		return 0;
	} catch (int thrown) {
		return thrown;
	}
}

/* ---- all ---- */

static task<std::string> awaits_all(stage &stage)
{
	auto [number, nothing, text] = co_await ferry::all(
		gives(5, 3), []() -> task<> { co_await ferry::yield(); }(),
		[](struct stage &stage) -> task<std::string> { co_return stage.order; }(stage));

	static_assert(std::is_same_v<decltype(nothing), std::monostate>);
	co_await ferry::all();
	co_return std::to_string(number) + text;
}

TEST(results_of_all_come_together)
{
	stage stage;

	stage.order = "text";
	CHECK(stage.loop.run(awaits_all(stage)) == "5text" && stage.is_empty());
}

static task<int> awaits_many(std::vector<int> turns, unsigned limit, int &running, int &most)
{
	std::vector<task<int>> tasks;
	int sum = 0;

	for (int each : turns)
		tasks.push_back([](int each, int &running, int &most) -> task<int> {
			most = std::max(most, ++running);
			for (int i = 0; i < each; i++)
				co_await ferry::yield();
			running--;
			co_return each;
		}(each, running, most));
	for (int each : co_await ferry::all(std::move(tasks), limit))
		sum = 10 * sum + each;
	co_return sum;
}

TEST(results_of_many_are_in_order_and_so_many_run_at_once)
{
	stage stage;
	int running = 0, most = 0;

	CHECK(stage.loop.run(awaits_many({ 3, 1, 0, 2 }, 0, running, most)) == 3102);
	CHECK(most == 3); /* the third ends in its first step */
	most = 0;
	CHECK(stage.loop.run(awaits_many({ 3, 1, 0, 2 }, 2, running, most)) == 3102);
	CHECK(most == 2 && running == 0);
	CHECK(stage.loop.run(awaits_many({}, 2, running, most)) == 0);
}

TEST(T6_if_one_fails_the_others_are_cancelled_and_all_have_ended_before_it_is_thrown)
{
	stage stage;

	CHECK(ending(stage, ferry::all(stage.waits("a"), fails(stage, "b", 7), stage.waits("c"))) ==
	      7);
	CHECK(stage.is_empty() && stage.order.substr(0, 6) == "a(b(c(");
	CHECK(stage.order.size() == 9 && stage.told == 0);
	/* In its first step: those behind it are not begun, or end at once. */
	CHECK(ending(stage, ferry::all(fails(stage, "a", 8, 0), stage.waits("b"))) == 8);
	CHECK(stage.is_empty() && stage.told == 0);
}

TEST(L6_what_others_fail_with_is_told)
{
	stage stage;

	CHECK(ending(stage, ferry::all(fails(stage, "a", 7), fails_late(stage, 8))) == 7);
	stage.loop.run();
	CHECK(stage.is_empty() && stage.told == 1);
}

TEST(L6_it_is_told_when_all_have_ended_and_not_when_the_handle_goes)
{
	stage stage;
	auto both = ferry::all(fails(stage, "a", 7), fails_late(stage, 8)).begin(stage.loop);

	stage.loop.run();
	CHECK(both.is_done() && stage.told == 1);
}

TEST(one_of_them_that_somebody_cancels_ends_none_of_the_others)
{
	stage stage;
	task<int> all_of[2] = { stage.waits("a"), gives(5) };
	ferry_task *first = all_of[0].native_handle();
	auto task = ferry::all(std::move(all_of[0]), std::move(all_of[1])).begin(stage.loop);

	CHECK(ferry_task_cancel(first) == 0);
	stage.loop.run();
	/* Its result is missing: so that is how it ends. */
	CHECK(task.is_cancelled() && stage.is_empty());
}

TEST(T7_when_it_is_cancelled_all_are_and_have_ended)
{
	stage stage;
	auto task = ferry::all(stage.waits("a"), stage.waits("b")).begin(stage.loop);

	CHECK(task.cancel());
	stage.loop.run();
	CHECK(task.is_cancelled() && stage.order == "a(b())" && stage.is_empty());
}

TEST(E1_one_that_was_begun_before_is_refused_and_nothing_is_left_running)
{
	stage stage;
	task<int> begun = stage.waits("a").begin(stage.loop);

	auto task = ferry::all(stage.waits("b"), std::move(begun)).begin(stage.loop);
	stage.loop.run();
	CHECK_ERRNO(task.get(), EALREADY);
	CHECK_ERRNO(stage.loop.run(ferry::all(stage.waits("c"), ferry::task<int>())), EINVAL);
	task = {};
	stage.loop.run();
	CHECK(stage.is_empty());
}

/* ---- any ---- */

static std::vector<task<int>> some(task<int> first, task<int> second, task<int> third)
{
	std::vector<task<int>> tasks;

	tasks.push_back(std::move(first));
	tasks.push_back(std::move(second));
	tasks.push_back(std::move(third));
	return tasks;
}

TEST(the_first_result_is_that_of_any_and_the_others_have_ended)
{
	stage stage;

	CHECK(stage.loop.run(
		      ferry::any(some(stage.waits("a"), gives(5, 3), fails(stage, "b", 7)))) == 5);
	CHECK(stage.is_empty());
	CHECK(stage.loop.run(ferry::any(some(gives(4, 0), stage.waits("c"), gives(5, 0)))) == 4);
	CHECK(stage.is_empty());
}

TEST(if_there_is_none_the_first_that_failed_is_thrown)
{
	stage stage;

	CHECK(ending(stage, ferry::any(some(fails(stage, "a", 8, 2), fails(stage, "b", 7),
					    fails(stage, "c", 9, 3)))) == 7);
	CHECK_ERRNO(stage.loop.run(ferry::any(std::vector<task<int>>())), EINVAL);
	CHECK(stage.is_empty());
}

/* ---- with_group ---- */

static task<> keeps(stage &stage, int children, int throws)
{
	std::string outside = "outside";
	stage::inside inside(stage, "o");

	co_await ferry::with_group([&](ferry::group &group) -> task<> {
		stage::inside inside(stage, "b");

		for (int i = 0; i < children; i++)
			group.begin([](struct stage &stage, std::string &borrowed) -> task<> {
				stage::inside inside(stage, "c");

				co_await ferry::yield();
				co_await ferry::yield();
				borrowed += "!";
			}(stage, outside));
		if (throws)
			throw throws;
		co_return;
	});
	stage.order += outside;
}

TEST(T6_it_ends_when_every_child_has)
{
	stage stage;

	stage.loop.run(keeps(stage, 2, 0));
	CHECK(stage.order == "o(b(c(c()))outside!!)" && stage.is_empty());
	stage.order.clear();
	stage.loop.run(keeps(stage, 0, 0));
	CHECK(stage.order == "o(b()outside)" && stage.is_empty());
}

TEST(T6_a_body_that_fails_has_the_children_cancelled_and_they_have_ended_before_that_is_thrown)
{
	stage stage;

	CHECK(ending(stage, keeps(stage, 2, 7)) == 7);
	CHECK(stage.order == "o(b(c(c())))" && stage.is_empty());
}

TEST(T6_a_child_that_fails_has_the_body_left_and_is_what_is_thrown)
{
	stage stage;
	auto body = [&](ferry::group &group) -> task<> {
		group.begin(fails(stage, "f", 7));
		group.begin(stage.waits("c"));
		co_await stage.waits("b");
		stage.order += "not reached";
	};

	CHECK(ending(stage, ferry::with_group(body)) == 7);
	CHECK(stage.is_empty() && stage.order.find("not") == std::string::npos && stage.told == 0);
	/* In its first step, before the body has waited for anything. */
	auto at_once = [&](ferry::group &group) -> task<> {
		group.begin(fails(stage, "f", 8, 0));
		co_await stage.waits("b");
		stage.order += "not reached";
	};
	CHECK(ending(stage, ferry::with_group(at_once)) == 8);
	CHECK(stage.is_empty() && stage.order.find("not") == std::string::npos);
}

TEST(L6_what_a_child_fails_with_besides_its_body_is_told)
{
	stage stage;
	auto body = [&](ferry::group &group) -> task<> {
		group.begin(fails_late(stage, 8));
		co_await fails(stage, "b", 7);
	};
	auto waits = [&](ferry::group &group) -> task<> {
		group.begin(fails_late(stage, 8));
		co_await stage.event;
	};
	auto cancelled = ferry::with_group(waits).begin(stage.loop);

	CHECK(ending(stage, ferry::with_group(body)) == 7);
	stage.loop.run();
	CHECK(stage.told == 1 && cancelled.cancel());
	stage.loop.run();
	CHECK(cancelled.is_cancelled() && stage.told == 2 && stage.is_empty());
}

TEST(what_the_body_makes_of_a_childs_failure_changes_nothing)
{
	stage stage;
	auto swallows = [&](ferry::group &group) -> task<> {
		group.begin(fails(stage, "f", 7));
		try {
			co_await stage.waits("b");
		} catch (...) {
		}
	};

	CHECK(ending(stage, ferry::with_group(swallows)) == 7);
	CHECK(stage.is_empty());
}

TEST(T7_when_it_is_cancelled_body_and_children_are_and_have_ended)
{
	stage stage;
	auto waits = [&](ferry::group &group) -> task<> {
		group.begin(stage.waits("c"));
		co_await stage.waits("b");
	};
	auto returns = [&](ferry::group &group) -> task<> {
		group.begin(stage.waits("c"));
		co_return;
	};
	auto first = ferry::with_group(waits).begin(stage.loop);
	auto second = ferry::with_group(returns).begin(stage.loop);

	CHECK(first.cancel() && second.cancel());
	stage.loop.run();
	CHECK(first.is_cancelled() && second.is_cancelled() && stage.is_empty());
	CHECK(stage.bodies.died == 3);
}

TEST(children_begin_others_as_long_as_it_has_not_ended)
{
	stage stage;
	ferry::group *kept = nullptr;
	bool ended = false;
	auto body = [&](ferry::group &group) -> task<> {
		kept = &group;
		group.begin([](struct stage &stage, ferry::group &group) -> task<> {
			co_await ferry::yield();
			group.begin(stage.waits("c"));
			co_await ferry::yield();
			CHECK(group.members() == 2);
			group.cancel();
			group.begin(stage.waits("d"));
		}(stage, group));
		co_return;
	};
	auto checks = [&]() -> task<> {
		try {
			co_await ferry::with_group(body);
		} catch (const ferry::cancelled &) {
			ended = true;
		}
	};

	stage.loop.run(checks());
	CHECK(ended && stage.is_empty() && stage.order == "c()");
}

TEST(E1_a_child_of_a_group_that_has_ended_is_refused_and_destroyed_once)
{
	stage stage;
	census children;
	auto child = [](living) -> task<> { co_return; };
	auto body = [&](ferry::group &of) -> task<> {
		ferry_group_close(of.native_handle());
		CHECK_ERRNO(of.begin(child(living(children))), ESHUTDOWN);
		CHECK_ERRNO(of.begin(task<>()), EINVAL);
		co_return;
	};

	stage.loop.run(ferry::with_group(body));
	stage.loop.run();
	CHECK(children.alive == 0 && children.died == 1 && stage.told == 0);
}

TEST(a_policy_is_that_of_its_options)
{
	stage stage;
	ferry::group_options collects, limited;
	int ended = 0;
	auto body = [&](ferry::group &group) -> task<> {
		group.begin(fails(stage, "f", 7));
		group.begin([](int &ended) -> task<> {
			for (int i = 0; i < 5; i++)
				co_await ferry::yield();
			ended++;
		}(ended));
		co_return;
	};

	collects.policy = FERRY_GROUP_COLLECT;
	CHECK(ending(stage, ferry::with_group(body, collects)) == -1 && ended == 1);
	stage.loop.run();
	CHECK(stage.told == 1);
	limited.limit = 1;
	limited.policy = FERRY_GROUP_COLLECT;
	CHECK(ending(stage, ferry::with_group(body, limited)) == -1 && ended == 2);
	limited.policy = static_cast<ferry_group_policy>(99);
	CHECK_ERRNO(stage.loop.run(ferry::with_group(body, limited)), EINVAL);
}

TEST(groups_nest)
{
	stage stage;
	auto body = [&](ferry::group &outer) -> task<> {
		outer.begin(keeps(stage, 2, 0));
		outer.begin([](struct stage &stage) -> task<> {
			co_await ferry::all(keeps(stage, 1, 0), stage.waits("w"));
		}(stage));
		co_await ferry::sleep(1us);
		throw 7;
	};

	CHECK(ending(stage, ferry::with_group(body)) == 7);
	CHECK(stage.is_empty());
}

} // namespace groups
