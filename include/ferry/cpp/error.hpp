/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_ERROR_HPP
#define FERRY_CPP_ERROR_HPP
/*
 * Exceptions, both ways.
 *
 *   in C                                     in C++
 *   a ferry_error                            ferry::error
 *   one whose nearest errno is ETIMEDOUT     ferry::timed_out, which is a ferry::error
 *   cancelled                                ferry::cancelled, which is no std::exception
 *   domain "c++", or "errno" with a payload  the exception that was thrown, itself
 *
 * What C++ code throws in a job or a coroutine becomes a ferry_error that holds it, with its
 * message, and with its errno where it is a std::system_error: C code that looks at it sees what
 * it is, and C++ code that comes to it is thrown the very same object, on whatever thread.
 */
#include <cerrno>
#include <exception>
#include <ferry/cpp/deadline.hpp>
#include <new>
#include <system_error>
#include <utility>
#if defined __cpp_rtti
#include <typeinfo>
#endif

namespace ferry
{

/**
 * Thrown where a C call would leave as cancelled. It is no std::exception, so that code which
 * handles all of those does not go on as if nothing were: only catch (...) and itself catch it.
 */
class cancelled
{
      public:
	const char *what() const noexcept
	{
		return "cancelled";
	}
};

namespace detail
{

/* A reference to an error. */
class error_reference
{
      public:
	error_reference() noexcept = default;

	/* Becomes the holder of what is given. */
	static error_reference take(const ferry_error *error) noexcept
	{
		error_reference reference;

		reference.error_ = error;
		return reference;
	}

	static error_reference share(const ferry_error *error) noexcept
	{
		return take(ferry_error_ref(error));
	}

	error_reference(const error_reference &other) noexcept
		: error_(ferry_error_ref(other.error_))
	{
	}

	error_reference(error_reference &&other) noexcept
		: error_(std::exchange(other.error_, nullptr))
	{
	}

	error_reference &operator=(error_reference other) noexcept
	{
		std::swap(error_, other.error_);
		return *this;
	}

	~error_reference()
	{
		ferry_error_unref(error_);
	}

	const ferry_error *get() const noexcept
	{
		return error_;
	}

	const ferry_error *release() noexcept
	{
		return std::exchange(error_, nullptr);
	}

      private:
	const ferry_error *error_ = nullptr;
};

/* By the addresses of these it is known that the payload of an error is an exception_ptr: by no
 * other means could one tell whose payload it is. Where another library has a copy of its own that
 * cannot be seen here, what it threw is a ferry::error here. */
inline constexpr char thrown_domain[] = "c++";
inline constexpr char thrown_errno_domain[] = FERRY_DOMAIN_ERRNO;

/* The exception that an error stands for; NULL if it is an error of C. */
inline const std::exception_ptr *thrown_of(const ferry_error *error) noexcept
{
	const char *domain = ferry_error_domain(error);

	if (domain != thrown_domain && domain != thrown_errno_domain)
		return nullptr;
	return static_cast<const std::exception_ptr *>(ferry_error_payload(error));
}

inline void free_thrown(void *payload) noexcept
{
	delete static_cast<std::exception_ptr *>(payload);
}

/* An error that holds the exception which is being handled; ENOMEM where there is no memory. */
inline const ferry_error *hold_thrown(const char *domain, int number, const char *message) noexcept
{
	const ferry_error *error = nullptr;
	auto *payload = new (std::nothrow) std::exception_ptr(std::current_exception());

	if (!payload)
		return ferry_error_from_errno(ENOMEM);
	if (ferry_error_new(domain, number, message, payload, free_thrown, &error) < 0) {
		delete payload;
		return ferry_error_from_errno(ENOMEM);
	}
	return error;
}

inline const ferry_error *of_errno(int code) noexcept
{
	const ferry_error *error = ferry_error_from_errno(code);

	return error ? error : ferry_error_from_errno(EINVAL);
}

/* The number of an exception that is no errno. */
inline constexpr int thrown_number = 1;

} // namespace detail

/** Domain of errors that stand for exceptions of C++ which have no errno. */
inline constexpr const char *thrown_domain = detail::thrown_domain;

/** A ferry_error, thrown. Its code() is the errno nearest to it, in the generic category. */
class error : public std::system_error
{
      public:
	/** The one that stands for an errno, which is positive. */
	explicit error(int code) : error(detail::error_reference::share(detail::of_errno(code)))
	{
	}

	/** One of one's own. @domain is a string that outlives it; @message is copied. */
	error(const char *domain, int number, const char *message)
		: error(make(domain, number, message))
	{
	}

	/** One of C's, which is borrowed; NULL stands for EINVAL. */
	explicit error(const ferry_error *borrowed)
		: error(detail::error_reference::share(borrowed ? borrowed
								: detail::of_errno(EINVAL)))
	{
	}

