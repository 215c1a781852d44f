/*
 * attestation: a token's proof that a key was made inside it, judged by the
 * vendor's roots. In the signer process only.
 *
 * The proof is a statement, a certificate that the token makes for one of its
 * keys, and what it has of the statement's chain. All of it comes from the
 * token and counts as hostile: it is bounded before it is read, and nothing it
 * says is believed before its chain ends at a root of the configuration.
 *
 * Vendors differ in how they say what: attestation.c has a table of their
 * formats, attestation_impl.h says what one is, attestation_yubico.c is one.
 */
#ifndef CA_ATTESTATION_H
#define CA_ATTESTATION_H

#include "ca/signer.h"
#include "core/keypolicy.h"

#include <openssl/evp.h>

/* Certificates to judge by; owned by whoever read them. */
struct attestation_roots;

struct attestation {
	const char *format; /* whose: "yubico"; static */
	char serial[24];    /* of the token, decimal; "" if the statement has none */
	char firmware[16];  /* "5.4.3" */
	enum keypolicy_pin pin;
	enum keypolicy_touch touch;
	unsigned char form_factor;  /* the vendor's number, 0 if not told */
	char slot[8];               /* "9a", from the subject and for display only; "" if not told */
	char text[CA_ATTESTED_MAX]; /* one line for people, ASCII: "yubico: serial 1234567, firmware 5.4.3, PIN once,
				       touch never" */
};

struct attestation_policy {
	unsigned pins;       /* KEYPOLICY_PIN_BIT set; 0: any but never */
	bool touch_required; /* touch always or cached */
};

/* What the proof has to be about. */
struct attestation_claim {
	EVP_PKEY *key;            /* of the request */
	const char *token_serial; /* as PKCS#11 shows it; NULL or "" if it shows none, then any will do */
};

/*
 * Reads a file of certificates in PEM, with any text between them. The self-signed ones are roots, the others only
 * intermediates that a token does not carry (YubiKeys from 5.7.4 on need some) and are trusted in nothing. ERR_CONFIG
 * names the file: it cannot be read, is empty, damaged, has no certificate, no root, or too many.
 */
int attestation_roots_read(struct attestation_roots **ret, const char *file, struct err *e);
void attestation_roots_free(struct attestation_roots **r);

/*
 * Judges a proof: DER certificates one after the other, the statement first, then its issuers, at most
 * CA_ATTESTATION_MAX bytes. ERR_CA_REFUSED says what does not fit: the bytes, the key, the format, the chain, what the
 * statement says, the token's serial, PIN or touch policy; in this order.
 *
 * The chain is verified by RFC 5280 at this computer's time, with two exceptions. The statement's own dates do not
 * count: a token has no clock. And what a vendor is known to have left out of the certificate of its older devices is
 * forgiven, where a root itself has signed it.
 */
int attestation_verify(struct attestation *ret, const struct attestation_roots *roots,
		       const struct attestation_policy *policy, const struct attestation_claim *claim,
		       const struct blob *proof, struct err *e);

#endif
