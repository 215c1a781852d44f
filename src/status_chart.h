/*
 * status_chart: how many certificates end in which month, as an SVG that is
 * part of a page. It is read in black and white, by its numbers, and by a
 * screen reader.
 */
#ifndef STATUS_CHART_H
#define STATUS_CHART_H

#include "life/status.h"

#include <stdio.h>

int status_chart(FILE *out, const struct status *st, struct store *s, struct err *e);

#endif
