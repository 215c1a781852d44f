/*
 * names: who has a name by index.txt, and the files that go with it.
 */
#ifndef CA_NAMES_H
#define CA_NAMES_H

#include "ca/pki.h"

struct name_row {
	char serial[CA_SERIAL_HEX_MAX];
	time_t not_after;
	X509 *cert; /* NULL if no file of the PKI has it */
};

#define NAME_ROW_INIT       \
	{                   \
		"", 0, NULL \
	}

/* The next row of this name that is valid: V, and not expired whether or not update-db was run. Frees what was in
 * *row; the caller frees it in the end. *pos begins at 0. */
bool names_next_valid(const struct ca *ca, const char *user, size_t *pos, struct name_row *row);
void names_row_free(struct name_row *row);

/* Whether this row of the index is one of this name. */
bool names_has(const struct ca *ca, const char *user, const struct index_row *row);

/* The certificate with this serial, from where the PKI keeps those of this name; NULL if no file has it. */
X509 *names_certificate(const struct ca *ca, const char *user, const char *serial);

/* The one with this serial of those that `easyrsa renew`, or a renewal of ours, has put aside by name only. Reads all
 * of them. */
X509 *names_renewed(const struct ca *ca, const char *serial);

/* By which name easy-rsa keeps the files of this certificate: its common name, or another one that was given to
 * `easyrsa sign-req`; "" if there are none, or they are not to be found. */
void names_of_files(const struct ca *ca, const X509 *cert, const char *serial, char ret[CA_NAME_MAX]);

/* Fills *e with ERR_NAME_TAKEN. Returns -1. */
int names_taken(const char *user, const struct name_row *row, struct err *e);

/* The serial that was last revoked as superseded under this name, "" if none was. */
void names_last_superseded(const struct ca *ca, const char *user, char ret[CA_SERIAL_HEX_MAX]);

/* Whether a certificate of this name may be written: ERR_NAME_TAKEN if issued/NAME.crt is a valid one of somebody
 * else. */
int names_check_file(const struct ca *ca, const char *user, struct err *e);

/* Before it is written: with unique_subject = yes an expired V row of the same subject becomes E, as `easyrsa
 * update-db` would make it. With two V rows openssl could not read the index any more. Under the lock. */
int names_make_room(struct ca *ca, const char *user, const X509_REQ *req, struct err *e);

#endif
