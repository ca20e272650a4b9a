/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CPP_TAP_HPP
#define CPP_TAP_HPP
/*
 * Tests in C++, by the Test Anything Protocol.
 *
 *	namespace errors
 *	{
 *	TEST(an_errno_is_thrown_as_an_error)
 *	{
 *		CHECK(ferry::error(ENOENT).number() == ENOENT);
 *		CHECK_THROWS(ferry::rethrow(error), std::out_of_range);
 *	}
 *	}
 *
 * The tests run one after the other. What is thrown out of one fails it. A hang becomes a failure:
 * the alarm ends the program.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <semaphore.h>
#include <unistd.h>

namespace tap
{

struct failed {
	const char *file, *what;
	unsigned line;
};

inline void check(bool holds, const char *file, unsigned line, const char *what)
{
	if (!holds)
		throw failed{ file, what, line };
}

struct test {
	test(const char *file, const char *name, void (*body)())
		: file(file), name(name), body(body)
	{
		*end() = this;
		end() = &next;
	}

	static test *&first()
	{
		static test *first;

		return first;
	}

	static test **&end()
	{
		static test **end = &first();

		return end;
	}

	const char *file, *name;
	void (*body)();
	test *next = nullptr;
};

/* Nothing, or what went wrong. */
inline bool run(const test &test)
{
	try {
		test.body();
		return true;
	} catch (const failed &at) {
		std::fprintf(stderr, "%s:%u: %s\n", at.file, at.line, at.what);
	} catch (const std::exception &thrown) {
		std::fprintf(stderr, "%s: thrown: %s\n", test.name, thrown.what());
	} catch (...) {
		std::fprintf(stderr, "%s: something was thrown\n", test.name);
	}
	return false;
}

/* All of them, or those whose names have @part in them. */
inline int run_all(const char *part)
{
	int number = 0, wrong = 0;

	for (const test *each = test::first(); each; each = each->next) {
		const char *slash = std::strrchr(each->file, '/');
		const char *file = slash ? slash + 1 : each->file;
		bool holds;

		if (part && !std::strstr(each->name, part))
			continue;
		alarm(120);
		holds = run(*each);
		wrong += !holds;
		std::printf("%sok %d - %.*s: %s\n", holds ? "" : "not ", ++number,
			    static_cast<int>(std::strcspn(file, ".")), file, each->name);
		std::fflush(stdout);
	}
	std::printf("1..%d\n", number);
	return wrong != 0;
}

/* Where a thread waits until another lets it go on. */
class gate
{
      public:
	gate()
	{
		sem_init(&semaphore_, 0, 0);
	}

	gate(const gate &) = delete;
	gate &operator=(const gate &) = delete;

	~gate()
	{
		sem_destroy(&semaphore_);
	}

	void wait()
	{
		while (sem_wait(&semaphore_))
			;
	}

	void open()
	{
		sem_post(&semaphore_);
	}

      private:
	sem_t semaphore_;
};

} // namespace tap

#define TEST(name)                                                                                 \
	static void name();                                                                        \
	static const tap::test name##_test(__FILE__, #name, name);                                 \
	static void name()

#define CHECK(condition) tap::check(static_cast<bool>(condition), __FILE__, __LINE__, #condition)

#define CHECK_THROWS(expression, type)                                                             \
	do {                                                                                       \
		bool thrown_ = false;                                                              \
		try {                                                                              \
			static_cast<void>(expression);                                             \
		} catch (const type &) {                                                           \
			thrown_ = true;                                                            \
		}                                                                                  \
		tap::check(thrown_, __FILE__, __LINE__, #expression " throws " #type);             \
	} while (0)

/* A negative errno that is thrown as ferry::error. */
#define CHECK_ERRNO(expression, code)                                                              \
	do {                                                                                       \
		int thrown_ = 0;                                                                   \
		try {                                                                              \
			static_cast<void>(expression);                                             \
		} catch (const ferry::error &error_) {                                             \
			thrown_ = error_.nearest_errno();                                          \
		}                                                                                  \
		tap::check(thrown_ == (code), __FILE__, __LINE__, #expression " throws " #code);   \
	} while (0)

#endif
