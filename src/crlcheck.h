/*
 * crlcheck: `tokenroll crl --check`, in the manner of monitoring plugins: one
 * line, and an exit status of its own.
 */
#ifndef CRLCHECK_H
#define CRLCHECK_H

#include "options.h"

/* 0 fine, 1 warning, 2 critical, 3 it cannot be told. Has said all there is to say. */
int crlcheck(const struct options *o);

#endif
