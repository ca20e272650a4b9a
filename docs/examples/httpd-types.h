/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_TYPES_H
#define HTTPD_TYPES_H
/* Media types, by the ending of a name. */

/* Never NULL: what nobody knows is a stream of bytes. */
const char *type_of(const char *path);

#endif
