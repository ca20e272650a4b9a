/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the tests that it is linked with: all, or those whose names have a part in them.
 *   test_cpp20 [PART]
 */
#include "tap.hpp"

int main(int argc, char **argv)
{
	return tap::run_all(argc > 1 ? argv[1] : nullptr);
}
