/*
 * listing: all objects on a token, described for people and for comparing.
 * Worker process only.
 */
#ifndef PKCS11_LISTING_H
#define PKCS11_LISTING_H

#include "core/blob.h"
#include "pkcs11/token.h"

#include <time.h>

struct p11_listed {
	CK_OBJECT_CLASS class;
	bool private, nobodys; /* CKA_PRIVATE; see p11_object_is_nobodys */
	struct blob id;
	char label[65];   /* as the token has it, cut */
	char subject[65]; /* CN of a certificate's subject */
	time_t not_after; /* of a certificate, else 0 */
	struct blob spki; /* of a certificate or public key, DER */
	bool strange;     /* a certificate that is none of ours, see ours.h */
};

/* In any process. Nulls the pointer. */
void p11_listed_free(struct p11_listed **list, size_t n);

/* What can be seen as whoever is logged in. known: the inventory's certificates of this token, see ours.h. *ret comes
 * from malloc, for p11_listed_free. */
int p11_listing_read(const struct p11_token *t, const struct blob *known, struct p11_listed **ret, size_t *ret_n,
		     struct err *e);

/* Deletes every object that can be seen, whoever made it. *ret_n is how many went. Objects that describe the token
 * itself stay, and what is deleted together with another one counts once. */
int p11_listing_delete_all(const struct p11_token *t, size_t *ret_n, struct err *e);

#endif
