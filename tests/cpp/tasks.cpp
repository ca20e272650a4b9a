/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/frame.hpp, cpp/task.hpp: what a coroutine gives, what it throws, and how it begins.
 */
#include "stage.hpp"
#include "tap.hpp"

#include <string>
#include <thread>
#include <vector>

namespace tasks
{

using namespace std::chrono_literals;
using ferry::task;

/* ---- results ---- */

static task<int &> refers(int &object)
{
	co_await ferry::yield();
	co_return object;
}

/* Knows whether it lies where it must. */
struct alignas(256) aligned {
	aligned() : text(100, 'x')
	{
	}

	aligned(aligned &&other) noexcept
		: text(std::move(other.text)), is_wrong(other.is_wrong || is_astray())
	{
	}

	bool is_astray() const
	{
		/* The compiler would know that it cannot be. */
		const volatile auto address = reinterpret_cast<std::uintptr_t>(&text);

		return address % 256;
	}

	std::string text;
	bool is_wrong = false;
};

TEST(results_lie_where_they_must_in_a_coroutine)
{
	ferry::loop loop;
	std::vector<task<aligned>> many;

	for (int i = 0; i < 20; i++)
		many.push_back(gives_later(aligned()));
	for (const aligned &each : loop.run([](auto many) -> task<std::vector<aligned>> {
		     co_return co_await ferry::all(std::move(many));
	     }(std::move(many))))
		CHECK(!each.is_wrong && each.text.size() == 100);
}

TEST(results_of_any_type_come_from_a_coroutine)
{
	ferry::loop loop;
	int object = 0;

	CHECK(loop.run(gives(5)) == 5 && loop.run(gives_later(5)) == 5);
	CHECK(loop.run(gives_later(std::string(100, 'x'))).size() == 100);
	CHECK(*loop.run(gives_later(std::make_unique<int>(6))) == 6);
	CHECK(&loop.run(refers(object)) == &object);
}

static task<int> adds(int left, int right)
{
	int sum = co_await gives(left) + co_await gives_later(right);

	co_return sum;
}

static task<std::string> joins(std::string text)
{
	for (int i = 0; i < 3; i++)
		text += std::to_string(co_await adds(i, i));
	co_return text;
}

TEST(a_coroutine_awaits_its_children)
{
	ferry::loop loop;

	CHECK(loop.run(joins("a")) == "a024");
}

/* ---- exceptions ---- */

static task<int> passes_on(int how)
{
	co_return co_await throws(how) + 1;
}

static task<std::string> catches()
{
	std::string caught;

	try {
		co_await throws(0);
	} catch (const std::out_of_range &thrown) {
		caught += thrown.what();
	}
	try {
		co_await throws(1);
	} catch (const ferry::error &thrown) {
		caught += thrown.what();
	}
	try {
		co_await passes_on(2);
	} catch (int thrown) {
		caught += std::to_string(thrown);
	}
	co_return caught;
}

TEST(exceptions_pass_up_as_they_are)
{
	ferry::loop loop;

	CHECK(loop.run(catches()) == "beyondPermission denied2");
	CHECK_THROWS(loop.run(passes_on(0)), std::out_of_range);
	CHECK_ERRNO(loop.run(passes_on(1)), EACCES);
}

TEST(C_sees_what_a_coroutine_failed_with)
{
	ferry::loop loop;
	auto failed = throws(0).begin(loop);
	const ferry_error *error;

	while (!failed.is_done())
		loop.run_once();
	error = ferry_task_snapshot(failed.native_handle()).exception;
	CHECK(!std::strcmp(ferry_error_message(error), "beyond"));
	CHECK_THROWS(failed.get(), std::out_of_range);
	loop.run();
	CHECK_THROWS(failed.get(), std::out_of_range);
}

TEST(L6_what_a_spawned_one_fails_with_is_told)
{
	stage stage;

	ferry::spawn(stage.loop, throws(0));
	ferry::spawn(stage.loop, gives(5));
	stage.loop.run();
	CHECK(stage.told == 1);
}

TEST(L6_what_somebody_looked_at_is_not_told)
{
	stage stage;
	auto looked = throws(0).begin(stage.loop);

	stage.loop.run();
	CHECK_THROWS(looked.get(), std::out_of_range);
	looked = {};
	CHECK(stage.loop.run(catches()).size() > 0);
	stage.loop.run();
	CHECK(stage.told == 0);
}

TEST(L6_an_exception_that_was_thrown_at_the_end_of_a_run_is_not_told_as_well)
{
	stage stage;

	CHECK_THROWS(stage.loop.run(throws(0)), std::out_of_range);
	stage.loop.run();
	CHECK(stage.told == 0 && stage.is_empty());
}

TEST(L6_what_nobody_looked_at_is_told_once_when_its_task_is_dropped)
{
	stage stage;
	auto late = throws(0).begin(stage.loop), early = throws(0).begin(stage.loop);

	early = {}; /* before it has failed: it is cancelled for that */
	stage.loop.run();
	CHECK(stage.told == 0);
	late = {};
	CHECK(stage.told == 1);
	auto twice = throws(0).begin(stage.loop);
	while (!twice.is_done())
		stage.loop.run_once();
	twice = {};
	stage.loop.run();
	CHECK(stage.told == 2);
}

/* ---- how it begins ---- */

static task<> notes(std::string &order, const char *what)
{
	order += what;
	co_await ferry::yield();
	order += what;
}

TEST(T2_T3_T4_it_starts_as_its_options_say_or_else_the_loops_factory)
{
	ferry::loop loop;
	std::string order;
	auto eager = notes(order, "e").begin(loop);
	auto lazy = notes(order, "l").begin(loop, { .start = FERRY_START_LAZY });
	auto deferred = notes(order, "d").begin(loop, { .start = FERRY_START_DEFERRED });

	CHECK(order == "e");
	loop.run();
	CHECK(order == "eell" && !deferred.is_done());
	CHECK(ferry_task_start(deferred.native_handle()) == 0);
	loop.run();
	CHECK(order == "eelldd" && deferred.is_done());
	CHECK(ferry_loop_set_task_factory(loop, ferry_lazy_factory, nullptr) == 0);
	auto by_factory = notes(order, "f").begin(loop);
	CHECK(order == "eelldd");
	loop.run();
	CHECK(order == "eellddff");
}

static task<> looks_at_itself(bool &is_itself, std::string &name, void *&user)
{
	ferry_task *self = co_await ferry::this_task();
	ferry_loop *loop = co_await ferry::this_loop();

	is_itself = ferry_current_task(loop) == self;
	name = ferry_task_name(self);
	user = ferry_task_user(self);
}

TEST(T1_options_apply_before_the_first_step)
{
	ferry::loop loop;
	std::string name;
	bool is_itself = false;
	void *user = nullptr;
	auto looks = looks_at_itself(is_itself, name, user);

	looks.begin(loop, { .name = "looks", .user = &name });
	CHECK(is_itself && name == "looks" && user == &name);
	CHECK(!ferry_current_task(loop));
}

TEST(E1_one_that_cannot_be_begun_is_born_failed)
{
	census census;
	ferry::loop loop, closed;
	auto body = [](living) -> task<int> { co_return 5; };
	task<int> nothing, elsewhere = body(living(census)), late = body(living(census));

	std::thread([&] { elsewhere.begin(loop); }).join();
	CHECK(elsewhere.is_done());
	CHECK_ERRNO(elsewhere.get(), EPERM);
	CHECK_ERRNO(elsewhere.begin(loop), EALREADY);
	closed.close();
	CHECK_ERRNO(late.begin(closed).get(), EINVAL);
	CHECK_ERRNO(nothing.begin(loop), EINVAL);
	CHECK_ERRNO(nothing.get(), EINVAL);
	CHECK_ERRNO(loop.run(nothing), EINVAL);
	CHECK_ERRNO(loop.run([](task<int> none) -> task<int> { co_return co_await none; }({})),
		    EINVAL);
	CHECK_ERRNO(loop.run([]() -> task<> { co_await task<>(); }()), EINVAL);
	CHECK(!nothing && late && !nothing.cancel() && !late.cancel());
	CHECK_ERRNO(ferry::spawn(loop, task<int>()), EINVAL);
	CHECK_ERRNO(ferry::spawn(nullptr, body(living(census))), EINVAL);
	elsewhere = {};
	late = {};
	CHECK(census.alive == 0 && census.died == 3);
}

static int refuses(ferry_task *, ferry_loop *, ferry_step_function, const ferry_task_options *,
		   void *)
{
	return -EAGAIN;
}

TEST(E1_one_that_the_factory_refuses_is_born_failed_and_destroyed_once)
{
	census census;
	stage stage;
	auto body = [](living) -> task<int> { co_return 5; };
	auto awaits = [&]() -> task<int> { co_return co_await body(living(census)); };
	auto outer = awaits().begin(stage.loop, { .start = FERRY_START_LAZY });

	CHECK(ferry_loop_set_task_factory(stage.loop, refuses, nullptr) == 0);
	auto refused = body(living(census)).begin(stage.loop);
	CHECK_ERRNO(refused.get(), EAGAIN);
	CHECK_ERRNO(ferry::spawn(stage.loop, body(living(census))), EAGAIN);
	CHECK_ERRNO(stage.loop.run(outer), EAGAIN);
	stage.loop.run();
	refused = {};
	CHECK(census.alive == 0 && census.died == 3 && stage.told == 0);
}

TEST(one_that_is_never_begun_is_destroyed_once)
{
	census census;

	{
		auto body = [](living) -> task<> { co_return; };
		task<> unbegun = body(living(census)), moved = std::move(unbegun);

		CHECK(census.alive == 1 && !moved.is_done() && moved && !unbegun);
	}
	CHECK(census.alive == 0 && census.died == 1);
}

/* ---- deep and long ---- */

static task<int> counts_down(int from)
{
	if (!from)
		co_return 0;
	co_return co_await counts_down(from - 1) + 1;
}

static task<int> counts_up(int to)
{
	int sum = 0;

	for (int i = 0; i < to; i++)
		sum += co_await gives(1);
	co_return sum;
}

TEST(T2_neither_depth_nor_length_use_up_the_stack)
{
	ferry::loop loop;
	bool fired = false;

	loop.call_at(0ns, [&] { fired = true; });
	CHECK(loop.run(counts_down(20000)) == 20000);
	CHECK(loop.run(counts_up(50000)) == 50000 && fired);
}

static task<> waits_below(stage &stage, int depth, int &deepest, int &gone)
{
	struct level {
		~level()
		{
			gone += gone == below;
		}

		int below, &gone;
	} level{ depth, gone };

	if (++deepest, !depth)
		co_await stage.event;
	else
		co_await waits_below(stage, depth - 1, deepest, gone);
}

TEST(T2_nor_does_depth_as_they_are_destroyed_where_they_wait_from_the_innermost_on)
{
	const int depth = 200000;
	stage stage;
	int deepest = 0, gone = 0;
	auto top = waits_below(stage, depth, deepest, gone).begin(stage.loop);

	while (deepest <= depth)
		stage.loop.run_once(0ns);
	stage.loop.close();
	CHECK(top.is_cancelled() && gone == depth + 1);
}

/* ---- memory ---- */

TEST(E3_without_memory_for_it_there_is_no_coroutine)
{
	census census;
	ferry::loop loop;
	auto body = [](living) -> task<int> { co_return 5; };

	CHECK_THROWS(without_memory(0, [&] { return body(living(census)); }), std::bad_alloc);
	CHECK(census.alive == 0);
	/* And for what it throws there is none either. */
	auto fails = []() -> task<int> {
		memory_left = 0;
		throw 5;
		co_return 5;
	};
	CHECK_ERRNO(loop.run(fails()), ENOMEM);
	/* For the value of one that was submitted: its future fails. */
	auto future = ferry::submit(loop, [](struct census &in) -> task<living> {
		memory_left = 0;
		co_return living(in);
	}(census));
	loop.run();
	memory_left = -1;
	CHECK_THROWS(loop.run(ferry::wrap(loop, future)), std::exception);
	CHECK(census.alive == 0);
}

} // namespace tasks
