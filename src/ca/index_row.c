/*
 * index_row: one row of index.txt, its columns and what may be in them.
 */
#include "ca/index.h"
#include "ca/index_impl.h"
#include "core/xalloc.h"

#include <string.h>

#define SERIAL_DIGITS_MAX 40 /* RFC 5280, 4.1.2.2 */

static bool is_upper_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static unsigned two_digits(const char *p)
{
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* The length of the UTCTime or GeneralizedTime at p, 0 if there is none. */
static size_t date_length(const char *p, const char *end)
{
	size_t n = 0;
	while (p + n < end && n < 15 && p[n] >= '0' && p[n] <= '9')
		n++;
	if ((n != 12 && n != 14) || p + n == end || p[n] != 'Z')
		return 0;
	const char *m = p + n - 10;
	bool good = two_digits(m) - 1 < 12 && two_digits(m + 2) - 1 < 31 && two_digits(m + 4) < 24 &&
		    two_digits(m + 6) < 60 && two_digits(m + 8) < 60;
	return good ? n + 1 : 0;
}

/* The revocation column of an R row: a date, and after a comma the reason. */
static const char *parse_revoked(const char *p, const char *end, struct index_row *row)
{
	const char *tab = memchr(p, '\t', (size_t)(end - p));
	row->revoked = (struct span){p, tab != NULL ? (size_t)(tab - p) : 0};
	if (tab == NULL)
		return "has too few columns";
	size_t date = date_length(p, tab);
	if (row->status == 'R' && (date == 0 || (p + date != tab && p[date] != ',')))
		return "has a bad revocation date";
	return row->status != 'R' && tab != p ? "is not revoked but has a revocation date" : NULL;
}

static const char *parse_serial(const char *p, const char *end, struct index_row *row)
{
	size_t n = 0;
	while (p + n < end && is_upper_hex(p[n]))
		n++;
	row->serial = (struct span){p, n};
	if (p + n < end && p[n] != '\t')
		return p[n] >= 'a' && p[n] <= 'f' ? "has a serial in lowercase hex" : "has a serial that is not hex";
	if (p + n == end)
		return "has too few columns";
	if (n == 0 || n % 2 != 0 || n > SERIAL_DIGITS_MAX)
		return "has a serial with an odd, missing or excessive number of digits";
	return NULL;
}

/* The last two columns. */
static const char *parse_subject(const char *p, const char *end, struct index_row *row)
{
	const char *tab = memchr(p, '\t', (size_t)(end - p));
	if (tab == NULL)
		return "has too few columns";
	row->subject = (struct span){tab + 1, (size_t)(end - tab - 1)};
	if (row->subject.len == 0)
		return "has no subject";
	return memchr(tab + 1, '\t', row->subject.len) != NULL ? "has too many columns" : NULL;
}

const char *index_parse_row(const char *p, const char *end, struct index_row *row)
{
	row->line = (struct span){p, (size_t)(end - p)};
	if (p == end)
		return "is blank";
	if (memchr(p, '\0', row->line.len) != NULL)
		return "has a NUL byte in it, at which openssl stops reading";
	row->status = *p;
	if (*p != 'V' && *p != 'R' && *p != 'E')
		return "has a status that is none of V, R and E";
	if (end - p < 2 || p[1] != '\t')
		return "has too few columns";
	p += 2;
	size_t date = date_length(p, end);
	row->not_after = (struct span){p, date};
	if (date == 0 || p + date == end || p[date] != '\t')
		return "has a bad expiry date";
	p += date + 1;
	const char *fault = parse_revoked(p, end, row);
	if (fault != NULL)
		return fault;
	p += row->revoked.len + 1;
	fault = parse_serial(p, end, row);
	return fault != NULL ? fault : parse_subject(p + row->serial.len + 1, end, row);
}

char *span_text(struct span s)
{
	return xasprintf("%.*s", (int)s.len, s.p);
}

time_t index_time(struct span s)
{
	struct tm tm = {0};
	const char *m = s.p + (s.len == 15 ? 4 : 2);
	unsigned year = two_digits(s.p);
	if (s.len == 15)
		year = year * 100 + two_digits(s.p + 2);
	else
		year += year < 50 ? 2000 : 1900; /* RFC 5280, 4.1.2.5.1 */
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)two_digits(m) - 1;
	tm.tm_mday = (int)two_digits(m + 2);
	tm.tm_hour = (int)two_digits(m + 4);
	tm.tm_min = (int)two_digits(m + 6);
	tm.tm_sec = (int)two_digits(m + 8);
	return timegm(&tm);
}
