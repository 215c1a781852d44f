/*
 * roster_impl: what the files of the roster share while it is read.
 */
#ifndef STATION_ROSTER_IMPL_H
#define STATION_ROSTER_IMPL_H

#include "station/csvread.h"
#include "station/roster.h"

struct roster_reading {
	struct roster *r;
	struct roster_faults *faults;
	unsigned key_types;
	size_t n_columns;
	/* What each column is: a roster_column, ROSTER_COLUMN_COUNT + i for the further one number i, -1 without a
	 * name. */
	int columns[CSVREAD_COLUMNS_MAX];
};

/* Notes that a line cannot be used; those with the least numbers are kept, in their order. */
void roster_fault_add(struct roster_faults *f, long line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ERR_ROSTER, for the faults that were found, of which there is at least one. Returns -1. */
int roster_refuse(const char *path, const struct roster_faults *f, struct err *e);

/* A value as it is shown in a message: cut if it is long, and made fit. */
#define ROSTER_SHOWN_MAX 48
const char *roster_shown(char ret[ROSTER_SHOWN_MAX], const char *value);

/* Copies a value without the blanks around it; other line breaks and tabs in it become blanks. Returns the end of the
 * copy, behind its NUL; ret needs as much room as value has. */
char *roster_trim(char *ret, const char *value);

/* Understands the first record. What is wrong with it is noted. */
void roster_take_header(struct roster_reading *x, const struct csvread_record *rec);

/* Checks one person's record and adds it. What is wrong with it is noted. */
void roster_take_line(struct roster_reading *x, const struct csvread_record *rec);

/* Finds those who are named twice, also by names of one file, and tokens that are meant for two. */
void roster_find_twins(const struct roster *r, struct roster_faults *f);

#endif
