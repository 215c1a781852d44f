/*
 * hsm: a CA key that is not in a file but on an HSM. This folder knows no
 * PKCS#11: the HSM's signer process hands in a table of functions, and the
 * ordinary signer has none.
 *
 * An HSM that is missing, or whose key is another one, is no reason not to
 * open the PKI: much can be done without it. ca_unlock tells, before anything
 * is made.
 */
#ifndef CA_HSM_H
#define CA_HSM_H

#include "ca/signer.h"
#include "core/keytype.h"
#include "core/pathset.h"

#include <openssl/types.h>

struct ca;

struct ca_hsm_port {
	/* Reads what the configuration says of it; loads nothing yet. ret_writes: folders that its module has to be
	 * able to change files in. ERR_CONFIG. */
	int (*prepare)(void **ret, const struct config_ca *cfg, struct pathset *ret_writes, struct err *e);
	/* Loads its module and finds it. ret_spki: the public key (DER), empty if that cannot be read before a login.
	 * writable: a key may have to be made on it. */
	int (*open)(void *hsm, bool writable, struct ca_hsm_info *ret, struct blob *ret_spki, struct err *e);
	/* Logs in, once, and gives the private key. pin is NULL where nobody has to type one. last_try: somebody has
	 * agreed to spend it. */
	int (*login)(void *hsm, const struct secret *pin, bool last_try, EVP_PKEY **ret, struct err *e);
	/* As login; makes the key pair if there is none that the configuration can mean. */
	int (*make)(void *hsm, const struct secret *pin, bool last_try, enum keytype type, EVP_PKEY **ret,
		    struct err *e);
	void (*close)(void **hsm);
};

/* What struct ca keeps of it. */
struct ca_hsm {
	const struct ca_hsm_port *port; /* NULL: the key is in a file */
	void *handle;
	struct ca_hsm_info info;
	struct err fault; /* with info.fails */
};

/* Finds the HSM, after ca_open and ca_confine; takes over handle and fills ret_info. */
void ca_hsm_open(struct ca *ca, const struct ca_hsm_port *port, void *handle, struct ca_info *ret_info);

/* The private key, which has signed something then that the CA's certificate verifies. passphrase as for ca_unlock. */
int ca_hsm_unlock(struct ca *ca, const struct secret *passphrase, EVP_PKEY **ret, struct err *e);

void ca_hsm_close(struct ca_hsm *h);

/* To be returned when the CA key could not sign, with that error in *e: says so of the HSM, if it is on one. */
int ca_hsm_blame(const struct ca *ca, struct err *e);

#endif
