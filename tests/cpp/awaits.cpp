/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/await.hpp: what a coroutine can wait for, and what the dump tells of that.
 */
#include "stage.hpp"
#include "tap.hpp"

#include <functional>
#include <string>

namespace awaits
{

using namespace std::chrono_literals;
using ferry::task;

static_assert(!ferry::detail::can_be_awaited<std::suspend_always>, "none of ours resumes it");
static_assert(!ferry::detail::can_be_awaited<int>);
static_assert(!ferry::detail::can_be_awaited<ferry::future<int> &>, "it would be taken unseen");
static_assert(!std::is_copy_constructible_v<task<int>> &&
	      std::is_nothrow_move_constructible_v<task<>>);

/* ---- of ours ---- */

static task<std::string> awaits_all_kinds(ferry::pool &pool, ferry::promise<int> &promise)
{
	std::string order;
	auto local = ferry::offload(co_await ferry::this_loop(), pool, [] { return 1; });

	order += std::to_string(co_await local);
	order += std::to_string(
		co_await ferry::offload(co_await ferry::this_loop(), pool, [] { return 2; }));
	order += std::to_string(co_await ferry::offload(pool, [&] { return order.size(); }));
	promise.set_value(3);
	order += std::to_string(co_await promise.get_future());
	order += std::to_string(
		co_await ferry::wrap(co_await ferry::this_loop(), pool.submit([] { return 4; })));
	co_await ferry::sleep(1us);
	co_await ferry::yield();
	co_await ferry::offload(pool, [&] { order += "v"; });
	co_return order;
}

TEST(locals_offloads_futures_and_times_are_awaited)
{
	drained_pool pool;
	ferry::loop loop;
	ferry::promise<int> promise;

	CHECK(loop.run(awaits_all_kinds(pool.pool, promise)) == "12234v");
}

/* ---- what a function owns ---- */

static task<int> offloads_by_name(ferry::pool &pool, census &census, bool throws)
{
	auto function = [throws, held = living(census)] {
		if (throws)
			throw std::out_of_range("beyond");
		return 5;
	};

	co_return co_await ferry::offload(pool, std::ref(function));
}

TEST(F7_a_function_with_a_name_is_offloaded_and_what_it_owns_is_destroyed_once)
{
	census census;
	drained_pool pool;
	ferry::loop loop;

	CHECK(loop.run(offloads_by_name(pool.pool, census, false)) == 5);
	CHECK_THROWS(loop.run(offloads_by_name(pool.pool, census, true)), std::out_of_range);
	CHECK(census.alive == 0 && census.died == 2);
}

#if defined __GNUC__ && !defined __clang__ && __GNUC__ < 13
TEST(what_the_compiler_would_destroy_twice_is_not_compiled)
{
	auto owns = [text = std::string()] { return text.size(); };
	auto borrows = [&owns] { return owns(); };
	struct aggregate {
		std::string text;

		void operator()()
		{
		}
	};

	static_assert(!ferry::detail::survives_await<decltype(owns)>);
	static_assert(!ferry::detail::survives_await<aggregate>);
	static_assert(ferry::detail::survives_await<decltype(borrows)>);
	static_assert(ferry::detail::survives_await<std::function<void()>>);
	static_assert(ferry::detail::survives_await<std::reference_wrapper<decltype(owns)>>);
	CHECK(borrows() == 0);
}
#endif

/* ---- what C has ---- */

static task<> takes_turns(ferry_lock &lock, ferry_limiter &limiter, std::string &order, char who)
{
	ferry_slot slot = {};

	co_await ferry_limiter_enter(&limiter, &slot, 0);
	co_await ferry_lock_acquire(&lock);
	order += who;
	co_await ferry::yield();
	order += who;
	ferry_lock_release(&lock);
	ferry_limiter_leave(&slot);
}

TEST(operations_and_structs_of_C_are_awaited)
{
	ferry::loop loop;
	std::string order;
	ferry_lock lock;
	ferry_limiter limiter;
	ferry_operation zero = {};
	auto awaits_nothing = [](ferry_operation &nothing) -> task<> { co_await nothing; };
	auto awaits_none = []() -> task<> {
		errno = ENOMEM;
		co_await static_cast<ferry_operation *>(nullptr);
	};

	CHECK(ferry_lock_init(&lock, loop) == 0 && ferry_limiter_init(&limiter, loop, 2) == 0);
	for (char who : { 'a', 'b', 'c' })
		ferry::spawn(loop, takes_turns(lock, limiter, order, who));
	loop.run();
	CHECK(order == "aabbcc");
	CHECK_ERRNO(loop.run(awaits_nothing(zero)), EINVAL);
	CHECK_ERRNO(loop.run(awaits_none()), ENOMEM);
}

static task<> notes(std::string &order, const char *what)
{
	order += what;
	co_await ferry::yield();
	order += what;
}

TEST(a_limiter_starts_them_in_turn)
{
	ferry::loop loop;
	std::string order;
	ferry_limiter limiter;
	ferry_slot slots[2] = {};
	task<> tasks[2];

	CHECK(ferry_limiter_init(&limiter, loop, 1) == 0);
	for (int i = 0; i < 2; i++) {
		tasks[i] = notes(order, i ? "b" : "a");
		tasks[i].begin(loop, { .start = FERRY_START_DEFERRED });
		ferry_limiter_submit(&limiter, &slots[i], tasks[i].native_handle(), 0);
	}
	loop.run();
	CHECK(order == "aabb");
}

/* ---- the dump ---- */

static task<> inner(ferry_event &event, unsigned &line)
{
	line = __LINE__ + 1;
	co_await event;
}

static task<> outer(ferry_event &event, unsigned &line)
{
	co_await inner(event, line);
}

TEST(T8_the_dump_tells_where_each_waits)
{
	stage stage;
	std::string dump;
	unsigned line = 0;

	ferry::spawn(stage.loop, outer(stage.event, line), { .name = "the outer one" });
	ferry_loop_dump(
		stage.loop, FERRY_DUMP_TEXT,
		[](void *user, const char *text, size_t length) {
			static_cast<std::string *>(user)->append(text, length);
			return 0;
		},
		&dump);
	CHECK(dump.find("2 tasks") == 0);
	CHECK(dump.find("\"the outer one\" task") != std::string::npos);
	CHECK(dump.find("awaits.cpp:" + std::to_string(line) + ", inner()") != std::string::npos);
	ferry_event_set(&stage.event);
	stage.loop.run();
}

} // namespace awaits
