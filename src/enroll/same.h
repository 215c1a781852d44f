/*
 * same: which token is which: the one that is meant by an option, the same one
 * in a new list, and its identity in the inventory. Parent only.
 *
 * Manufacturer, model and serial number make a token, of some kinds with its
 * label (serial = shared in the profile). A card with several PINs is shown as
 * several tokens that differ by nothing but label and slot.
 */
#ifndef ENROLL_SAME_H
#define ENROLL_SAME_H

#include "enroll/worker.h"

/* As the inventory knows it. Where the serial number is shared, that is SERIAL/LABEL there. */
void same_identify(const struct worker_token *t, const struct profile *p, struct store_token *ret);

/* The other way round: what is not in the inventory is 0. */
void same_recall(const struct store_token *id, struct worker_token *ret);

/* Whether it is the token of the inventory. */
bool same_is(const struct worker_token *t, const struct profile *p, const struct store_token *id);

/* Whether it is called so; NULL: by any name. A serial number may also be as in the inventory. */
bool same_is_called(const struct worker_token *t, const char *serial, const char *reader, const char *label);

/* The one of a new list, of the same module, that was chosen before; NULL if it is not there, or cannot be told from
 * another one. Its label may be another one by now, unless that is part of what it is. */
const struct worker_token *same_find(const struct worker_token *list, size_t n, const struct worker_token *t,
				     const struct profile *p);

#endif
