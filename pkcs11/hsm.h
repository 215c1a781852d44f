/*
 * hsm: the CA's private key on an HSM, named by a PKCS#11 URI (RFC 7512): its
 * module is loaded, and no other, its token and the key on it are found, the
 * user logs in, and OpenSSL signs with it through libp11. Only for the
 * signer process of a CA whose key is there. Nothing on the HSM is changed,
 * but for the key pair of a new CA, which p11_hsm_generate adds.
 */
#ifndef PKCS11_HSM_H
#define PKCS11_HSM_H

#include "core/blob.h"
#include "core/keytype.h"
#include "core/pathset.h"
#include "core/secret.h"
#include "pkcs11/token.h"
#include "pkcs11/uri.h"

#include <openssl/evp.h>

struct p11_hsm;

/* hsm_module.c: the library of the module that the URI names, to be freed, without loading it; any process may ask.
 * ERR_CONFIG if it names none, ERR_CA_HSM if that is not on this machine. */
int p11_hsm_module(const struct p11_uri *uri, char **ret, struct err *e);

/*
 * Loads and initializes the module, and opens a session on the one token that the URI means, writable or not. The
 * errors are in words for the person in charge; what is there instead is listed. ERR_CA_HSM; ERR_CONFIG if the URI
 * names no module or more than one token.
 */
int p11_hsm_open(struct p11_hsm **ret, const struct p11_uri *uri, bool writable, struct err *e);

/* Closes the session and unloads the module; accepts NULL. A key of p11_hsm_key must be freed before. */
void p11_hsm_close(struct p11_hsm **h);

/* As read when it was opened. */
const struct p11_token_info *p11_hsm_token(const struct p11_hsm *h);

/* "NAME" (serial), for people. */
const char *p11_hsm_name(const struct p11_hsm *h);

/*
 * The public key (SPKI, DER) that can be read without a login: that of the one public key object that the URI can mean,
 * else of the one certificate. Empty if there is none, or several, or if the URI names neither object nor id, so that
 * it may be another key's.
 */
int p11_hsm_public(struct p11_hsm *h, struct blob *ret_spki, struct err *e);

/* One C_Login with this PIN; NULL for an HSM with a PIN pad, or one that wants no login. See p11_login; the flags about
 * tries are read again before. */
int p11_hsm_login(struct p11_hsm *h, struct secret *pin, bool last_try, struct err *e);

/* The private key that the URI means, once somebody has logged in, to be freed. ERR_CA_HSM if there is none, or if
 * there are several: lists them. */
int p11_hsm_key(struct p11_hsm *h, EVP_PKEY **ret, struct err *e);

/* Makes the key pair of a new CA, with the label and the id of the URI, once somebody has logged in to a writable
 * session; nothing if there is a private key that the URI can mean. ERR_CONFIG if the URI has no label to give it;
 * ERR_CA_HSM; ERR_UNSUPPORTED if the HSM does not make this type of key. */
int p11_hsm_generate(struct p11_hsm *h, enum keytype type, struct err *e);

/* The folders that a module is known to write to: SoftHSM's tokens, by its configuration in this process's
 * environment. */
void p11_hsm_writes(const struct p11_uri *uri, struct pathset *ret);

#endif
