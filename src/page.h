/*
 * page: one page for a browser, as a file of its own. It loads nothing and
 * needs no script; text of others stays text.
 */
#ifndef PAGE_H
#define PAGE_H

#include "core/file.h"

#include <stdio.h>

/* Everything before the first heading; style is CSS that only this page has. page_end is all behind the last one. */
void page_begin(FILE *out, const char *title, const char *style);
void page_end(FILE *out);

/* Text for HTML and SVG, with nothing in it that hides itself or turns what is around it. */
void page_text(FILE *out, const char *text);

/* Writes what fill puts there to path (0600, by a temporary file, fsync and a rename). ERR_SYSTEM names the path; what
 * fill fails by is told as it is. Only a file is replaced. */
int page_write(const char *path, file_fill_fn *fill, void *arg, struct err *e);

#endif
