/*
 * table: rows as people and spreadsheets read them, one after the other, so
 * that a list of any length takes no memory. What a cell says may come from a
 * token: nothing in it is a command to a terminal.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdio.h>

struct table_column {
	const char *title;
	int width; /* in columns of the terminal; the last one's does not matter */
};

/* The titles, then each row: all but the last column are filled up to their width. A cell that is wider gets a line of
 * its own, below which the row goes on, so that nothing is cut off. */
void table_titles(FILE *out, const struct table_column *columns, size_t n);
void table_row(FILE *out, const struct table_column *columns, size_t n, const char *const *cells);

/* "  name         value", with the value broken between words so that it fits 80 columns; nothing if it is empty. */
void table_field(FILE *out, const char *name, const char *value);

/* A text behind so many blanks, broken in the same way. */
void table_text(FILE *out, int indent, const char *text);

/* How many columns of a terminal a text takes; UTF-8. */
int table_width(const char *text);

#endif
