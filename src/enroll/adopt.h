/*
 * adopt: a key on a token that somebody enrolled by hand gets the name that
 * OpenVPN has for it. Runs in the parent.
 */
#ifndef ENROLL_ADOPT_H
#define ENROLL_ADOPT_H

#include "enroll/discover.h"
#include "enroll/enroll.h"

/*
 * Fills pkcs11_id, client_module and enroll_id of a credential that has its cka_id, cert and module: with the laptops'
 * module, if it is another one, is on this machine and finds the certificate on the token, else with the one that has
 * shown the token, with a note. Needs no PIN. ERR_UNSUPPORTED if the name would be too long.
 */
int enroll_adopt_name(const struct enroll_ports *ports, const struct config *cfg, const struct worker_token *t,
		      const struct profile *profile, void (*note)(void *arg, const char *text), void *note_arg,
		      struct store_credential *c, struct err *e);

#endif
