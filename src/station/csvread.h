/*
 * csvread: records of a CSV file (RFC 4180), one after the other, in bounded
 * memory, whatever is in the file. What spreadsheets export is read as well:
 * a byte order mark, ';' or a tab between the columns (found from the first
 * line, or named by Excel's "sep=;"), LF or CR at the end of lines, empty
 * lines and columns behind the last. The parent process reads with it.
 *
 * It is not libcsv, because that tells neither the line of a record nor which
 * fault it has.
 */
#ifndef STATION_CSVREAD_H
#define STATION_CSVREAD_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define CSVREAD_FIELD_MAX 4096                 /* bytes of one field */
#define CSVREAD_RECORD_MAX ((size_t)128 << 10) /* of all fields of a record */
#define CSVREAD_COLUMNS_MAX 256

struct csvread;

struct csvread_record {
	long line;                 /* where it begins; the file's first line is 1 */
	const char *const *fields; /* UTF-8, line ends in them are LF, without quotes; good until the next call */
	size_t n;
	const char *fault; /* why the record cannot be used, and then it has no fields; NULL */
};

/* Opens a file, or standard input for "-". ERR_ROSTER: a file of another kind (UTF-16, a spreadsheet's own format),
 * empty, not readable. */
int csvread_open(struct csvread **ret, const char *path, struct err *e);

/* Closes; accepts NULL and nulls the pointer. */
void csvread_close(struct csvread **r);

/* The next record that has anything but blanks in it; *ret_there is false behind the last. ERR_SYSTEM if reading fails,
 * ERR_INTERRUPTED. */
int csvread_next(struct csvread *r, bool *ret_there, struct csvread_record *ret, struct err *e);

/* ',', ';' or a tab. */
char csvread_separator(const struct csvread *r);

/* Whether the file begins with a byte order mark. */
bool csvread_has_bom(const struct csvread *r);

#endif
