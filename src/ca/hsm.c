#include "ca/hsm.h"

#include "ca/certificate.h"
#include "ca/pki.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#define SIGNATURE_MAX 2048
#define CHALLENGE_BYTES 32

static int not_its_key(const struct ca *ca, const char *hsm, struct err *e)
{
	err_set(e, ERR_CA_PKI, "the key on the CA's HSM %s that [ca] key names is not the key of %s", hsm,
		ca->cert_file);
	return err_next(e,
			"correct object= or id= in [ca] key, or name that key's certificate with [ca] cert; of several "
			"certificates in a file the first one is the CA's");
}

static bool is_cas(const struct ca *ca, const struct blob *spki)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca->cert), &der);
	bool same = n > 0 && (size_t)n == spki->len && memcmp(der, spki->data, spki->len) == 0;
	OPENSSL_free(der);
	return same;
}

void ca_hsm_open(struct ca *ca, const struct ca_hsm_port *port, void *handle, struct ca_info *ret_info)
{
	struct ca_hsm *h = &ca->hsm;
	struct blob spki = BLOB_INIT;
	h->port = port;
	h->handle = handle;
	int got = h->port->open(h->handle, false, &h->info, &spki, &h->fault);
	if (got == 0 && spki.len != 0 && !is_cas(ca, &spki))
		got = not_its_key(ca, h->info.name, &h->fault);
	h->info.fails = got != 0;
	ret_info->hsm = h->info;
	ret_info->needs_passphrase = got == 0 && (h->info.wants_pin || h->info.last_try);
	blob_free(&spki);
}

void ca_hsm_close(struct ca_hsm *h)
{
	if (h->port != NULL)
		h->port->close(&h->handle);
}

/* The first signature is one that nobody needs: what the HSM cannot do shows before a key is made for a certificate. */
static int prove(const struct ca *ca, EVP_PKEY *key, struct err *e)
{
	unsigned char text[CHALLENGE_BYTES], signature[SIGNATURE_MAX];
	size_t len = sizeof signature;
	const EVP_MD *md = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ret = -1;
	if (certificate_digest(&md, ca, e) != 0)
		goto out;
	if (ctx == NULL || RAND_bytes(text, sizeof text) != 1 || EVP_DigestSignInit(ctx, NULL, md, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature, &len, text, sizeof text) != 1) {
		err_openssl(e, ERR_CA_HSM, "the key could not sign anything");
		ret = ca_hsm_blame(ca, e);
		goto out;
	}
	EVP_MD_CTX_reset(ctx);
	bool good = EVP_DigestVerifyInit(ctx, NULL, md, NULL, X509_get0_pubkey(ca->cert)) == 1 &&
		    EVP_DigestVerify(ctx, signature, len, text, sizeof text) == 1;
	ret = good ? 0 : not_its_key(ca, ca->hsm.info.name, e);
out:
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ret;
}

int ca_hsm_unlock(struct ca *ca, const struct secret *passphrase, EVP_PKEY **ret, struct err *e)
{
	const struct ca_hsm *h = &ca->hsm;
	EVP_PKEY *key = NULL;
	if (h->port == NULL)
		return err_set(e, ERR_CA_FAILED, "this process has nothing in it that could use an HSM");
	if (h->info.fails) {
		if (e != NULL)
			*e = h->fault;
		return -1;
	}
	if (h->info.wants_pin && passphrase == NULL)
		return err_set(e, ERR_CA_PASSPHRASE_NEEDED, "the CA's HSM %s wants its PIN and none was given",
			       h->info.name);
	if (h->info.pin_pad)
		pki_note(ca, "enter the PIN of the CA's HSM %s on its reader", h->info.name);
	/* a secret that came although none is typed is the yes to the last try */
	if (h->port->login(h->handle, h->info.wants_pin ? passphrase : NULL, h->info.last_try && passphrase != NULL,
			   &key, e) != 0)
		return -1;
	if (prove(ca, key, e) != 0) {
		EVP_PKEY_free(key);
		return -1;
	}
	*ret = key;
	return 0;
}

int ca_hsm_blame(const struct ca *ca, struct err *e)
{
	if (ca->hsm.port == NULL || e == NULL)
		return -1;
	e->code = ERR_CA_HSM;
	return err_prefix(e, "the CA's HSM %s failed", ca->hsm.info.name);
}
