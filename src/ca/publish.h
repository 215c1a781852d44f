/*
 * publish: the copy of PKI/crl.pem at the place of [ca] crl, from which the
 * VPN server reads it. Nothing is remembered about what was published; the
 * two files tell (published.h).
 */
#ifndef CA_PUBLISH_H
#define CA_PUBLISH_H

#include "ca/pki.h"

/*
 * Puts PKI/crl.pem there by temp, fsync and rename, with mode and owner of the file that is replaced; a new one is
 * 0644. The CRLs of other CAs in that file stay, also those that other PKIs publish there at the same time; a note
 * tells of one that is damaged, or if a server that is not root could not read the file. Does nothing without [ca] crl.
 * Needs no key; called under the lock. Errors as crls_read, and ERR_CA_FAILED.
 */
int publish_crl(struct ca *ca, struct err *e);

#endif
