/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Boost.Asio's co_spawn() as a contestant, in the way that its manual shows: a completion
 * handler joins the children, post() is a turn, and a timer that never expires is an event.
 */
#include "measure.h"
#include "peers.h"

#include <utility> /* which Asio forgets */

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <vector>

namespace
{

namespace asio = boost::asio;
using asio::awaitable;
using asio::steady_timer;
using asio::use_awaitable;

struct side {
	const peer_task *how;
	/* One thread runs it, and it may know that. */
	asio::io_context context{ 1 };
	uint64_t sum = 0;
	unsigned ended = 0;

	explicit side(const peer_task *its) : how(its)
	{
	}
};

void run_context(asio::io_context &context)
{
	context.run();
	context.restart();
}

void check(std::exception_ptr exception)
{
	if (exception)
		measure_fail("a coroutine failed");
}

/* ---- children ---- */

awaitable<unsigned> child(bool suspends)
{
	if (suspends)
		co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
	co_return PEER_RESULT;
}

void run_children(side &side, uint64_t batches)
{
	for (; batches; batches--) {
		side.ended = 0;
		for (unsigned i = 0; i < PEER_BATCH; i++)
			asio::co_spawn(side.context, child(i % 10 < side.how->number),
				       [&side](std::exception_ptr exception, unsigned result) {
					       check(exception);
					       side.sum += result;
					       side.ended++;
				       });
		run_context(side.context);
		if (side.ended != PEER_BATCH)
			measure_fail("children were lost");
	}
}

awaitable<void> call_children(side &side, uint64_t calls)
{
	for (; calls; calls--)
		side.sum += co_await child(false);
}

/* ---- ping-pong ---- */

struct player {
	steady_timer mine;
	uint64_t switches = 0;

	explicit player(asio::io_context &context) : mine(context, steady_timer::time_point::max())
	{
	}
};

awaitable<void> play(player &player, steady_timer &others, uint64_t left)
{
	boost::system::error_code cancelled;

	for (; left; left--) {
		co_await player.mine.async_wait(asio::redirect_error(use_awaitable, cancelled));
		player.switches++;
		others.cancel();
	}
}

void run_pairs(side &side, uint64_t operations)
{
	std::size_t count = 2 * std::size_t(side.how->number);
	std::vector<std::unique_ptr<player>> players(count);
	uint64_t sum = 0;

	for (auto &player : players)
		player = std::make_unique<struct player>(side.context);
	for (std::size_t i = 0; i < count; i++)
		asio::co_spawn(side.context,
			       play(*players[i], players[i ^ 1]->mine, operations / count), check);
	/* Behind the last of them, which all wait by then. */
	asio::post(side.context, [&players] {
		for (std::size_t i = 0; i < players.size(); i += 2)
			players[i]->mine.cancel();
	});
	run_context(side.context);
	for (auto &player : players)
		sum += player->switches;
	if (sum != operations)
		measure_fail("switches were lost");
}

/* ---- many that are suspended ---- */

struct sleepers_side {
	unsigned count;
	asio::io_context context{ 1 };
	steady_timer gate{ context, steady_timer::time_point::max() };
	uint64_t sum = 0;

	explicit sleepers_side(unsigned its) : count(its)
	{
	}
};

awaitable<unsigned> sleep(steady_timer &gate)
{
	boost::system::error_code cancelled;

	co_await gate.async_wait(asio::redirect_error(use_awaitable, cancelled));
	co_return PEER_RESULT;
}

void *open_sleepers(ferry_loop *, unsigned count)
{
	return new sleepers_side(count);
}

void create_sleepers(void *opened)
{
	auto *side = static_cast<sleepers_side *>(opened);

	for (unsigned i = 0; i < side->count; i++)
		asio::co_spawn(side->context, sleep(side->gate),
			       [side](std::exception_ptr exception, unsigned result) {
				       check(exception);
				       side->sum += result;
			       });
	/* They begin to wait; then nothing is left that could run now. */
	side->context.poll();
	side->context.restart();
}

void end_sleepers(void *opened)
{
	auto *side = static_cast<sleepers_side *>(opened);

	side->sum = 0;
	side->gate.cancel();
	run_context(side->context);
	if (side->sum != uint64_t(side->count) * PEER_RESULT)
		measure_fail("coroutines were lost");
}

void close_sleepers(void *opened)
{
	delete static_cast<sleepers_side *>(opened);
}

} // namespace

/* ---- for C ---- */

void *peer_asio_open(ferry_loop *, const void *how)
{
	return new side(static_cast<const peer_task *>(how));
}

void peer_asio_run(void *opened, uint64_t operations)
{
	side &its = *static_cast<side *>(opened);

	its.sum = 0;
	switch (its.how->shape) {
	case PEER_CHILDREN:
		run_children(its, operations / PEER_BATCH);
		break;
	case PEER_ONE_BY_ONE:
		asio::co_spawn(its.context, call_children(its, operations), check);
		run_context(its.context);
		break;
	case PEER_PING_PONG:
		run_pairs(its, operations);
		return;
	}
	if (its.sum != operations * PEER_RESULT)
		measure_fail("children were lost");
}

void peer_asio_close(void *opened)
{
	delete static_cast<side *>(opened);
}

const struct sleepers peer_asio_sleepers = {
	open_sleepers,
	create_sleepers,
	end_sleepers,
	close_sleepers,
};
