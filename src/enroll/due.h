/*
 * due: certificates that were replaced by a renewal or rekeying, and whose
 * overlap is over. Parent only.
 */
#ifndef ENROLL_DUE_H
#define ENROLL_DUE_H

#include "enroll/ports.h"

struct due {
	const struct enroll_ports *ports;
	struct store *store;
	struct signer *signer; /* its key is unlocked */
	const char *user;      /* whose certificates have to be revoked, or it is a failure; NULL: everybody's */
	void (*revoked)(void *arg, const struct ca_known *k, bool already); /* told of each; NULL */
	void *revoked_arg;
	void (*note)(void *arg, const char *text);
	void *note_arg;
};

/*
 * Revokes all of them, whoever's, as superseded, and notes in the journal what the CA says of them then; *ret_n is how
 * many. One that has expired needs no revocation. Can be called again after a failure or a kill. What cannot be revoked
 * is told in a note and left for the next time, unless it has to be. A CRL is published with each; ports.ca.publish
 * says whether the server has d->user's.
 */
int due_revoke(const struct due *d, size_t *ret_n, struct err *e);

#endif
