/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpp/error.hpp: what an error of C is thrown as, and what a thrown one is in C.
 */
#include "living.hpp"
#include "tap.hpp"

#include <ferry.hpp>
#include <ios>
#include <stdexcept>
#include <string>

namespace errors
{

static_assert(std::is_base_of_v<std::system_error, ferry::error>);
static_assert(std::is_base_of_v<ferry::error, ferry::timed_out>);
static_assert(!std::is_base_of_v<std::exception, ferry::cancelled>,
	      "who handles every std::exception goes on after a cancel");
static_assert(std::is_nothrow_copy_constructible_v<ferry::error>, "as exceptions have to be");

/* A reference that goes at the end of a test. */
using held = ferry::detail::error_reference;

TEST(an_errno_is_thrown_as_an_error_that_std_knows)
{
	try {
		ferry::rethrow(ferry_error_from_errno(ENOENT));
	} catch (const std::system_error &thrown) {
		const auto &error = dynamic_cast<const ferry::error &>(thrown);

		CHECK(thrown.code() == std::errc::no_such_file_or_directory);
		CHECK(!std::strcmp(thrown.what(), "No such file or directory"));
		CHECK(!std::strcmp(error.domain(), FERRY_DOMAIN_ERRNO));
		CHECK(error.number() == ENOENT && error.nearest_errno() == ENOENT);
		CHECK(error.native_handle() == ferry_error_from_errno(ENOENT));
		return;
	}
	CHECK(!"it was thrown");
}

TEST(one_of_ones_own_has_all_that_it_was_given)
{
	ferry::error error("parser", 3, std::string("a bracket is missing").c_str());
	ferry::error copy = error;

	CHECK(!std::strcmp(copy.domain(), "parser") && copy.number() == 3);
	CHECK(!std::strcmp(copy.what(), "a bracket is missing"));
	CHECK(copy.nearest_errno() == EIO && !copy.payload());
	CHECK(copy.native_handle() == error.native_handle());
	CHECK_ERRNO(ferry::error(nullptr, 1, "without a domain"), EINVAL);
}

TEST(what_is_no_errno_stands_for_EINVAL)
{
	CHECK(ferry::error(0).number() == EINVAL);
	CHECK(ferry::error(-5).number() == EINVAL);
	CHECK(ferry::error(100000).number() == EINVAL);
	CHECK(ferry::error(static_cast<const ferry_error *>(nullptr)).number() == EINVAL);
	CHECK_ERRNO(ferry::rethrow(nullptr), EINVAL);
}

TEST(what_took_too_long_and_what_was_cancelled_have_classes_of_their_own)
{
	CHECK_THROWS(ferry::rethrow(ferry_error_from_errno(ETIMEDOUT)), ferry::timed_out);
	CHECK_THROWS(ferry::rethrow(ferry_error_from_code(FERRY_ERROR_TIMED_OUT)),
		     ferry::timed_out);
	CHECK_THROWS(ferry::rethrow(ferry_error_from_code(FERRY_ERROR_CANCELLED)),
		     ferry::cancelled);
	CHECK(held::take(ferry::to_error(std::make_exception_ptr(ferry::cancelled()))).get() ==
	      ferry_error_from_code(FERRY_ERROR_CANCELLED));
	CHECK(held::take(ferry::to_error(std::make_exception_ptr(ferry::timed_out()))).get() ==
	      ferry_error_from_errno(ETIMEDOUT));
}

TEST(E2_an_error_thrown_and_caught_is_the_same_error_of_C)
{
	ferry::error error("parser", 3, "a bracket is missing");
	held again = held::take(ferry::to_error(std::make_exception_ptr(error)));

	CHECK(again.get() == error.native_handle());
	CHECK(held::take(ferry::to_error(std::make_exception_ptr(ferry::error(EACCES)))).get() ==
	      ferry_error_from_errno(EACCES));
}

TEST(the_very_object_that_was_thrown_comes_back)
{
	const void *thrown = nullptr, *caught = nullptr;
	held error;

	try {
		throw std::out_of_range("beyond the end");
	} catch (const std::exception &exception) {
		thrown = &exception;
		error = held::take(ferry::current_error());
	}
	CHECK(!std::strcmp(ferry_error_domain(error.get()), ferry::thrown_domain));
	CHECK(!std::strcmp(ferry_error_message(error.get()), "beyond the end"));
	CHECK(ferry_error_errno(error.get()) == EIO);
	try {
		ferry::rethrow(error.get());
	} catch (const std::out_of_range &exception) {
		caught = &exception;
	}
	CHECK(caught == thrown);
	CHECK_THROWS(std::rethrow_exception(ferry::to_exception(error.get())), std::out_of_range);
}

struct disk_full : std::system_error {
	explicit disk_full(int disk)
		: std::system_error(ENOSPC, std::generic_category(), "disk"), disk(disk)
	{
	}

	int disk;
};

struct disk_error : ferry::error {
	explicit disk_error(int disk) : ferry::error(ENOSPC), disk(disk)
	{
	}

