/*
 * revoke: revoking a certificate and leaving the directory as `easyrsa revoke
 * NAME REASON` leaves it, and publishing a CRL.
 */
#ifndef CA_REVOKE_H
#define CA_REVOKE_H

#include "ca/names.h"
#include "ca/pki.h"

/* Whether all valid certificates of this name could be revoked, so that a new one can replace them; true of none.
 * ERR_NAME_TAKEN if one is not a client's, ERR_CA_PKI as crl_check. Changes nothing. */
int revoke_check(const struct ca *ca, const char *user, struct err *e);

/* The same of this one, whether it is valid or has expired; one that no file of the PKI has is taken for a client's.
 * done says what it is not, then: "revoked". */
int revoke_check_row(const struct ca *ca, const char *user, const struct name_row *row, const char *done,
		     struct err *e);

/* Whether anything can be revoked here: ERR_CA_PKI as crl_check, or if the PKI's files could not be replaced. */
int revoke_check_files(const struct ca *ca, struct err *e);

/*
 * Revokes the certificate with this serial for this reason (reason.h): row, CRL, files. Called under the lock; leaves a
 * record (record.h), so that a caller who goes on can extend it. *ret_revoked is the third column of the row, to be
 * freed; ret_revoked may be NULL. user is the name of its files, "" if it has none but that by serial.
 */
int revoke_row(struct ca *ca, const char *user, const char *serial, const char *reason, char **ret_revoked,
	       struct err *e);

/* The steps behind the record; each may have been done before. */
int revoke_finish(struct ca *ca, const char *user, const char *serial, const char *revoked, struct err *e);

#endif
