/*
 * crlserved: what keeps a VPN server from working with the file of [ca] crl
 * although the CRL of this CA in there is good: a folder that its user cannot
 * enter, the CRL of a CA above (crlabove.h), or that somebody whom index.txt
 * calls revoked is not on it, because no CRL was made since.
 */
#ifndef CA_CRLSERVED_H
#define CA_CRLSERVED_H

#include "ca/published.h"

/* crl is the one that the server reads, or NULL. Of ca the published file, the CAs above and the index are looked at as
 * far as they are there. */
void crlserved_look(const struct ca *ca, const struct crls *c, const struct certlist *crl, struct ca_crl_served *ret);

/* The first part of the path, to be freed, that keeps out everybody but root and us; NULL if there is none. */
char *crlserved_closed_part(const char *path);

#endif
