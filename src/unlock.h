/*
 * unlock: the CA key's passphrase, or its HSM's PIN, asked for until the
 * signer has taken it, for verbs that need the key and nothing else first.
 */
#ifndef UNLOCK_H
#define UNLOCK_H

#include "ca/signer.h"
#include "options.h"

/* given is tried first, if it is not NULL, and nobody is asked then. note is told what was wrong before the next
 * question. The errors of credentials_ca and signer_unlock_end. */
int unlock_signer(struct signer *s, const struct ca_info *ca, const struct options *o, struct secret *given,
		  rpc_note_fn *note, void *note_arg, struct err *e);

#endif
