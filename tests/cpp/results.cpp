/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/result.hpp: results whose types are odd: constant, references to what is only a part, types
 * that say what & is, or that have functions called as ours are.
 */
#include "pools.hpp"
#include "tap.hpp"

#include <string>

namespace results
{

struct left {
	long number = 1;
};

struct right {
	long number = 2;
};

struct both : left, right {
};

TEST(F7_a_reference_is_to_the_part_that_is_meant)
{
	ferry::promise<right &> reference;
	ferry::promise<const right *> pointer;
	both object;

	CHECK(reference.set_value(object) && pointer.set_value(&object));
	CHECK(&reference.get_future().get() == &static_cast<right &>(object));
	CHECK(pointer.get_future().get() == &static_cast<right &>(object));
}

/* ---- constant ---- */

static const std::string text()
{
	return std::string(100, 'x');
}

static const right number()
{
	return {};
}

TEST(a_function_may_return_what_is_constant)
{
	drained_pool pool;
	ferry::promise<const int> promise;

	CHECK(pool.pool.submit(text).get().size() == 100);
	CHECK(pool.pool.submit(number).get().number == 2);
	CHECK(promise.set_value(5) && promise.get_future().get() == 5);
}

static volatile int written;

TEST(a_reference_may_be_to_what_is_volatile)
{
	drained_pool pool;

	pool.pool.submit([]() -> volatile int & { return written; }).get() = 5;
	CHECK(written == 5);
}

/* ---- types of others ---- */

namespace others
{

struct item {
	void operator&() const = delete;

	int value;
};

struct parcel {
	std::string text;
};

template <class T, class... Value> int pack(Value &&...)
{
	return -1;
}

} // namespace others

TEST(what_a_type_brings_along_is_not_taken_for_ours)
{
	drained_pool pool;

	CHECK(pool.pool.submit([] { return others::item{ 5 }; }).get().value == 5);
	CHECK(pool.pool.submit([] { return others::parcel{ "x" }; }).get().text == "x");
	CHECK(others::pack<int>() == -1);
}

} // namespace results
