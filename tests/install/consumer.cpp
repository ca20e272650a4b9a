/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user's program in C++: prints 42, which a worker worked out. */
#include <cstdio>
#include <ferry.hpp>

int main()
{
	ferry::pool pool;
	ferry::loop loop;
	int number = 21;

	std::printf("%d\n", loop.run(ferry::offload(loop, pool, [=] { return 2 * number; })));
}
