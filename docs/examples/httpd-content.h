/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_CONTENT_H
#define HTTPD_CONTENT_H
/* What an exchange is answered with: a file, a part of one, or the names in a folder. */
#include "httpd-exchange.h"

/* Answer with what is at the exchange's path. */
void content_open(struct exchange *exchange);

#endif
