/*
 * adopt: what others have made comes into the inventory: certificates that
 * index.txt has, and tokens that were enrolled by hand. Each call is one
 * transaction, and doing it again changes nothing.
 */
#ifndef STORE_ADOPT_H
#define STORE_ADOPT_H

#include "store/store.h"

/* A row of index.txt, and its certificate if there is a file of it. */
struct adopt_row {
	const char *serial; /* uppercase hex */
	const char *name;   /* whose it is */
	const char *subject;
	const char *purpose; /* "client", "server", "both", "" */
	const char *state;   /* "valid", "revoked", "expired" */
	const char *reason;
	time_t not_after, revoked;
	const struct blob *cert, *spki; /* DER; empty if not known */
};

struct adopt_counts {
	size_t added;   /* rows that the inventory did not know */
	size_t changed; /* that index.txt says something else about now */
	size_t known;   /* nothing was new */
};

/*
 * Takes in rows. A row that a credential has is only noted there as revoked, or not: its state stays as the work left
 * it, so that the next enrollment asks whether that person may get in again. ret is added to.
 */
int store_adopt(struct store *s, const struct adopt_row *rows, size_t n, struct adopt_counts *ret, struct err *e);

/* The newest valid certificate that no credential has with this public key (SPKI, DER), not one that has expired or is
 * a server's; of several the one that ends at prefer. Fills user, spki, cert, cert_serial and not_after of *ret, the
 * rest stays. *ret_gone says that there are only others: revoked, expired, or a server's. */
int store_adopt_find(struct store *s, const struct blob *spki, time_t prefer, bool *ret_found, bool *ret_gone,
		     struct store_credential *ret, struct err *e);

/* Whether a credential of this key on this token has not ended. */
int store_has_key(struct store *s, const struct store_token *t, const struct blob *spki, bool *ret, struct err *e);

/* Puts c into the inventory as delivered, with the way 'adopt', in the place of the certificate that no credential had;
 * id, token.id, state and the times are set. Its csr may be empty. */
int store_adopt_token(struct store *s, struct store_credential *c, struct err *e);

#endif
