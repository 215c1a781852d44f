/*
 * csv: lines of comma-separated values (RFC 4180).
 */
#ifndef CSV_H
#define CSV_H

#include <stddef.h>
#include <stdio.h>

/*
 * One line. Texts are made fit to be shown (core/clean.h); those that a spreadsheet would take for a formula, by their
 * first character, get a ' before it: tokens and environments choose what is in them.
 */
void csv_line(FILE *out, const char *const *values, size_t n);

#endif
