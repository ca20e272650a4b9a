/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
/* Errors, as those see them who have to know how long one lives. */
#include <ferry/base.h>
#include <stdbool.h>

/* Made by ferry_error_new(): gone when nobody holds it. All others live for ever. */
bool error_is_counted(const ferry_error *error);

#endif
