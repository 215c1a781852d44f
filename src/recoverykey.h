/*
 * recoverykey: --recovery-key as the verbs understand it: the path of a file,
 * or a PKCS#11 URI.
 */
#ifndef RECOVERYKEY_H
#define RECOVERYKEY_H

#include "options.h"
#include "pkcs11/uri.h"

struct recoverykey {
	const char *file;          /* NULL: it is on a token, or not given */
	const struct p11_uri *uri; /* into own; NULL: it is in a file, or not given */
	const char *pin_file;      /* the option's, else the URI's; NULL: ask */
	struct p11_uri own;
};

/* ERR_USAGE for a URI that cannot be used, and for a PIN's file without a token. What it points to is o's and its own.
 */
int recoverykey_parse(struct recoverykey *ret, const struct options *o, struct err *e);
void recoverykey_clear(struct recoverykey *k);

/* The text that the PIN of the recovery token is asked with. */
struct worker_token;
void recoverykey_question(char *ret, size_t size, const struct worker_token *t);

#endif
