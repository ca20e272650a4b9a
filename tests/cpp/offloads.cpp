/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/result.hpp, cpp/job.hpp, cpp/local.hpp: any callable, any result, each destroyed once.
 */
#include "living.hpp"
#include "pools.hpp"
#include "tap.hpp"

#include <string>
#include <vector>

namespace offloads
{

enum class colour : signed char { red = -3, blue = 4 };

struct pair {
	float x;
	short y;
};

struct alignas(128) aligned {
	std::string text;
};

/* Offloads a function that returns that, and gives what comes back. */
template <class T> static T through(T value)
{
	drained_pool pool;
	ferry::loop loop;

	return loop.run(ferry::offload(loop, pool, [&value]() -> T { return std::move(value); }));
}

TEST(values_of_any_type_come_back)
{
	static int object;
	aligned far = through(aligned{ "a text that is too long for the string itself" });

	CHECK(through(true) && !through(false));
	CHECK(through<signed char>(-5) == -5 && through(-70000) == -70000);
	CHECK(through(INT64_MIN) == INT64_MIN && through(UINT64_MAX) == UINT64_MAX);
	CHECK(through<unsigned short>(65535) == 65535);
	CHECK(through(colour::red) == colour::red && through(colour::blue) == colour::blue);
	CHECK(through(-0.5) == -0.5 && through(0.25f) == 0.25f);
	CHECK(through(&object) == &object && through(nullptr) == nullptr);
	CHECK(through(pair{ 1.5f, -7 }).x == 1.5f && through(pair{ 1.5f, -7 }).y == -7);
	CHECK(through(std::string("text")) == "text");
	CHECK(through(std::vector<std::string>(1000, "text")).size() == 1000);
	CHECK(*through(std::make_unique<int>(7)) == 7);
	CHECK(far.text == "a text that is too long for the string itself");
	CHECK(reinterpret_cast<std::uintptr_t>(&far) % 128 == 0);
}

TEST(a_reference_and_nothing_come_back_as_well)
{
	drained_pool pool;
	ferry::loop loop;
	int object = 1;

	CHECK(&loop.run(ferry::offload(loop, pool, [&]() -> int & { return object; })) == &object);
	CHECK(&loop.run(ferry::offload(loop, pool, [&]() -> const int & { return object; })) ==
	      &object);
	loop.run(ferry::offload(loop, pool, [&] { object = 2; }));
	CHECK(object == 2);
}

static int seven()
{
	return 7;
}

TEST(functions_and_callables_that_cannot_be_copied_are_called)
{
	drained_pool pool;
	ferry::loop loop;
	std::function<int()> function = [] { return 9; };
	auto moved = [p = std::make_unique<int>(8)]() mutable { return std::move(p); };

	CHECK(loop.run(ferry::offload(loop, pool, seven)) == 7);
	CHECK(loop.run(ferry::offload(loop, pool, function)) == 9);
	CHECK(*loop.run(ferry::offload(loop, pool, std::move(moved))) == 8);
}

TEST(C_reads_numbers_as_it_would_have_written_them)
{
	drained_pool pool;
	ferry::loop loop;
	auto small = ferry::offload(loop, pool, []() -> short { return -3; });
	auto large = ferry::offload(loop, pool, [] { return UINT64_MAX; });

	loop.run();
	CHECK(ferry_local_snapshot(small.native_handle()).result.i64 == -3);
	CHECK(ferry_local_snapshot(large.native_handle()).result.u64 == UINT64_MAX);
	CHECK(!ferry_local_snapshot(small.native_handle()).result.disposer);
}

TEST(L4_a_callable_is_destroyed_once_on_its_worker_before_its_outcome_is_seen)
{
	census census;
	drained_pool pool;
	ferry::loop loop;
	pthread_t worker{};
	auto local = ferry::offload(loop, pool,
				    [&worker, held = living(census)] { worker = pthread_self(); });

	CHECK(census.alive == 1);
	loop.run(local);
	CHECK(census.alive == 0 && census.died == 1);
	CHECK(pthread_equal(census.by, worker) && !pthread_equal(worker, pthread_self()));
}

TEST(L4_one_that_is_queued_and_cancelled_never_runs_and_is_destroyed_in_the_call)
{
	census census;
	busy_pool busy;
	ferry::loop loop;
	bool ran = false;
	auto local = ferry::offload(loop, busy.pool, [&ran, held = living(census)] { ran = true; });

	CHECK(local.cancel() && local.is_cancelled());
	CHECK(census.alive == 0 && census.died == 1 && pthread_equal(census.by, pthread_self()));
	CHECK_THROWS(local.get(), ferry::cancelled);
	CHECK(!local.cancel());
	busy.let_go();
	busy.pool.shutdown();
	CHECK(!ran);
}

TEST(L4_one_that_runs_and_is_cancelled_keeps_its_callable_and_what_it_returns_is_destroyed_once)
{
	census callables, results;
	tap::gate inside, leave;
	drained_pool pool;
	ferry::loop loop;
	std::uint64_t disposed = ferry_disposed_count();
	auto local = ferry::offload(loop, pool, [&, held = living(callables)] {
		inside.open();
		leave.wait();
		return living(results);
	});

	inside.wait();
	CHECK(local.cancel() && local.is_done());
	CHECK_THROWS(local.get(), ferry::cancelled);
	CHECK(callables.alive == 1);
	local = {};
	leave.open();
	pool.pool.shutdown();
	CHECK(callables.alive == 0 && callables.died == 1);
	loop.run_once(ferry::deadline::at_ns(0)); /* the outcome is here, and nobody wants it */
	CHECK(results.alive == 0 && results.died == 1);
	CHECK(ferry_disposed_count() == disposed + 1);
}

TEST(F7_a_result_that_nobody_takes_is_destroyed_once_and_one_that_was_taken_is_the_takers)
{
	census census;
	drained_pool pool;
	ferry::loop loop;
	auto function = [&] { return living(census); };
	auto taken = ferry::offload(loop, pool, function);
	auto left = ferry::offload(loop, pool, function);

	loop.run();
	CHECK(census.alive == 2 && census.died == 0);
	{
		living mine = taken.get();

		taken = {};
		CHECK(census.alive == 2 && mine);
	}
	CHECK(census.alive == 1 && census.died == 1);
	left = {};
	CHECK(census.alive == 0 && census.died == 2);
}

TEST(F7_where_destroying_may_block_it_is_never_the_loops_thread_that_does)
{
	census census;
	ferry::loop loop;

	{
		drained_pool pool;
		auto left = ferry::offload(loop, pool, [&] { return blocking_living(census); });

		loop.run();
		CHECK(census.alive == 1);
		left = {};
	}
	CHECK(census.alive == 0 && census.died == 1);
	CHECK(!pthread_equal(census.by, pthread_self()));
}

TEST(E1_a_refusal_of_the_pool_is_a_local_born_failed)
{
	census census;
	ferry::pool pool;
	ferry::loop loop;

	pool.shutdown();
	auto local = ferry::offload(loop, pool, [held = living(census)] { return 1; });
	CHECK(local.is_done() && census.alive == 0 && census.died == 1);
	CHECK_ERRNO(local.get(), ESHUTDOWN);
	CHECK_ERRNO(pool.submit([held = living(census)] { return 1; }), ESHUTDOWN);
	CHECK(census.alive == 0 && census.died == 2);
}

TEST(E1_what_cannot_be_offloaded_at_all_is_thrown_and_destroyed_once)
{
	census census;
	drained_pool pool;
	ferry::loop loop, other;
	auto make = [&] { return [held = living(census)] { return 1; }; };
	ferry::job_options wrong;

	CHECK_ERRNO(ferry::offload(nullptr, pool, make()), EINVAL);
	CHECK_ERRNO(ferry::offload(loop, nullptr, make()), EINVAL);
	wrong.interruptible = true; /* of a pool without a signal for that */
	CHECK_ERRNO(ferry::offload(loop, pool, make(), wrong), EINVAL);
	CHECK(loop.run(ferry::offload(loop, pool, [&] {
		CHECK_ERRNO(ferry::offload(other, pool, make()), EPERM);
		return 1;
	})) == 1);
	CHECK(census.alive == 0 && census.died == 4);
	CHECK_ERRNO(ferry::local<>(nullptr), errno);
}

TEST(what_a_function_throws_is_thrown_on_the_loop)
{
	drained_pool pool;
	ferry::loop loop;
	auto throws =
		ferry::offload(loop, pool, []() -> int { throw std::out_of_range("beyond"); });
	auto fails = ferry::offload(loop, pool, [] { throw ferry::error("parser", 3, "here"); });
	auto plain = ferry::offload(loop, pool, [] { throw ferry::error(EACCES); });
	auto gives_up = ferry::offload(loop, pool, [] { throw ferry::cancelled(); });
	ferry_snapshot snapshot;

	loop.run();
	snapshot = ferry_local_snapshot(throws.native_handle());
	CHECK(!std::strcmp(ferry_error_message(snapshot.exception), "beyond"));
	CHECK_THROWS(throws.get(), std::out_of_range);
	CHECK_THROWS(throws.get(), std::out_of_range);
	snapshot = ferry_local_snapshot(fails.native_handle());
	CHECK(!std::strcmp(ferry_error_domain(snapshot.exception), "parser"));
	CHECK_THROWS(fails.get(), ferry::error);
	snapshot = ferry_local_snapshot(plain.native_handle());
	CHECK(snapshot.exception == ferry_error_from_errno(EACCES));
	CHECK_ERRNO(plain.get(), EACCES);
	CHECK(gives_up.is_cancelled());
	CHECK_THROWS(gives_up.get(), ferry::cancelled);
}

TEST(a_callable_that_throws_is_destroyed_once_and_so_is_what_it_threw)
{
	census callables, thrown;
	drained_pool pool;
	ferry::loop loop;

	{
		auto local = ferry::offload(loop, pool, [&, held = living(callables)]() -> living {
			throw std::make_shared<living>(thrown);
		});

		CHECK_THROWS(loop.run(local), std::shared_ptr<living>);
		CHECK(callables.alive == 0 && callables.died == 1);
		CHECK(thrown.alive == 1);
	}
	CHECK(thrown.alive == 0 && thrown.died == 1);
}

TEST(E1_one_that_is_not_done_or_was_taken_or_is_none_says_so)
{
	busy_pool busy;
	ferry::loop loop;
	auto local = ferry::offload(loop, busy.pool, [] { return std::string("text"); });
	ferry::local<int> nothing;

	CHECK(!local.is_done() && local && !nothing);
	CHECK_ERRNO(local.get(), EAGAIN);
	busy.let_go();
	CHECK(loop.run(local) == "text");
	CHECK_ERRNO(local.get(), EALREADY);
	CHECK_ERRNO(nothing.get(), EINVAL);
	CHECK(!nothing.is_done() && !nothing.cancel());
}

/* On the moved-from side a value is left, and in the box it was moved to none is. */
struct immovable_after_all {
	explicit immovable_after_all(census &census) : held(census)
	{
	}

