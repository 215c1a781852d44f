/*
 * key: key pairs on a token. The private key is made by the token
 * (C_GenerateKeyPair) and never leaves it. Worker process only; the token
 * must be logged in to.
 */
#ifndef PKCS11_KEY_H
#define PKCS11_KEY_H

#include "core/keytype.h"
#include "pkcs11/object.h"
#include "pkcs11/template.h"

/* What a token says of a private key; an attribute it does not show is false. */
struct p11_key_facts {
	bool sensitive, always_sensitive, extractable, never_extractable, local;
};

/* As C_GenerateKeyPair gives them; good for the session. */
struct p11_key_pair {
	CK_OBJECT_HANDLE public, private;
};

/*
 * Makes a pair with this CKA_ID and label (UTF-8). Asks for SENSITIVE, not EXTRACTABLE, SIGN, PRIVATE, TOKEN; if the
 * token refuses the template, optional attributes are left out one by one, SENSITIVE never. ERR_UNSUPPORTED when the
 * token does not make this type of key.
 */
int p11_key_generate(const struct p11_token *t, enum keytype type, const struct blob *cka_id, const char *label,
		     struct p11_key_pair *ret, struct err *e);

/*
 * The pair with this CKA_ID: *ret_private, and the SubjectPublicKeyInfo (DER) of its public half, read from the
 * public key object or, where the token has none, from the private one. *ret_private is CK_INVALID_HANDLE if
 * there is no private key, *ret_spki empty if the public key cannot be read. With a public key (SPKI, DER; else empty)
 * only the private key that belongs to that: other programs may have put theirs under the same CKA_ID, and where one
 * does not show whose it is, it is asked for a signature, as p11_key_fits. *ret_shared: there is more than one private
 * key; that is ERR_KEY_EXISTS without a public key.
 */
int p11_key_find(struct p11_token *t, const struct blob *cka_id, const struct blob *spki, CK_OBJECT_HANDLE *ret_private,
		 struct blob *ret_spki, bool *ret_shared, struct err *e);

/*
 * The private key that belongs to this public key (SPKI, DER), for tokens that do not keep the CKA_ID they are given:
 * *ret_private and the CKA_ID it has. CK_INVALID_HANDLE in *ret_private if there is none.
 */
int p11_key_find_public(const struct p11_token *t, const struct blob *spki, CK_OBJECT_HANDLE *ret_private,
			struct blob *ret_cka_id, struct err *e);

/* A private key's CKA_ID, empty if it has none, and its public key (SPKI, DER): of the public key object beside it,
 * else of its own attributes, empty if neither can be read. */
int p11_key_public(const struct p11_token *t, CK_OBJECT_HANDLE private_key, struct blob *ret_cka_id,
		   struct blob *ret_spki, struct err *e);

/*
 * Whether the private key belongs to this public key (SPKI, DER), by having it sign, as p11_key_sign: for a pair whose
 * public half is not on the token. It is kept with the certificate by some, and is gone while that is being written.
 */
int p11_key_fits(struct p11_token *t, CK_OBJECT_HANDLE private_key, const struct blob *spki, bool *ret, struct err *e);

/* Deletes this private key (CK_INVALID_HANDLE: none), and of the public keys with this CKA_ID those that are spki. One
 * that cannot be read is its other half if it is the only one. */
int p11_key_delete(const struct p11_token *t, const struct blob *cka_id, CK_OBJECT_HANDLE private_key,
		   const struct blob *spki, struct p11_deleted *ret, struct err *e);

/* Deletes all private and public keys with this CKA_ID, which must be ours alone: random, and of a moment ago. */
int p11_key_delete_all(const struct p11_token *t, const struct blob *cka_id, struct p11_deleted *ret, struct err *e);

void p11_key_facts(const struct p11_token *t, CK_OBJECT_HANDLE private_key, struct p11_key_facts *ret);

/*
 * Signs a digest, once the user has logged in, with the mechanism that OpenVPN uses: RSA by CKM_RSA_PKCS_PSS with
 * SHA-256, MGF1-SHA-256 and a salt of 32 bytes; EC by CKM_ECDSA, which gives r and s of equal length side by side
 * (PKCS#11 v2.40 current mechanisms, 2.3.1), returned as the DER that X.509 uses.
 */
int p11_key_sign(struct p11_token *t, CK_OBJECT_HANDLE private_key, bool rsa, const struct blob *digest,
		 struct blob *ret_signature, struct err *e);

#endif
