/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/call.hpp, cpp/loop.hpp: what a loop is given to call, whatever becomes of it.
 */
#include "living.hpp"
#include "pools.hpp"
#include "tap.hpp"

#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

namespace loops
{

using namespace std::chrono_literals;

TEST(L2_functions_are_called_in_order_and_destroyed_once)
{
	census census;
	ferry::loop loop;
	std::string order;

	loop.call_soon([&, held = living(census)] { order += "a"; });
	loop.call_at(0ns, [&] { order += "t"; });
	loop.call_soon([&, held = living(census)] {
		order += "b";
		loop.call_soon([&] { order += "c"; });
	});
	CHECK(order.empty() && loop.pending() == 3);
	CHECK(!loop.run());
	CHECK(order == "tabc" && census.alive == 0 && census.died == 2);
}

TEST(what_one_throws_is_thrown_by_who_runs_the_loop_and_the_rest_is_called_after_that)
{
	ferry::loop loop;
	std::string order;

	loop.call_soon([&] { order += "a"; });
	loop.call_soon([] { throw std::out_of_range("beyond"); });
	loop.call_soon([&] { order += "b"; });
	CHECK_THROWS(loop.run(), std::out_of_range);
	CHECK(order == "a");
	CHECK(!loop.run());
	CHECK(order == "ab");
	loop.call_at(0ns, [] { throw 5; });
	CHECK_THROWS(loop.run_once(), int);
	loop.call_soon([] { throw 5; });
	CHECK_THROWS(loop.dispatch(), int);
	loop.call_soon([] { throw 5; });
	CHECK(ferry_loop_dispatch(loop, 0) == 1); /* as a host would */
	CHECK_THROWS(loop.rethrow(), int);
	loop.rethrow();
}

TEST(L3_what_was_not_called_is_destroyed_once_as_the_loop_closes)
{
	census census;
	busy_pool busy;
	ferry::timer timer;
	ferry::loop_handle *handle;

	{
		ferry::loop loop;

		loop.call_soon([held = living(census)] {});
		timer = loop.call_at(1h, [held = std::make_shared<living>(census)] {});
		loop.when_done(ferry::offload(loop, busy.pool, [] { return 1; }),
			       [held = living(census)](ferry::local<int> &) {});
		handle = new ferry::loop_handle(loop.handle());
		CHECK(handle->call_soon([held = living(census)] {}));
		CHECK(census.alive == 4);
	}
	CHECK(!timer.cancel());
	CHECK(census.alive == 0 && census.died == 4);
	CHECK(!handle->call_soon([held = living(census)] {}));
	CHECK(census.alive == 0 && census.died == 5);
	delete handle;
}

TEST(L3_calls_from_other_threads_are_called_or_destroyed_whenever_the_loop_closes)
{
	constexpr int threads = 3, each = 200;
	census census;

	for (int round = 0; round < 10; round++) {
		std::vector<std::thread> callers;
		std::atomic<int> accepted{ 0 };
		int called = 0;
		auto loop = std::make_unique<ferry::loop>();

		for (int i = 0; i < threads; i++)
			callers.emplace_back([&, handle = loop->handle()] {
				for (int j = 0; j < each; j++)
					accepted += handle.call_soon(
						[&, held = living(census)] { called++; });
			});
		while (called < round * threads * each / 10)
			loop->run_once(1s);
		loop.reset();
		for (std::thread &caller : callers)
			caller.join();
		CHECK(called <= accepted && accepted <= threads * each);
		CHECK(census.alive == 0 && census.died == (round + 1) * threads * each);
	}
}

TEST(L6_a_handler_is_replaced_while_it_runs_and_goes_with_the_loop)
{
	census census;
	drained_pool pool;
	int told = 0;

	{
		ferry::loop loop;

		loop.set_exception_handler([&, held = std::make_shared<living>(census)](auto) {
			loop.set_exception_handler({});
			told += held && census.alive == 1; /* it is here until it returns */
		});
		ferry::offload(loop, pool, [] { throw std::out_of_range("beyond"); });
		loop.run();
		CHECK(told == 1 && census.alive == 0);
		loop.set_exception_handler(
			[handle = loop.handle(), held = std::make_shared<living>(census)](auto) {});
		CHECK(census.alive == 1);
	}
	CHECK(census.alive == 0 && census.died == 2);
}

TEST(a_timer_is_taken_back_once)
{
	census census;
	ferry::loop loop;
	bool fired = false;
	ferry::timer timer = loop.call_at(1h, [held = std::make_shared<living>(census)] {});
	ferry::timer fires = loop.call_at(0ns, [&] { fired = true; }), nothing;

	CHECK(timer.cancel() && !timer.cancel() && !nothing.cancel());
	CHECK(census.alive == 0 && census.died == 1);
	CHECK(!loop.run() && fired && !fires.cancel());
	CHECK_ERRNO(loop.call_at({}, [] {}), EINVAL);
}

TEST(L3_a_function_that_has_its_own_timer_goes_when_it_was_called_or_never_will_be)
{
	struct session {
		explicit session(struct census &in) : held(in)
		{
		}

		~session()
		{
			if (other)
				other->cancel();
		}

		living held;
		ferry::timer timer, *other = nullptr;
	};
	census census;
	ferry::loop loop;
	ferry::timer later = loop.call_at(1h, [] {});
	auto begin = [&](ferry::deadline at, ferry::timer *other) {
		auto made = std::make_shared<session>(census);

		made->other = other;
		made->timer = loop.call_at(at, [made] {});
		return made.get();
	};

	begin(0ns, nullptr);
	loop.run_once();
	CHECK(census.alive == 0 && census.died == 1);
	CHECK(begin(1h, nullptr)->timer.cancel()); /* which goes with that */
	CHECK(census.alive == 0 && census.died == 2);
	/* What goes as the loop closes may take back what the loop has no more. */
	begin(1h, &later);
	loop.close();
	CHECK(census.alive == 0 && census.died == 3 && !later.cancel());
}

TEST(L6_a_timer_that_another_thread_cannot_take_back_happens)
{
	ferry::loop loop;
	bool fired = false;
	ferry::timer timer = loop.call_at(0ns, [&] { fired = true; });

	std::thread([&] { CHECK_ERRNO(timer.cancel(), EPERM); }).join();
	timer = {}; /* nobody but the loop has it any more */
	CHECK(!loop.run() && fired);
}

TEST(a_function_is_called_with_a_local_that_is_done)
{
	drained_pool pool;
	ferry::loop loop;
	int got = 0;

	loop.when_done(ferry::offload(loop, pool, [] { return 5; }),
		       [&](ferry::local<int> &local) { got = local.get(); });
	loop.when_done(ferry::offload(loop, pool, []() -> int { throw std::out_of_range("b"); }),
		       [](ferry::local<int> &local) { local.get(); });
	CHECK_THROWS(loop.run(), std::out_of_range);
	loop.run();
	CHECK(got == 5);
	CHECK_ERRNO(loop.when_done(ferry::local<int>(), [](ferry::local<int> &) {}), EINVAL);
}

TEST(E1_a_function_is_not_called_with_a_local_of_another_loop)
{
	census census;
	ferry::promise<int> promise;
	ferry::loop loop;

	{
		ferry::loop other;

		CHECK_ERRNO(other.when_done(ferry::wrap(loop, promise.get_future()),
					    [held = living(census)](ferry::local<int> &) {}),
			    EINVAL);
		CHECK(census.alive == 0);
	}
	promise.set_value(5);
	loop.run();
	CHECK(census.died == 1);
}

TEST(E1_a_loop_that_was_moved_from_is_refused)
{
	ferry::loop moved;
	ferry::loop_handle handle = moved.handle(), other = std::move(handle);
	ferry::loop loop = std::move(moved);

	CHECK_ERRNO(moved.run(), EINVAL);
	CHECK_ERRNO(moved.call_soon([] {}), EINVAL);
	CHECK_ERRNO(moved.call_at(0ns, [] {}), EINVAL);
	CHECK_ERRNO(moved.set_exception_handler([](std::exception_ptr) {}), EINVAL);
	CHECK_ERRNO(moved.handle().call_soon([] {}), EINVAL);
	moved.rethrow();
	moved.close();
	CHECK(handle.call_soon([] {}) && other.call_soon([] {}));
	CHECK(loop.dispatch() == 2);
}

TEST(a_loop_is_run_until_a_local_is_done_or_it_cannot_be)
{
	busy_pool busy;
	ferry::loop loop;
	auto local = ferry::offload(loop, busy.pool, [] { return 5; });
	ferry_local *plain;

	loop.call_soon([&] { loop.stop(); });
	CHECK_ERRNO(loop.run(local), EINTR);
	loop.call_soon([] { throw 5; });
	CHECK_THROWS(loop.run(local), int);
	busy.let_go();
	CHECK(loop.run(local) == 5);
	CHECK(ferry_local_new(loop, &plain) == 0);
	CHECK_ERRNO(loop.run(ferry::local<>(plain)), EDEADLK);
	loop.call_soon([&] { loop.stop(); });
	CHECK(loop.run());
}

TEST(L6_an_exception_that_nobody_looked_at_is_told)
{
	drained_pool pool;
	ferry::loop loop;
	std::string told;

	loop.set_exception_handler([&](std::exception_ptr exception) {
		try {
			std::rethrow_exception(exception);
		} catch (const std::exception &thrown) {
			told += thrown.what();
		}
	});
	ferry::offload(loop, pool, [] { throw std::out_of_range("beyond"); });
	loop.run();
	CHECK(told == "beyond");
	loop.set_exception_handler(
		[](std::exception_ptr exception) { std::rethrow_exception(exception); });
	ferry::offload(loop, pool, [] { throw std::out_of_range("beyond"); });
	CHECK_THROWS(loop.run(), std::out_of_range);
	loop.set_exception_handler({});
	ferry::offload(loop, pool, [] { throw std::out_of_range("beyond"); });
	loop.run();
	CHECK(told == "beyond");
}

TEST(a_loop_can_be_moved_but_not_closed_under_itself)
{
	ferry::loop loop, moved = std::move(loop);
	int refused = 0;

	moved.call_soon([&] {
		try {
			moved.close();
		} catch (const ferry::error &error) {
			refused = error.nearest_errno();
		}
	});
	CHECK(!moved.run() && refused == EBUSY);
	loop = std::move(moved);
	CHECK(loop.pending() == 0 && loop.stats().callbacks == 1);
	loop.close();
	loop.close();
	CHECK_ERRNO(loop.run(), EINVAL);
	CHECK_ERRNO(loop.call_soon([] {}), EINVAL);
}

/* Does that end a program, by std::terminate()? */
template <class F> static bool ends_a_program(F function)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		std::set_terminate([] { _exit(42); });
		function();
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 42;
}

