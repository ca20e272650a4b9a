/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dates. The program sets no locale, so that the names of days and months are those of HTTP. */
#include "httpd-date.h"

void date_write(time_t second, char text[DATE_BYTES])
{
	struct tm parts;

	/* A year that no int holds. */
	if (!gmtime_r(&second, &parts) ||
	    !strftime(text, DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &parts))
		date_write(0, text);
}

void date_refresh(struct date *date)
{
	time_t now = time(NULL);
	struct tm parts;

	if (now == date->second)
		return;
	date->second = now;
	date_write(now, date->http);
	gmtime_r(&now, &parts);
	strftime(date->log, sizeof(date->log), "%d/%b/%Y:%H:%M:%S +0000", &parts);
}

bool date_read(const char *text, time_t *ret)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", /* of RFC 850 */
		"%a %b %e %H:%M:%S %Y"       /* of asctime() */
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm parts = { 0 };
		const char *end = strptime(text, forms[i], &parts);

		if (end && !*end) {
			*ret = timegm(&parts);
			return true;
		}
	}
	return false;
}

time_t date_second(int64_t time_ns)
{
	return (time_t)(time_ns / 1000000000 - (time_ns % 1000000000 < 0));
}
