/*
 * redo: finishing what a record (record.h) says was begun. Everything here may
 * be done twice. Called under the lock.
 */
#ifndef CA_REDO_H
#define CA_REDO_H

#include "ca/pki.h"
#include "ca/record.h"

/* Makes index.txt readable and complete: cuts a torn row off and puts the recorded one in, if its certificate had
 * been written. Needs no key. Leaves the record. Opens ca->index if it is not open yet. */
int redo_row(struct ca *ca, struct err *e);

/*
 * Finishes all of it: revocation with the CRL, row, issued/NAME.crt; then removes the record. Needs the key.
 * replaced gets the revoked serial if the record was one of this user's, as superseded.
 */
int redo_all(struct ca *ca, const char *user, char replaced[CA_SERIAL_HEX_MAX], struct err *e);

/* Adds the row of a certificate under a record of its own; with user "" the files of its name are left alone. */
int redo_add_row(struct ca *ca, const char *user, const X509 *cert, struct err *e);

#endif
