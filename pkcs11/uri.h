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
	bool has_slot;
	unsigned long slot;
	struct blob id; /* CKA_ID; empty: any */
	char *module;   /* of module-path, else of module-name; NULL: none is named */
	char *pin_file; /* of pin-source; NULL: none is named */
};

/* Where a URI comes from, for what is said of its faults. */
struct p11_uri_use {
	enum err_code code; /* ERR_USAGE, ERR_CONFIG */
	const char *what;   /* "the recovery key" */
	const char *asked;  /* how the PIN comes without the URI: "asked for, or read from --recovery-pin-file" */
};

/* Whether a text is meant as a URI and not as the path of a file. */
bool p11_uri_is(const char *text);

/*
 * Path attributes token, serial, manufacturer, model, slot-id, object, id, and type if it is "private"; query
 * attributes module-path, module-name and pin-source, which is the path of a file or a "file:" URI. use->code for any
 * other, for what p11-kit cannot parse, and for a pin-value: it would be seen where the URI is. The message shows
 * nothing of the URI's query then.
 */
int p11_uri_parse(struct p11_uri *ret, const char *text, const struct p11_uri_use *use, struct err *e);

/* Frees what is in it. */
void p11_uri_clear(struct p11_uri *u);

/* Whether it says anything of the token. */
bool p11_uri_names_token(const struct p11_uri *u);

/* Whether a token, with the fields of CK_TOKEN_INFO without their blanks, is one that may be meant. */
bool p11_uri_fits(const struct p11_uri *u, const char *label, const char *manufacturer, const char *model,
		  const char *serial);

/* uri_module.c: the library that it names, on this machine, to be freed: module-path, or module-name with what RFC 7512
 * (2.3) leaves out ("lib", ".so"), where distributions put modules; NULL if it names none, or none that is there. */
char *p11_uri_module_path(const struct p11_uri *u);

#endif
