/*
 * subject: the distinguished name of a user by the vars' DN mode, with the
 * order and the string types that `easyrsa gen-req` and `openssl ca` give it.
 */
#ifndef CA_SUBJECT_H
#define CA_SUBJECT_H

#include "ca/vars.h"

#include <openssl/x509.h>

/* ERR_CA_PKI if a REQ_ field does not fit its attribute (e.g. a country of three letters). */
int subject_build(X509_NAME **ret, const struct vars *vars, const char *user, struct err *e);

/* The last common name, to be freed; NULL if there is none, or one with a NUL in it. */
char *subject_cn(const X509_NAME *name);

/* Whether the last common name of a subject is exactly this. */
bool subject_has_cn(const X509_NAME *name, const char *cn);

#endif
