/*
 * csvread_impl: what the files of csvread share: the bytes that were read and
 * the record that comes about.
 */
#ifndef STATION_CSVREAD_IMPL_H
#define STATION_CSVREAD_IMPL_H

#include "station/csvread.h"

struct csvread {
	int fd;
	bool own_fd;
	char *name; /* for messages */
	char separator;
	bool bom;

	unsigned char buf[1 << 16];
	size_t at, len;
	bool ended;  /* there is nothing behind buf */
	bool failed; /* reading did, by e */
	struct err e;
	long line; /* of the next byte */

	/* the record */
	char text[CSVREAD_RECORD_MAX]; /* its fields, each with a NUL */
	size_t used, begun;            /* bytes in it, and where the field begins that is being read */
	const char *fields[CSVREAD_COLUMNS_MAX];
	size_t n;
	bool filled; /* there is something but blanks in it */
	bool high;   /* there is something beyond ASCII in it */
	char fault[160];
};

/* Reads what comes next behind what is left in buf, in which there must be room. */
int csvread_fill(struct csvread *r, struct err *e);

#endif
