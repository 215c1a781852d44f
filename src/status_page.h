/*
 * status_page: the status as one page for a browser. It loads nothing and
 * needs no script; what comes from tokens and certificates is escaped.
 */
#ifndef STATUS_PAGE_H
#define STATUS_PAGE_H

#include "life/status.h"

/* Writes the page to path (0600, by a temporary file and a rename). ERR_SYSTEM names the path. */
int status_page_write(const char *path, const struct status *st, struct store *s, struct err *e);

#endif
