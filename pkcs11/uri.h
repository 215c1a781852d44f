/*
 * uri: a key on a token, as a PKCS#11 URI names it (RFC 7512):
 * "pkcs11:token=Admin;object=recovery?module-path=/usr/lib/…". Only text; any
 * process may use it.
 */
#ifndef PKCS11_URI_H
#define PKCS11_URI_H

#include "core/blob.h"
#include "core/err.h"

#include <stdbool.h>

struct p11_uri {
	char label[33], manufacturer[33], model[17], serial[17]; /* "": any */
	char object[256];                                        /* CKA_LABEL; "": any */
	struct blob id;                                          /* CKA_ID; empty: any */
	char *module;                                            /* path, or p11-kit name; NULL: none is named */
	char *pin_file;                                          /* of pin-source; NULL: none is named */
};

/* Whether a text is meant as a URI and not as the path of a file. */
bool p11_uri_is(const char *text);

/*
 * Path attributes token, serial, manufacturer, model, object, id, and type if it is "private"; query attributes
 * module-path, module-name and pin-source, which is the path of a file or a "file:" URI. ERR_USAGE for any other, for
 * what p11-kit cannot parse, and for a pin-value: whoever sees the command line would see the PIN. The message shows
 * nothing of the URI's query then.
 */
int p11_uri_parse(struct p11_uri *ret, const char *text, struct err *e);

/* Frees what is in it. */
void p11_uri_clear(struct p11_uri *u);

/* Whether it says anything of the token. */
bool p11_uri_names_token(const struct p11_uri *u);

/* Whether a token, with the fields of CK_TOKEN_INFO without their blanks, is one that may be meant. */
bool p11_uri_fits(const struct p11_uri *u, const char *label, const char *manufacturer, const char *model,
		  const char *serial);

#endif
