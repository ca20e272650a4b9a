/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CPP_POOLS_HPP
#define CPP_POOLS_HPP
/*
 * Pools for tests: one that is busy until it is let go, and one whose jobs have all returned when
 * it goes.
 */
#include "tap.hpp"

#include <ferry.hpp>

/* A pool of one worker, which is kept busy until it is let go. */
struct busy_pool {
	busy_pool() : pool(one_worker())
	{
		occupant = pool.submit([this] {
			inside.open();
			leave.wait();
		});
		inside.wait();
	}

	~busy_pool()
	{
		let_go();
		pool.shutdown();
	}

	void let_go()
	{
		if (std::exchange(is_held, false))
			leave.open();
	}

	static ferry::pool_options one_worker()
	{
		ferry::pool_options options;

		options.max_threads = 1;
		return options;
	}

	bool is_held = true;
	tap::gate inside, leave;
	ferry::pool pool;
	ferry::future<> occupant;
};

/* A pool whose jobs have all returned when it goes: what they borrow is there. */
struct drained_pool {
	~drained_pool()
	{
		pool.shutdown();
	}

	operator ferry_pool *() const
	{
		return pool;
	}

	ferry::pool pool;
};

#endif
