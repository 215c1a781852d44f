/*
 * pinletter_sheet: the page as bytes, PDF or PostScript. It has the PIN in it,
 * so it is kept in memory that has no name on a disk, is locked as far as the
 * limits allow, is left out of core files, and is wiped when freed. In a
 * program that has this module tmpfile (POSIX) is in memory, too, for cairo,
 * which writes a page in PostScript to a temporary file first.
 */
#ifndef HANDOVER_PINLETTER_SHEET_H
#define HANDOVER_PINLETTER_SHEET_H

#include "core/err.h"

#include <stddef.h>

#define PINLETTER_SHEET_MAX ((size_t)4 << 20) /* bytes; a page with its fonts has about 40,000 */

struct pinletter_sheet {
	int fd; /* of the same memory, for a program to read from; at its beginning */
	unsigned char *data;
	size_t len;
};

/* ERR_SYSTEM. */
int pinletter_sheet_open(struct pinletter_sheet *s, struct err *e);
/* Adds len bytes. Returns 0, or -1 if there is no more room. */
int pinletter_sheet_add(struct pinletter_sheet *s, const void *data, size_t len);
/* No more is added: what is read from fd ends behind the page. ERR_SYSTEM. */
int pinletter_sheet_finish(struct pinletter_sheet *s, struct err *e);
/* Wipes it, so nobody may still be reading from fd. Accepts one that is closed. */
void pinletter_sheet_close(struct pinletter_sheet *s);

#define PINLETTER_SHEET_INIT \
	{                    \
		-1, NULL, 0  \
	}

#endif
