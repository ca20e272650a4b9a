/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CPP_STAGE_HPP
#define CPP_STAGE_HPP
/*
 * What coroutines are tried on: a loop, an event that nobody has set, and who lives.
 *
 *	stage stage;
 *	auto task = stage.waits("a").begin(stage.loop);      the order is now "a("
 *	ferry_event_set(&stage.event);
 *	stage.loop.run();                                    the order is now "a()"
 */
#include "living.hpp"
#include "pools.hpp"

#include <string>

#if defined FERRY_COROUTINES

struct stage {
	stage()
	{
		CHECK(ferry_event_init(&event, loop) == 0);
		loop.set_exception_handler([this](std::exception_ptr) { told++; });
	}

	/* Notes where its body is left, however that is. */
	class inside
	{
	      public:
		inside(stage &of, const char *name) : of_(of), held_(of.bodies)
		{
			of.order += name;
			of.order += '(';
		}

		~inside()
		{
			of_.order += ')';
		}

	      private:
		stage &of_;
		living held_;
	};

	ferry::task<int> waits(const char *name, int result = 1)
	{
		inside inside(*this, name);

		co_await event;
		co_return result;
	}

	/* Everything of the loop is done, and nothing was lost. */
	bool is_empty()
	{
		return bodies.alive == 0 && loop.stats().tasks == 0;
	}

	census bodies;
	std::string order;
	int told = 0; /* to the exception handler */
	ferry::loop loop;
	ferry_event event;
};

/* ---- coroutines that end ---- */

template <class T> ferry::task<T> gives(T value)
{
	co_return std::move(value);
}

template <class T> ferry::task<T> gives_later(T value)
{
	co_await ferry::yield();
	co_return std::move(value);
}

inline ferry::task<int> throws(int how)
{
	co_await ferry::yield();
	if (how == 0)
		throw std::out_of_range("beyond");
	if (how == 1)
		throw ferry::error(EACCES);
	throw how;
}

#endif
#endif
