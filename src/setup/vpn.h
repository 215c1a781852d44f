/*
 * vpn: what the configuration of an OpenVPN server on this machine says, as
 * far as tokenroll's has to say the same.
 */
#ifndef SETUP_VPN_H
#define SETUP_VPN_H

#include "core/blob.h"

#include <stdbool.h>

/* Paths are absolute; NULL where it says nothing. Owns its texts. */
struct setup_vpn {
	char *file;           /* the configuration */
	char *crl;            /* of crl-verify, if it is a file */
	bool crl_is_folder;   /* crl-verify DIR dir: it reads no CRL at all */
	char *tls;            /* the key file of tls-crypt, tls-auth or tls-crypt-v2 */
	const char *tls_name; /* "tls_crypt", "tls_auth", "tls_crypt_v2", as in [template] */
	char *server;         /* the common name of its certificate */
	char *port, *proto;   /* "1194", "udp" or "tcp", as a client has them */
};

#define SETUP_VPN_INIT                                          \
	{                                                       \
		NULL, NULL, false, NULL, NULL, NULL, NULL, NULL \
	}

/*
 * Finds the server in folder/server and folder, the files *.conf there, that trusts a CA with this certificate (PEM, as
 * struct ca_info has it, the CA's own first). False if there is none; of several the first by name. A file that cannot
 * be read is passed over.
 */
bool setup_vpn_find(struct setup_vpn *ret, const char *folder, const struct blob *ca_pem);
void setup_vpn_free(struct setup_vpn *v);

#endif
