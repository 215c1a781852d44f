#include "ca/root.h"

#include "ca/pki.h"
#include "ca/subject.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SERIAL_BYTES 16
/* an unlocking takes some 0.05 s of it, and each guess a hundred times as long as with OpenSSL's own 2048 */
#define KDF_ROUNDS 200000
#define DAY 86400

const char *root_digest(enum keytype type)
{
	return type == KEYTYPE_EC_P384 ? "sha384" : "sha256";
}

int root_key_generate(EVP_PKEY **ret, enum keytype type, struct err *e)
{
	unsigned bits = keytype_rsa_bits(type);
	*ret = bits != 0 ? EVP_RSA_gen(bits) : EVP_EC_gen(keytype_curve(type));
	return *ret != NULL ? 0 : err_openssl(e, ERR_CA_FAILED, "cannot make a key of type %s", keytype_name(type));
}

static int put_encrypted(BIO *b, PKCS8_PRIV_KEY_INFO *info, const struct secret *passphrase)
{
	X509_SIG *sealed =
	    PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase->bytes, (int)passphrase->len, NULL, 0, KDF_ROUNDS, info);
	int ok = sealed != NULL && PEM_write_bio_PKCS8(b, sealed) == 1;
	X509_SIG_free(sealed);
	return ok;
}

/* In memory that is wiped (BIO_s_secmem frees it so): for a key without a passphrase it holds the key itself. */
int root_key_write(const char *path, EVP_PKEY *key, const struct secret *passphrase, struct err *e)
{
	BIO *b = BIO_new(BIO_s_secmem());
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	const char *data;
	int ret = -1;
	if (b != NULL && info != NULL &&
	    (passphrase != NULL ? put_encrypted(b, info, passphrase) : PEM_write_bio_PKCS8_PRIV_KEY_INFO(b, info))) {
		long n = BIO_get_mem_data(b, &data);
		ret = pki_write(path, data, (size_t)n, e);
	} else {
		err_openssl(e, ERR_CA_FAILED, "cannot encode the key for %s", path);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(b);
	return ret;
}

/* Positive, and with no zero byte in front (RFC 5280, 4.1.2.2). */
static int set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return 0;
	bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
	BIGNUM *bn = BN_bin2bn(bytes, sizeof bytes, NULL);
	int ok = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
	BN_free(bn);
	return ok;
}

static int add_extensions(X509 *cert)
{
	static const struct {
		int nid;
		const char *value;
	} list[] = {
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid:always,issuer:always"},
	    {NID_basic_constraints, "critical,CA:TRUE"},
	    {NID_key_usage, "critical,cRLSign,keyCertSign"},
	};
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	int ok = 1;
	for (size_t i = 0; ok && i < sizeof list / sizeof *list; i++) {
		X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, list[i].nid, list[i].value);
		ok = x != NULL && X509_add_ext(cert, x, -1) == 1;
		X509_EXTENSION_free(x);
	}
	return ok;
}

static int fill(X509 *cert, EVP_PKEY *key, X509_NAME *name, long days)
{
	time_t now = time(NULL);
	return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	       X509_set_subject_name(cert, name) == 1 && X509_set_issuer_name(cert, name) == 1 &&
	       X509_set_pubkey(cert, key) == 1 && ASN1_TIME_set(X509_getm_notBefore(cert), now) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), now + days * DAY) != NULL && add_extensions(cert);
}

/* That the signature can be verified is looked at because the key may be on an HSM. */
int root_certificate(X509 **ret, EVP_PKEY *key, const struct ca_plan *plan, const struct vars *vars, struct err *e)
{
	const EVP_MD *md = EVP_get_digestbyname(vars->value[VAR_DIGEST]);
	X509_NAME *name = NULL;
	X509 *cert = X509_new();
	int got = subject_build(&name, vars, plan->name, e);
	if (got == 0 && (cert == NULL || md == NULL || !fill(cert, key, name, plan->days) ||
			 X509_sign(cert, key, md) <= 0 || X509_verify(cert, X509_get0_pubkey(cert)) != 1))
		got = err_openssl(e, ERR_CA_FAILED, "cannot make the certificate of the CA %s", plan->name);
	X509_NAME_free(name);
	if (got == 0)
		*ret = cert;
	else
		X509_free(cert);
	return got;
}
