/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_RESULT_HPP
#define FERRY_CPP_RESULT_HPP
/*
 * Results: a value of any type as the small value that a future carries, and back.
 *
 *   void                                nothing
 *   integers, enums                     the number, as C code would read it
 *   small, and copied by its bytes      its bytes
 *   references                          the address
 *   all else that can be moved          a box, with a disposer that destroys it
 *
 * A box is destroyed once: by whoever takes the value out, or by its disposer.
 */
#include <cstring>
#include <ferry/cpp/error.hpp>
#include <memory>
#include <type_traits>

namespace ferry
{

/**
 * May destroying a T block: close a file, wait for a server? Then specialize this as true, and one
 * that nobody took is never destroyed on a loop's thread, but on a worker of the pool:
 *
 *	template <> inline constexpr bool ferry::destructor_blocks<connection> = true;
 *
 * That is so for jobs, promises, and tasks that are submitted. What any other coroutine returned
 * lies in it, and is destroyed with it, on its loop's thread.
 */
template <class T> inline constexpr bool destructor_blocks = false;

namespace detail
{

template <class T> constexpr bool fits_in_bytes() noexcept
{
	if constexpr (std::is_void_v<T> || std::is_reference_v<T>)
		return false;
	else
		return std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> &&
		       std::is_copy_constructible_v<T> && /* C may copy it, too */
		       sizeof(T) <= sizeof(std::uint64_t);
}

template <class T> inline constexpr bool is_small = fits_in_bytes<T>();
template <class T>
inline constexpr bool is_boxed = !std::is_void_v<T> && !std::is_reference_v<T> && !is_small<T>;

/* Where a value lies that does not fit; whoever makes one constructs and destroys it. */
template <class T> struct box {
	union {
		std::remove_const_t<T> value;
	};

	box() noexcept
	{
	}

	~box()
	{
	}
};

template <class T>
inline constexpr ferry_disposer_kind disposer_kind =
	destructor_blocks<T> ? FERRY_DISPOSE_BLOCKING : FERRY_DISPOSE_ANYWHERE;

/* A box that is a block of its own. */
template <class T> struct own_box : box<T> {
	static void dispose(const ferry_result *result) noexcept
	{
		auto *own = static_cast<own_box *>(static_cast<box<T> *>(result->pointer));

		own->value.~T();
		delete own;
	}

	static constexpr ferry_disposer disposer = { disposer_kind<T>, dispose };
};

/* A value that is small. */
template <class T> ferry_result pack_small(T value) noexcept
{
	ferry_result result = ferry_result_u64(0);

	if constexpr (std::is_enum_v<T>)
		return pack_small(static_cast<std::underlying_type_t<T>>(value));
	else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
		result.i64 = value;
	else if constexpr (std::is_integral_v<T>)
		result.u64 = value;
	else
		std::memcpy(&result.u64, std::addressof(value), sizeof(value));
	return result;
}

template <class T> T unpack_small(const ferry_result &result) noexcept
{
	if constexpr (std::is_enum_v<T>) {
		return static_cast<T>(unpack_small<std::underlying_type_t<T>>(result));
	} else if constexpr (std::is_integral_v<T>) {
		return static_cast<T>(result.u64);
	} else {
		box<T> copy;

		std::memcpy(static_cast<void *>(std::addressof(copy.value)), &result.u64,
			    sizeof(T));
		return copy.value;
	}
}

/* The result that stands for a value. */
template <class T, class... Value> ferry_result pack(Value &&...value)
{
	if constexpr (std::is_void_v<T>) {
		static_assert(!sizeof...(Value), "there is no value of void");
		return ferry_result_u64(0);
	} else if constexpr (std::is_reference_v<T>) {
		static_assert(!std::is_lvalue_reference_v<T> ||
				      (std::is_lvalue_reference_v<Value> && ...),
			      "what this would refer to is about to go");
		/* Of what T refers to, which may be a base of what is given. */
		std::remove_reference_t<T> *address = std::addressof(value...);

		return ferry_result_pointer(
			const_cast<void *>(static_cast<const volatile void *>(address)), nullptr);
	} else if constexpr (is_small<T>) {
		static_assert(std::is_constructible_v<T, Value...>,
			      "no value of that type is made of this");
		return pack_small<std::remove_const_t<T>>(T(std::forward<Value>(value)...));
	} else {
		auto own = std::make_unique<own_box<T>>();

		::new (static_cast<void *>(std::addressof(own->value)))
			T(std::forward<Value>(value)...);
		return ferry_result_pointer(static_cast<box<T> *>(own.release()),
					    &own_box<T>::disposer);
	}
}

inline void dispose(const ferry_result &result) noexcept
{
	if (result.disposer)
		result.disposer->dispose(&result);
}

/* The value that a result stands for, taken out of it: the result is gone. */
template <class T> T unpack(const ferry_result &result)
{
	if constexpr (std::is_void_v<T>) {
		dispose(result);
	} else if constexpr (std::is_reference_v<T>) {
		return static_cast<T>(*static_cast<std::remove_reference_t<T> *>(result.pointer));
	} else if constexpr (is_small<T>) {
		return unpack_small<std::remove_const_t<T>>(result);
	} else {
		struct guard {
			const ferry_result &of;

			~guard()
			{
				dispose(of);
			}
		} guard{ result };

		return std::move(static_cast<box<T> *>(result.pointer)->value);
	}
}

/* Why a future or a local that is done has no result: thrown. Nothing if it has one. */
inline void require_result(const ferry_snapshot &snapshot)
{
	if (!snapshot.done)
		throw error(EAGAIN);
	if (snapshot.cancelled)
		throw cancelled();
	if (snapshot.exception)
		rethrow(snapshot.exception);
}

} // namespace detail
} // namespace ferry
#endif
