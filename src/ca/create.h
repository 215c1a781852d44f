/*
 * create: a CA of one's own, in a folder that easy-rsa takes for what its
 * init-pki and build-ca have made, and the certificate of a VPN server.
 *
 * ca.crt is written last: until it is there, the same call goes on with the
 * key that it finds, and changes nothing else that is in the folder.
 *
 * The signer_ functions are called in the parent, one call over the socket
 * each; the ca_ functions are the same in the signer process.
 */
#ifndef CA_CREATE_H
#define CA_CREATE_H

#include "ca/signer.h"
#include "core/keytype.h"

#define CA_PASSPHRASE_MIN 4   /* bytes; openssl takes no shorter one */
#define CA_COMMON_NAME_MAX 64 /* bytes (RFC 5280, upper bounds) */

/* What is at the place of a new CA already. */
struct ca_ground {
	char pki[512];         /* the folder, absolute */
	bool has_ca;           /* its certificate: there is nothing to create */
	bool has_key;          /* a key in a file without a certificate: it is the one that is used */
	bool needs_passphrase; /* of that key, or the PIN of the HSM */
	struct ca_hsm_info hsm;
};

struct ca_plan {
	const char *name; /* common name, UTF-8 */
	enum keytype key_type;
	long days;
	bool last_try; /* of the HSM's PIN: it may be spent */
};

/* Whether a root's key may be of this type: one that is good for ten years. */
#define CA_ROOT_TYPES (KEYTYPE_BIT(KEYTYPE_EC_P384) | KEYTYPE_BIT(KEYTYPE_RSA_3072) | KEYTYPE_BIT(KEYTYPE_RSA_4096))

/*
 * Starts a signer process for a CA that is not there yet at cfg->pki, and looks at the place, and at the HSM if
 * cfg->key is on one. ERR_CA_PKI for a folder that has been a CA's and has lost its certificate, or that is another
 * thing; ERR_FOREIGN for an intermediate CA's that waits for its certificate.
 */
int signer_ground(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note, void *note_arg,
		  struct ca_ground *ret_ground, struct err *e);

/*
 * Makes what is missing up to ca.crt: folders, index.txt, serial, vars, the key in private/ca.key, encrypted with the
 * passphrase (PBES2 with AES-256, RFC 8018), or on the HSM. passphrase is NULL where none is needed. ERR_USAGE for a
 * name or a passphrase that cannot be used; ERR_CA_PASSPHRASE for one that does not open the key that is there; the
 * errors of signer_unlock_end for an HSM.
 */
int signer_create(struct signer *s, const struct ca_plan *plan, struct secret *passphrase, struct err *e);

/* The certificate of a VPN server with its key in private/NAME.key, without a passphrase: a server starts by itself.
 * Both as `easyrsa build-server-full NAME nopass` makes them, the key of the CA's type. An ordinary signer's call, with
 * the key unlocked. Idempotent as signer_issue, by the key in that file. ERR_NAME_TAKEN, ERR_CA_REFUSED, ERR_CA_PKI. */
int signer_server(struct signer *s, const char *name, struct ca_issued *ret, struct err *e);

/* ---- in the signer process */

struct ca;
struct ca_hsm_port;
struct ca_creation;

/* port is NULL in the ordinary signer. From here on this process can write only to the PKI, or, while that is not
 * there, to the folder above it. */
int ca_ground(struct ca_creation **ret, const struct config_ca *cfg, const struct ca_hsm_port *port, rpc_note_fn *note,
	      void *note_arg, struct ca_ground *ret_ground, struct err *e);
int ca_create(struct ca_creation *c, const struct ca_plan *plan, const struct secret *passphrase, struct err *e);
void ca_creation_free(struct ca_creation **c);
int ca_server(struct ca *ca, const char *name, struct ca_issued *ret, struct err *e);

#endif
