/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_H
#define FERRY_FS_H
/*
 * Floor 6: file calls and lookups whose outcome is a local.
 *
 *   inline   the kernel has the answer in its caches and says so without waiting: the
 *            local is done when the call returns, and nobody else took part
 *   pool     a worker makes the call, as for ferry_offload()
 *
 * Which of the two is the policy's business (<ferry/fs/options.h>); the outcome is the
 * same. Each returns a local as ferry_offload() does: a refusal is a local born failed,
 * NULL only for wrong arguments or no memory. Callbacks of a local that is done are called
 * from the loop, and a task that awaits it goes on at once.
 *
 * What a worker writes lies in the request itself, so a call that hangs can be abandoned:
 * results are borrowed from the local until its last reference is dropped, unless they
 * say that they can be taken. ferry_fs_result_...() give them with their types.
 */
#include <ferry/fs/attribute.h>
#include <ferry/fs/counters.h>
#include <ferry/fs/data.h>
#include <ferry/fs/directory.h>
#include <ferry/fs/lookup.h>
#include <ferry/fs/name.h>
#include <ferry/fs/open.h>
#include <ferry/fs/options.h>
#include <ferry/fs/root.h>
#include <ferry/fs/stat.h>

#endif
