/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_TRACE_H
#define SEAM_TRACE_H
/* Where in the source a step was made, for people. */

/* The file, line and function of a return address: text that is valid until the next call. */
const char *trace_place(const void *address);

#endif
