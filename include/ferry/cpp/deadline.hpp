/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_DEADLINE_HPP
#define FERRY_CPP_DEADLINE_HPP
/*
 * What all of the C++ part needs first: a compiler that can, and points in time.
 *
 * A deadline is what the C calls take, nanoseconds of CLOCK_MONOTONIC, made of what C++ has:
 * std::chrono::steady_clock counts the same clock.
 */
#if __cplusplus < 201703L
#error "ferry.hpp needs C++17"
#endif
#if !defined __cpp_exceptions
#error "ferry.hpp needs exceptions; without them use <ferry.h>"
#endif

#include <chrono>
#include <cstdint>
#include <ferry/base.h>

namespace ferry
{

/** A point in time, or never. Made of a delay (from now), or of a time of steady_clock. */
class deadline
{
      public:
	/** Never. */
	constexpr deadline() noexcept = default;

	/** So long from now; one that is negative has passed. */
	template <class Rep, class Period>
	deadline(std::chrono::duration<Rep, Period> delay) noexcept : ns_(ferry_in_ns(count(delay)))
	{
	}

	/** At that time. */
	template <class Duration>
	deadline(std::chrono::time_point<std::chrono::steady_clock, Duration> time) noexcept
		: ns_(count(time.time_since_epoch()))
	{
	}

	/** As the C calls have it: absolute, FERRY_NO_DEADLINE for never. */
	static constexpr deadline at_ns(std::uint64_t ns) noexcept
	{
		deadline at;

		at.ns_ = ns;
		return at;
	}

	/** As the C calls have it. */
	constexpr std::uint64_t ns() const noexcept
	{
		return ns_;
	}

	/** Is it one that never comes? */
	constexpr bool is_never() const noexcept
	{
		return ns_ == FERRY_NO_DEADLINE;
	}

      private:
	/* As nanoseconds, from none to never. What does not fit is seen before it is converted; and
	 * what is no number at all is never. */
	template <class Rep, class Period>
	static std::uint64_t count(std::chrono::duration<Rep, Period> duration) noexcept
	{
		double seconds = std::chrono::duration<double>(duration).count();

		if (!(seconds < 9.2e9))
			return FERRY_NO_DEADLINE;
		if (seconds <= 0)
			return 0;
		return static_cast<std::uint64_t>(
			std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
	}

	std::uint64_t ns_ = FERRY_NO_DEADLINE;
};

} // namespace ferry
#endif
