/*
 * orphan: keys that are on a card but not shown by the module, because making
 * them was cut off, and what is left where deleting them was: struct
 * profile_orphan says how they are found. Of keys only those that were not
 * there before we began can be ours. Worker process only.
 */
#ifndef PKCS11_ORPHAN_H
#define PKCS11_ORPHAN_H

#include "core/blob.h"
#include "pkcs11/token.h"

/* The names of all keys that are on the card now, for p11_orphans_delete at another time; empty if the profile knows no
 * way to find out, or the card does not say. */
int p11_orphans_mark(const struct p11_token *t, struct blob *ret, struct err *e);

/* How many keys a mark names. */
size_t p11_orphans_count(const struct blob *mark);

/* A mark that says that there were no keys. */
void p11_orphans_none(struct blob *ret);

/*
 * Deletes the keys that were made since the mark was, and that the module does not show. The user has to be logged in,
 * and is logged in once more by the secret that is known, because another file is selected then. Nothing happens with
 * an empty mark.
 */
int p11_orphans_delete(struct p11_token *t, const struct blob *mark, struct err *e);

/*
 * Deletes what is left of a key of ours that is gone because deleting it was cut off: its description, which has this
 * CKA_ID in it, long and random as ours are. Login as with p11_orphans_delete.
 */
int p11_orphans_forget(struct p11_token *t, const struct blob *cka_id, struct err *e);

#endif
