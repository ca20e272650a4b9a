/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands in the place of operator new: it refuses where living.hpp says so. Aligned memory is
 * not refused.
 */
#include "living.hpp"

#include <cstdlib>

/* Is it the turn of one that fails? */
static bool is_refused()
{
	if (memory_left < 0)
		return false;
	return memory_left-- == 0;
}

void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
	return is_refused() ? nullptr : std::malloc(size ? size : 1);
}

void *operator new(std::size_t size)
{
	void *memory = operator new(size, std::nothrow);

	if (!memory)
		throw std::bad_alloc();
	return memory;
}

void operator delete(void *memory) noexcept
{
	std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}
