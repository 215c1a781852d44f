/*
 * xalloc: allocation that does not return NULL. Every process here is short
 * and its journal is on disk, so running out of memory ends it with a message
 * instead of adding a failure path to every line.
 */
#ifndef CORE_XALLOC_H
#define CORE_XALLOC_H

#include <stddef.h>

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
