/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_PLAYER_H
#define SEAM_PLAYER_H
/* Playing a scene once, and telling of a play that failed. */
#include <stdbool.h>

#include "seam/scene.h"
#include "seam/scheduler.h"

/* From here on a crash, or a run that hangs, is told with its schedule. */
void player_watch(const char *program);
/* Plays it by the schedule that has begun, on a machine like new; nothing may be left. */
struct run player_run(const struct scene *scene);
/* Tells of the failure by a schedule as short as can be, and how to play it again. */
void player_tell(const struct scene *scene, const char *failure);
/* Plays it by this schedule, step by step: false if it fails, or if that is no schedule. */
bool player_replay(const struct scene *scene, const char *schedule);

#endif
