/*
 * chain: the CA's certificate and those above it, up to the root.
 */
#ifndef CA_CHAIN_H
#define CA_CHAIN_H

#include "ca/pki.h"

/*
 * Reads [ca] cert, whose first certificate is the CA's, and [ca] chain: fills ca->cert, ca->above and ca->not_after.
 * *ret_pem has all of them as PEM without text, each once, as a profile needs them. ERR_CA_PKI if one of the files
 * cannot be read, or the CA's certificate is none of a CA or not valid now. Whether the chain leads to a root is not
 * asked here but by accept.h.
 */
int chain_read(struct ca *ca, const struct config_ca *cfg, struct blob *ret_pem, struct err *e);

/* Fills ca->above where ca->cert is there already, for who only looks: as far as the files can be read, and nothing is
 * judged. */
void chain_read_above(struct ca *ca, const struct config_ca *cfg);

/* Whether it is a root: signed by its own key. */
bool chain_is_root(X509 *cert);

/* "2026-11-26 08:00 UTC" */
void chain_date(char *ret, size_t size, const ASN1_TIME *t);

#endif