	/** Whose number() it is. */
	const char *domain() const noexcept
	{
		return ferry_error_domain(error_.get());
	}

	/** The code within domain(). */
	int number() const noexcept
	{
		return ferry_error_number(error_.get());
	}

	/** What to tell a person. */
	const char *what() const noexcept override
	{
		return ferry_error_message(error_.get());
	}

	/** The errno nearest to it. */
	int nearest_errno() const noexcept
	{
		return ferry_error_errno(error_.get());
	}

	/** What its maker added; borrowed; NULL if that is nothing. */
	void *payload() const noexcept
	{
		return ferry_error_payload(error_.get());
	}

	/** As the C calls have it; borrowed. */
	const ferry_error *native_handle() const noexcept
	{
		return error_.get();
	}

      private:
	explicit error(detail::error_reference reference)
		: std::system_error(ferry_error_errno(reference.get()), std::generic_category()),
		  error_(std::move(reference))
	{
	}

	static detail::error_reference make(const char *domain, int number, const char *message)
	{
		const ferry_error *made = nullptr;
		int refused = ferry_error_new(domain, number, message, nullptr, nullptr, &made);

		if (refused == -ENOMEM)
			throw std::bad_alloc();
		if (refused)
			throw error(-refused);
		return detail::error_reference::take(made);
	}

	detail::error_reference error_;
};

/** Something took longer than it may. */
class timed_out : public error
{
      public:
	timed_out() : error(ETIMEDOUT)
	{
	}

	/** One of C's, which is borrowed, and whose nearest errno is ETIMEDOUT. */
	explicit timed_out(const ferry_error *borrowed) : error(borrowed)
	{
	}
};

/** Throws what a ferry_error stands for, see above. It is borrowed; NULL stands for EINVAL. */
[[noreturn]] inline void rethrow(const ferry_error *borrowed)
{
	if (const std::exception_ptr *thrown = detail::thrown_of(borrowed))
		std::rethrow_exception(*thrown);
	if (borrowed && borrowed == ferry_error_from_code(FERRY_ERROR_CANCELLED))
		throw cancelled();
	if (ferry_error_errno(borrowed) == ETIMEDOUT)
		throw timed_out(borrowed);
	throw error(borrowed);
}

/** What rethrow() would throw, not thrown. */
inline std::exception_ptr to_exception(const ferry_error *borrowed) noexcept
{
	try {
		rethrow(borrowed);
	} catch (...) {
		return std::current_exception();
	}
}

/**
 * The ferry_error that stands for the exception which is being handled. Inside a catch.
 * Ownership: a new reference. Never NULL: where there is no memory it is ENOMEM.
 */
inline const ferry_error *current_error() noexcept
{
	try {
		throw;
	} catch (const cancelled &) {
		return ferry_error_from_code(FERRY_ERROR_CANCELLED);
	} catch (const error &thrown) {
#if defined __cpp_rtti
		/* A class that somebody has made of it has more to carry. */
		if (typeid(thrown) != typeid(error) && typeid(thrown) != typeid(timed_out))
			return detail::hold_thrown(detail::thrown_errno_domain,
						   thrown.nearest_errno(), thrown.what());
#endif
		return ferry_error_ref(thrown.native_handle());
	} catch (const std::system_error &thrown) {
		const std::error_category &category = thrown.code().category();

		if ((category == std::generic_category() || category == std::system_category()) &&
		    thrown.code().value() > 0)
			return detail::hold_thrown(detail::thrown_errno_domain,
						   thrown.code().value(), thrown.what());
		return detail::hold_thrown(detail::thrown_domain, detail::thrown_number,
					   thrown.what());
	} catch (const std::bad_alloc &thrown) {
		return detail::hold_thrown(detail::thrown_errno_domain, ENOMEM, thrown.what());
	} catch (const std::exception &thrown) {
		return detail::hold_thrown(detail::thrown_domain, detail::thrown_number,
					   thrown.what());
	} catch (...) {
		return detail::hold_thrown(detail::thrown_domain, detail::thrown_number,
					   "an exception that is no std::exception");
	}
}

/** The ferry_error that stands for an exception, not NULL. Ownership: a new reference. */
inline const ferry_error *to_error(const std::exception_ptr &exception) noexcept
{
	try {
		std::rethrow_exception(exception);
	} catch (...) {
		return current_error();
	}
}

namespace detail
{

/* What a C call returned: thrown if it is a negative errno. */
inline int check(int returned)
{
	if (returned < 0)
		rethrow(of_errno(-returned));
	return returned;
}

/* The same for one that gives NULL and sets errno. */
template <class T> T *check(T *given)
{
	if (!given)
		rethrow(of_errno(errno));
	return given;
}

} // namespace detail
} // namespace ferry
#endif
