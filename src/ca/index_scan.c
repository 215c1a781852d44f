/*
 * index_scan: the fast part of checking index.txt. A million rows have to be
 * read while a token makes its key, so the common row is compared in blocks
 * of sixteen bytes.
 */
#include "ca/index_impl.h"

#include <string.h>

#define DATE_AT 2
#define SERIAL_AT 17
#define FILE_AT 50
#define SUBJECT_AT 58

typedef unsigned char block __attribute__((vector_size(16)));

/* All bytes of a mask (0x00 or 0xFF each) set. */
static bool all(block mask)
{
	uint64_t half[2];
	memcpy(half, &mask, sizeof half);
	return (half[0] & half[1]) == UINT64_MAX;
}

static bool upper_hex(const char *p)
{
	block b;
	memcpy(&b, p, sizeof b);
	return all((block)((b - '0') < 10) | (block)((b - 'A') < 6));
}

static unsigned two_digits(const char *p)
{
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* YYMMDDHHMMSSZ TAB TAB and one byte more. */
static bool utc_time(const char *p)
{
	static const block any = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255};
	block b;
	memcpy(&b, p, sizeof b);
	return all((block)((b - '0') < 10) | any) && p[12] == 'Z' && two_digits(p + 2) - 1 < 12 &&
	       two_digits(p + 4) - 1 < 31 && two_digits(p + 6) < 24 && two_digits(p + 8) < 60 &&
	       two_digits(p + 10) < 60;
}

/* The first byte below ' ' from p on, or end. */
static const char *first_control(const char *p, const char *end)
{
	for (block b; end - p >= (ptrdiff_t)sizeof b; p += sizeof b) {
		memcpy(&b, p, sizeof b);
		if (!all((block)(b >= ' ')))
			break;
	}
	while (p < end && (unsigned char)*p >= ' ')
		p++;
	return p;
}

size_t index_plain_row(const char *p, const char *end, struct index_row *row)
{
	if (end - p <= SUBJECT_AT || p[0] != 'V' || p[1] != '\t' || p[15] != '\t' || p[16] != '\t' ||
	    !utc_time(p + DATE_AT) || !upper_hex(p + SERIAL_AT) || !upper_hex(p + SERIAL_AT + 16) ||
	    memcmp(p + FILE_AT - 1, "\tunknown\t", 9) != 0)
		return 0;
	const char *subject = p + SUBJECT_AT, *lf = first_control(subject, end);
	if (lf == end || *lf != '\n' || lf == subject)
		return 0;
	row->status = 'V';
	row->serial = (struct span){p + SERIAL_AT, 32};
	row->subject = (struct span){subject, (size_t)(lf - subject)};
	return (size_t)(lf - p) + 1;
}
