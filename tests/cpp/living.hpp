/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CPP_LIVING_HPP
#define CPP_LIVING_HPP
/*
 * Objects that are counted, and memory that is refused.
 *
 *	census census;
 *	{ living one(census), other(std::move(one)); }
 *	CHECK(census.alive == 0 && census.died == 1);      one was moved, and is no death
 *
 *	CHECK_THROWS(without_memory(0, [&] { ... }), std::bad_alloc);
 */
#include <atomic>
#include <ferry/cpp/result.hpp>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <utility>

/* How many live, and died, and by whom the last one was destroyed. */
struct census {
	std::atomic<int> alive{ 0 }, died{ 0 };
	std::atomic<pthread_t> by{};
};

/* Cannot be copied. One that was moved from is nobody; a second death of one would be seen. */
class living
{
      public:
	explicit living(census &in) : in_(&in)
	{
		++in.alive;
	}

	living(living &&other) noexcept : in_(std::exchange(other.in_, nullptr))
	{
	}

	living &operator=(living &&other) noexcept
	{
		std::swap(in_, other.in_);
		return *this;
	}

	~living()
	{
		if (!in_)
			return;
		in_->by = pthread_self();
		--in_->alive;
		++in_->died;
	}

	explicit operator bool() const
	{
		return in_;
	}

      private:
	census *in_;
};

/* Its destructor blocks, so it is for a worker. */
struct blocking_living : living {
	using living::living;
};

template <> inline constexpr bool ferry::destructor_blocks<blocking_living> = true;

/* How many allocations from now on one fails; negative: none. */
inline thread_local int memory_left = -1;

/* Calls @function with the allocation of that number refused. */
template <class F> auto without_memory(int number, F function)
{
	struct guard {
		~guard()
		{
			memory_left = -1;
		}
	} guard;

	memory_left = number;
	return function();
}

#endif
