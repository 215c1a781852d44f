/*
 * revoke: revoking a certificate and leaving the directory as `easyrsa revoke
 * NAME superseded` leaves it, and publishing a CRL.
 */
#ifndef CA_REVOKE_H
#define CA_REVOKE_H

#include "ca/pki.h"

/* Whether all valid certificates of this name could be revoked, so that a new one can replace them; true of none.
 * ERR_NAME_TAKEN if one is not a client's, ERR_CA_PKI as crl_check. Changes nothing. */
int revoke_check(const struct ca *ca, const char *user, struct err *e);

/*
 * Revokes the certificate with this serial as superseded: row, CRL, files. Called under the lock; leaves a record
 * (record.h), so that a caller who goes on can extend it. *ret_revoked is the third column of the row, to be freed.
 */
int revoke_superseded(struct ca *ca, const char *user, const char *serial, char **ret_revoked, struct err *e);

/* The steps behind the record; each may have been done before. */
int revoke_finish(struct ca *ca, const char *user, const char *serial, const char *revoked, struct err *e);

#endif
