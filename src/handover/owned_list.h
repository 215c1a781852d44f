/*
 * owned_list: the list of what is the handover's own, and owned_compare, which
 * the parent calls. Apart from owned.c, because that one looks into archives
 * and the parent loads no library for these.
 */
#ifndef HANDOVER_OWNED_LIST_H
#define HANDOVER_OWNED_LIST_H

#include "core/blob.h"
#include "core/err.h"

#include <stdbool.h>

/* The list's file name, from malloc. */
char *owned_list_name(const char *user);

/* The list with a line end before its first line; nothing where there is none. ERR_SYSTEM if it cannot be read. */
int owned_read_list(struct blob *ret, const char *dir, const char *user, struct err *e);

bool owned_has_text(const struct blob *list, const char *text);

#endif
