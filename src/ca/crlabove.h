/*
 * crlabove: the CRLs of the CAs above an intermediate one, in the published
 * file. An OpenVPN server checks the whole chain
 * (X509_V_FLAG_CRL_CHECK_ALL). It passes over a CRL that it does not find,
 * but one that is there and has expired makes it refuse everybody.
 */
#ifndef CA_CRLABOVE_H
#define CA_CRLABOVE_H

#include "ca/pki.h"

/* A note for each CA above whose newest CRL in the published file has expired. Nothing without [ca] crl. */
void crlabove_note(const struct ca *ca);

/* Which of these CAs has a CRL in the file that ends before the others', and when; "" and 0 if none has one. */
void crlabove_first(const struct ca *ca, const struct blob *file, char *ret_name, size_t size, time_t *ret_until);

#endif