TEST(what_cannot_go_on_ends_the_program_and_is_not_swallowed)
{
	CHECK(ends_a_program([] {
		auto loop = std::make_unique<ferry::loop>();

		loop->call_soon([&] { loop.reset(); }); /* under itself */
		loop->run();
	}));
	CHECK(ends_a_program([] {
		auto loop = std::make_unique<ferry::loop>();

		std::thread([&] { loop.reset(); }).join();
	}));
	CHECK(ends_a_program([] {
		ferry::loop loop;

		/* A host that does not ask what was thrown before the next is. */
		loop.call_soon([] { throw 1; });
		loop.call_soon([] { throw 2; });
		ferry_loop_dispatch(loop, 0);
		ferry_loop_dispatch(loop, 0);
	}));
	CHECK(!ends_a_program([] { ferry::loop(); }));
}

TEST(E1_another_thread_is_refused)
{
	census census;
	ferry::loop loop;

	std::thread([&] {
		CHECK_ERRNO(loop.run(), EPERM);
		CHECK_ERRNO(loop.call_soon([held = living(census)] {}), EPERM);
		CHECK_ERRNO(loop.close(), EPERM);
		CHECK_ERRNO(loop.fd(), EPERM);
	}).join();
	CHECK(census.alive == 0 && census.died == 1);
}