	immovable_after_all(immovable_after_all &&other) : held(std::move(other.held))
	{
		throw std::length_error("it will not move");
	}

	living held;
};

TEST(F7_a_value_that_throws_as_it_is_taken_is_destroyed_all_the_same)
{
	census census;
	drained_pool pool;
	ferry::loop loop;
	auto local = ferry::offload(loop, pool, [&] { return immovable_after_all(census); });

	loop.run();
	CHECK_THROWS(local.get(), std::length_error);
	CHECK(census.alive == 0 && census.died == 1);
}

TEST(L3_a_loop_that_is_closed_under_a_function_destroys_callable_and_result_once)
{
	census callables, results;
	tap::gate inside, leave;
	drained_pool pool;
	ferry::local<living> local;

	{
		ferry::loop loop;

		local = ferry::offload(loop, pool, [&, held = living(callables)] {
			inside.open();
			leave.wait();
			return living(results);
		});
		inside.wait();
	}
	CHECK(local.is_cancelled() && callables.alive == 1);
	leave.open();
	pool.pool.shutdown();
	CHECK(callables.alive == 0 && callables.died == 1);
	local = {};
	CHECK(results.alive == 0 && results.died == 1);
}

TEST(options_of_a_job_reach_it)
{
	busy_pool busy;
	ferry::lane lane(busy.pool);
	ferry::loop loop;
	int context = 5;
	ferry::job_options named, late;

	named.name = "counting";
	named.context = &context;
	named.lane = lane;
	late.expires = std::chrono::nanoseconds(1);
	auto told = ferry::offload(
		loop, busy.pool,
		[] {
			return std::string(ferry_job_name()) +
			       std::to_string(*static_cast<int *>(ferry_job_context()));
		},
		named);
	auto expired = ferry::offload(
		loop, busy.pool, [] {}, late);
	CHECK_THROWS(loop.run(expired), ferry::timed_out);
	busy.let_go();
	CHECK(loop.run(told) == "counting5");
	CHECK(busy.pool.lane(FERRY_LANE_CPU) && busy.pool.stats().ran == 2);
	CHECK_ERRNO(busy.pool.lane(static_cast<ferry_lane_kind>(99)), EINVAL);
}

TEST(a_function_sees_that_it_was_asked_to_end)
{
	tap::gate inside;
	drained_pool pool;
	ferry::loop loop;
	auto local = ferry::offload(loop, pool, [&] {
		inside.open();
		while (!ferry_job_cancel_requested())
			sched_yield();
		throw ferry::cancelled();
	});

	inside.wait();
	CHECK(local.cancel());
}

TEST(a_descriptor_is_watched)
{
	ferry::loop loop;
	int fds[2];

	CHECK(pipe(fds) == 0);
	auto ready = ferry::watch(loop, fds[0], FERRY_READABLE);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK(loop.run(ready) & FERRY_READABLE);
	close(fds[0]);
	close(fds[1]);
	CHECK_ERRNO(loop.run(ferry::watch(loop, fds[0], FERRY_READABLE)), EBADF);
}

TEST(E3_without_memory_nothing_is_offloaded)
{
	census census;
	drained_pool pool;
	ferry::loop loop;

	CHECK_THROWS(
		without_memory(
			0, [&] { return ferry::offload(loop, pool, [held = living(census)] {}); }),
		std::bad_alloc);
	CHECK_THROWS(
		without_memory(0, [&] { return pool.pool.submit([held = living(census)] {}); }),
		std::bad_alloc);
	CHECK(census.alive == 0 && census.died == 2);
	CHECK(!loop.pending() && pool.pool.stats().attempted == 0);
}

} // namespace offloads