	int disk;
};

/* What C sees of it is the errno; what C++ sees is all of it. */
template <class T> static void check_disk(std::string message)
{
	held error = held::take(ferry::to_error(std::make_exception_ptr(T(7))));
	int disk = 0;

	CHECK(!std::strcmp(ferry_error_domain(error.get()), FERRY_DOMAIN_ERRNO));
	CHECK(ferry_error_number(error.get()) == ENOSPC &&
	      ferry_error_errno(error.get()) == ENOSPC);
	CHECK(ferry_error_message(error.get()) == message);
	try {
		ferry::rethrow(error.get());
	} catch (const T &thrown) {
		disk = thrown.disk;
	}
	CHECK(disk == 7);
}

TEST(a_system_error_keeps_its_errno_and_its_class)
{
	check_disk<disk_full>("disk: No space left on device");
}

TEST(a_class_that_somebody_made_of_error_keeps_what_it_added)
{
	check_disk<disk_error>("No space left on device");
}

TEST(a_system_error_of_another_category_is_no_errno)
{
	std::system_error other(4, std::iostream_category());
	held error = held::take(ferry::to_error(std::make_exception_ptr(other)));

	CHECK(!std::strcmp(ferry_error_domain(error.get()), ferry::thrown_domain));
	CHECK(ferry_error_errno(error.get()) == EIO);
	CHECK_THROWS(ferry::rethrow(error.get()), std::system_error);
}

TEST(anything_can_be_thrown)
{
	held error = held::take(ferry::to_error(std::make_exception_ptr(42)));
	int thrown = 0;

	CHECK(!std::strcmp(ferry_error_message(error.get()),
			   "an exception that is no std::exception"));
	try {
		ferry::rethrow(error.get());
	} catch (int number) {
		thrown = number;
	}
	CHECK(thrown == 42);
}

struct carrier : std::exception {
	explicit carrier(census &census) : carried(std::make_shared<living>(census))
	{
	}

	std::shared_ptr<living> carried;
};

TEST(E2_what_was_thrown_goes_once_with_the_last_reference)
{
	census census;
	const ferry_error *error = ferry::to_error(std::make_exception_ptr(carrier(census))),
			  *other;

	other = ferry_error_ref(error);
	ferry_error_unref(error);
	CHECK(census.alive == 1);
	ferry_error_unref(other);
	CHECK(census.alive == 0 && census.died == 1);
}

/* Whose payload it is cannot be known by what the domain says. */
TEST(an_error_of_C_in_a_domain_that_is_called_so_as_well_is_none_of_ours)
{
	static char payload[] = "a text", domain[] = "c++", errno_domain[] = "errno";
	const ferry_error *error;

	for (const char *each : { domain, errno_domain }) {
		CHECK(ferry_error_new(each, 5, "of C", payload, nullptr, &error) == 0);
		held held = held::take(error);

		CHECK_THROWS(ferry::rethrow(error), ferry::error);
	}
}

TEST(E3_without_memory_it_is_ENOMEM_and_without_memory_itself_too)
{
	std::exception_ptr thrown = std::make_exception_ptr(std::out_of_range("beyond the end"));
	const ferry_error *error = without_memory(0, [&] { return ferry::to_error(thrown); });

	CHECK(error == ferry_error_from_errno(ENOMEM));
	held no_memory = held::take(ferry::to_error(std::make_exception_ptr(std::bad_alloc())));
	CHECK(ferry_error_errno(no_memory.get()) == ENOMEM);
	CHECK_THROWS(ferry::rethrow(no_memory.get()), std::bad_alloc);
}

TEST(a_deadline_is_made_of_what_chrono_has)
{
	using namespace std::chrono_literals;
	std::uint64_t before = ferry_now_ns();
	ferry::deadline soon = 5s, past = -5s, now = std::chrono::steady_clock::now();

	CHECK(ferry::deadline().is_never() && ferry::deadline().ns() == FERRY_NO_DEADLINE);
	CHECK(soon.ns() >= before + 5000000000 && soon.ns() <= ferry_now_ns() + 5000000000);
	CHECK(past.ns() >= before && past.ns() <= ferry_now_ns());
	CHECK(now.ns() >= before && now.ns() <= ferry_now_ns());
	CHECK(ferry::deadline(std::chrono::hours::max()).is_never());
	CHECK(ferry::deadline(std::chrono::hours::min()).ns() <= ferry_now_ns());
	CHECK(ferry::deadline(std::chrono::duration<double>(1e300)).is_never());
	CHECK(ferry::deadline(1.5ms).ns() >= before + 1500000);
	CHECK(ferry::deadline(std::chrono::steady_clock::time_point::max()).is_never() ||
	      ferry::deadline(std::chrono::steady_clock::time_point::max()).ns() > UINT64_C(1)
											   << 62);
	CHECK(ferry::deadline::at_ns(7).ns() == 7);
}

} // namespace errors
