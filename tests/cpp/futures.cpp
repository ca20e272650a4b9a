/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/future.hpp, cpp/pool.hpp: futures and promises on any thread.
 */
#include "living.hpp"
#include "pools.hpp"
#include "tap.hpp"

#include <string>
#include <thread>

namespace futures
{

using namespace std::chrono_literals;

TEST(a_future_gives_what_the_function_returned_once)
{
	drained_pool pool;
	ferry::future<std::string> future = pool.pool.submit([] { return std::string("text"); });
	ferry::future<std::string> nothing;

	CHECK(future && !nothing);
	CHECK(future.get() == "text" && future.is_done());
	CHECK_ERRNO(future.get(), EALREADY);
	CHECK_ERRNO(nothing.get(), EINVAL);
	CHECK_THROWS(pool.pool.submit([] { throw std::out_of_range("beyond"); }).get(),
		     std::out_of_range);
}

TEST(who_waits_waits_until_a_deadline)
{
	busy_pool busy;
	auto future = busy.pool.submit([] { return 5; });

	CHECK(!future.wait(0ns) && !future.is_done());
	CHECK_THROWS(future.get(0ns), ferry::timed_out);
	busy.let_go();
	CHECK(future.get() == 5);
}

TEST(E1_on_a_loops_thread_nobody_waits)
{
	busy_pool busy;
	ferry::loop loop;
	auto future = busy.pool.submit([] { return 5; });

	CHECK_ERRNO(future.get(), EDEADLK);
	CHECK_ERRNO(future.wait(), EDEADLK);
	busy.let_go();
	CHECK(loop.run(ferry::wrap(loop, future)) == 5);
}

TEST(F3_one_that_is_queued_is_cancelled_for_everybody)
{
	census census;
	busy_pool busy;
	auto future = busy.pool.submit([held = living(census)] { return 5; });

	CHECK(future.cancel() && future.is_cancelled());
	CHECK(census.alive == 0 && census.died == 1);
	CHECK_THROWS(future.get(), ferry::cancelled);
	CHECK(!future.cancel());
}

TEST(a_promise_is_kept_by_another_thread)
{
	ferry::loop loop;
	ferry::promise<std::unique_ptr<int>> promise;
	auto local = ferry::wrap(loop, promise.get_future());
	std::thread thread([&] { CHECK(promise.set_value(new int(6))); });

	CHECK(*loop.run(local) == 6);
	thread.join();
	CHECK(!promise.set_value(nullptr));
}

TEST(F4_a_promise_is_kept_once_and_what_comes_late_is_destroyed)
{
	census census;
	ferry::promise<living> promise;
	auto first = promise.get_future(), second = promise.get_future();

	CHECK(promise.set_value(census));
	CHECK(!promise.set_value(census) && census.alive == 1 && census.died == 1);
	CHECK(!promise.set_exception(std::make_exception_ptr(5)) && !promise.set_cancelled());
	CHECK(first.get());
	CHECK_ERRNO(second.get(), EALREADY);
	CHECK(census.alive == 0 && census.died == 2);
}

TEST(an_exception_is_given_to_a_promise_as_it_is)
{
	ferry::promise<> promise, other;
	auto future = promise.get_future(), cancelled = other.get_future();

	CHECK(promise.set_exception(std::make_exception_ptr(std::out_of_range("beyond"))));
	CHECK_THROWS(future.get(), std::out_of_range);
	CHECK(other.set_exception(std::make_exception_ptr(ferry::cancelled())));
	CHECK(cancelled.is_cancelled());
	CHECK_THROWS(cancelled.get(), ferry::cancelled);
}

TEST(F1_a_promise_that_lost_to_a_cancel_is_told)
{
	ferry::promise<int> promise, running;
	auto future = promise.get_future(), asked = running.get_future();

	CHECK(future.cancel() && promise.is_cancel_requested());
	CHECK(!promise.set_running() && !promise.set_value(5));
	CHECK(running.set_running() && !running.is_cancel_requested());
	CHECK_ERRNO(running.set_running(), EALREADY);
	CHECK(!asked.cancel() && running.is_cancel_requested());
	CHECK(running.set_cancelled());
	CHECK_THROWS(asked.get(), ferry::cancelled);
}

TEST(nobody_waits_for_a_promise_that_is_gone)
{
	ferry::future<int> future;

	{
		ferry::promise<int> promise, moved;

		future = promise.get_future();
		moved = std::move(promise);
		CHECK(!future.is_done());
	}
	CHECK_ERRNO(future.get(), EOWNERDEAD);
}

TEST(F7_a_value_whose_destructor_blocks_needs_a_pool)
{
	census census;

	{
		drained_pool pool;
		ferry::promise<blocking_living> homeless, housed(pool);

		CHECK_ERRNO(homeless.set_value(census), EINVAL);
		CHECK(census.alive == 0 && census.died == 1);
		CHECK(housed.set_value(census));
	}
	CHECK(census.alive == 0 && census.died == 2);
}

TEST(a_pool_is_moved_resized_and_ends_by_its_deadline)
{
	busy_pool busy;
	ferry::pool moved = std::move(busy.pool);

	moved.resize(1, 2);
	CHECK_ERRNO(moved.resize(2, 1), EINVAL);
	CHECK(moved.shutdown(FERRY_SHUTDOWN_CANCEL, 0ns) == 1);
	busy.let_go();
	CHECK(moved.shutdown() == 0);
	busy.pool = std::move(moved);
	CHECK_ERRNO(ferry::lane(busy.pool), ESHUTDOWN);
}

TEST(E1_options_that_are_wrong_are_thrown)
{
	ferry::pool_options options;

	options.min_threads = 5;
	options.max_threads = 4;
	CHECK_ERRNO(ferry::pool(options), EINVAL);
}

TEST(F5_a_job_that_expired_when_the_clock_began_does_not_run)
{
	drained_pool pool;
	ferry::job_options options;

	options.expires = std::chrono::steady_clock::time_point();
	CHECK_THROWS(pool.pool.submit([] { return 5; }, options).get(), ferry::timed_out);
}

TEST(F7_a_result_that_is_small_may_be_one_that_only_moves)
{
	struct moves {
		explicit moves(int value) : value(value)
		{
		}

		moves(moves &&) = default;
		moves(const moves &) = delete;

		int value;
	};
	drained_pool pool;

	CHECK(pool.pool.submit([] { return moves(5); }).get().value == 5);
}

} // namespace futures
