/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_HPP
#define FERRY_HPP
/*
 * All of libferry for C++: a library of headers over <ferry.h>, from C++17 on; with C++20 tasks are
 * coroutines. Read the parts in this order; docs/cpp.md leads through them.
 *
 *   cpp/deadline.hpp   points in time
 *   cpp/error.hpp      exceptions, both ways
 *   cpp/result.hpp     values of any type as results
 *   cpp/job.hpp        anything that can be called as a job
 *   cpp/future.hpp     concurrent futures and promises
 *   cpp/pool.hpp       pools and lanes
 *   cpp/local.hpp      loop-local futures: offload, wrap, watch
 *   cpp/call.hpp       what a loop is yet to call
 *   cpp/loop.hpp       loops, timers, calls from other threads
 *   cpp/fs.hpp         file calls
 *   cpp/frame.hpp      a coroutine as a task
 *   cpp/task.hpp       tasks: begun, spawned, submitted
 *   cpp/await.hpp      what they can wait for
 *   cpp/group.hpp      several at once, and deadlines
 *
 * A class has the name of what it is of in C, holds one reference, and goes where C wants a pointer
 * to that, so that every call of <ferry.h> can be used beside it. What a call of C returns as a
 * negative errno is thrown, as ferry::error. What is true of a call of C (its threads, its
 * outcomes, who owns what) is true here.
 */
#include <ferry.h>
#include <ferry/cpp/fs.hpp>
#include <ferry/cpp/group.hpp>
#include <ferry/cpp/loop.hpp>
#endif
