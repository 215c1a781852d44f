/*
 * trailui: the audit trail on stdout, record by record: a table for people,
 * one JSON document, or CSV.
 */
#ifndef TRAILUI_H
#define TRAILUI_H

#include "options.h"
#include "store/trail.h"

/* ERR_SYSTEM if stdout takes no more. */
int trailui_list(struct store *s, const struct trail_filter *f, const struct options *o, struct err *e);

#endif
