/*
 * objects: what is on the token, and what of it is lost when it is emptied.
 */
#ifndef LIFE_OBJECTS_H
#define LIFE_OBJECTS_H

#include "life/life.h"

struct life_objects {
	struct p11_listed *list;
	bool *ours; /* of a credential of the inventory, by list */
	size_t n;
	size_t n_somebodys; /* those that are not the token's own */
	bool all_seen;      /* also what wants a PIN to be seen */
};

/* What can be seen on the token that is open in this worker, ours and foreign certificates told apart; and whether one
 * of that is of a credential of the inventory. */
int life_list_objects(struct life *l, const struct store_token *id, struct worker *w, struct p11_listed **ret,
		      size_t *ret_n, struct err *e);
int life_is_ours(struct life *l, const struct store_token *id, const struct p11_listed *o, bool *ret, struct err *e);

/* Opens the token and lists it; logged in also what is private, with this PIN or, on a token with a PIN pad, with what
 * is entered there. The session stays open. */
int life_objects_read(struct life *l, bool login, struct secret *pin, struct life_objects *ret, struct err *e);
void life_objects_free(struct life_objects *o);

/* "a key pair and certificate of alice; 2 objects that tokenroll did not make (CN …)". */
void life_objects_text(const struct life *l, const struct life_objects *o, char *ret, size_t size);

#endif
