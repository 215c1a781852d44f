/*
 * trial: a certificate that nobody signs, to find out what cannot be issued
 * before a token makes a key for it.
 */
#ifndef CA_TRIAL_H
#define CA_TRIAL_H

#include "ca/pki.h"

/*
 * Does all of ca_issue that needs neither the user's key nor a signature: the name's files, the serial's counter, the
 * subject, the extensions, the digest; and looks whether a VPN server would take the result. Needs the CA key, to know
 * what it can sign with. Changes nothing. ERR_CA_PKI, ERR_NAME_TAKEN.
 */
int trial_run(const struct ca *ca, const char *user, struct err *e);

#endif
