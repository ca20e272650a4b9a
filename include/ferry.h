/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_H
#define FERRY_H
/* All of libferry. Read the parts upward: base, future, pool and loop, bridge, task, fs. */
#include <ferry/base.h>
#include <ferry/future.h>
#include <ferry/pool.h>
#include <ferry/loop.h>
#include <ferry/bridge.h>
#include <ferry/task.h>
#include <ferry/fs.h>
#endif