TEST(E1_and_is_not_told_what_was_thrown_for_the_loops_own)
{
	ferry::loop loop;

	loop.call_soon([] { throw 5; });
	CHECK(ferry_loop_dispatch(loop, 0) == 1);
	std::thread([&] { CHECK_ERRNO(loop.run_once(), EPERM); }).join();
	CHECK_THROWS(loop.rethrow(), int);
}

TEST(a_host_runs_it_by_its_descriptor)
{
	drained_pool pool;
	ferry::loop loop;
	int got = 0;

	CHECK(loop.next_deadline().is_never());
	loop.when_done(ferry::offload(loop, pool, [] { return 5; }),
		       [&](ferry::local<int> &local) { got = local.get(); });
	while (!got) {
		pollfd polled = { loop.fd(), POLLIN, 0 };

		if (!loop.next_deadline().is_never() || poll(&polled, 1, -1) == 1)
			loop.dispatch();
	}
	CHECK(got == 5);
}

TEST(E3_without_memory_nothing_is_to_be_called)
{
	census census;
	ferry::loop loop;

	CHECK_THROWS(without_memory(0, [&] { loop.call_soon([held = living(census)] {}); }),
		     std::bad_alloc);
	CHECK(census.alive == 0 && census.died == 1 && !loop.pending());
}

} // namespace loops
