#include "piv.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

/* All cards of this type are of one maker, whose key comes from these words. */
#define ROOT_SEED "The maker of virtual YubiKeys that attest"
#define ROOT_NAME "Virtual YubiKey Root"
#define DEVICE_NAME "Virtual YubiKey PIV Attestation"
#define BEGIN "20160314000000Z"
#define END "20520417000000Z"

/* Yubico's extensions: the content of each is as it is, only the serial number is DER. */
#define OID_FIRMWARE "1.3.6.1.4.1.41482.3.3"
#define OID_SERIAL "1.3.6.1.4.1.41482.3.7"
#define OID_POLICIES "1.3.6.1.4.1.41482.3.8"
#define OID_FORM_FACTOR "1.3.6.1.4.1.41482.3.9"

#define FORM_USB_A_KEYCHAIN 1

static EVP_PKEY *root_key(void)
{
	struct buf scalar = {0};
	EVP_PKEY *key = NULL;

	if (crypt_hash("SHA256", bytes_of_text(ROOT_SEED), &scalar) == 0)
		key = crypt_ec_from("ec:P-256", buf_bytes(&scalar));
	buf_free(&scalar);
	return key;
}

static bool add_extension(X509 *x, const char *oid, const void *content, size_t n)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	bool added = false;

	if (object && value && ASN1_OCTET_STRING_set(value, content, (int)n) == 1)
		extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
	if (extension)
		added = X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
	return added;
}

static bool add_ca(X509 *x, int path_length)
{
	char text[48];
	X509_EXTENSION *extension;
	bool added;

	snprintf(text, sizeof(text), "critical,CA:TRUE,pathlen:%d", path_length);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, text);
	added = extension && X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

/* A certificate without extensions and signature. issuer NULL: it is its own. The serial number is a random one of 15
 * bytes. */
static X509 *draft(const char *cn, EVP_PKEY *key, const X509 *issuer)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
	uint8_t random[15];
	BIGNUM *serial = RAND_bytes(random, sizeof(random)) == 1 ? BN_bin2bn(random, sizeof(random), NULL) : NULL;
	bool done = x && serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) &&
		    X509_set_version(x, X509_VERSION_3) == 1 &&
		    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1 &&
		    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name) == 1 &&
		    ASN1_TIME_set_string_X509(X509_getm_notBefore(x), BEGIN) == 1 &&
		    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), END) == 1 && X509_set_pubkey(x, key) == 1;

	BN_free(serial);
	if (!done) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

static X509 *root_certificate(EVP_PKEY *key)
{
	X509 *x = draft(ROOT_NAME, key, NULL);

	if (x && add_ca(x, 1) && X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static int put_der(const X509 *x, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	return n > 0 ? 0 : -1;
}

/* The certificate of the attestation key, signed by the root. */
static uint16_t certify(struct piv *card, EVP_PKEY *pair)
{
	EVP_PKEY *root = root_key();
	X509 *issuer = root ? root_certificate(root) : NULL, *x = issuer ? draft(DEVICE_NAME, pair, issuer) : NULL;
	struct buf der = {0};
	uint16_t sw = SW_EXECUTION;

	if (x && add_ca(x, 0) && add_extension(x, OID_FIRMWARE, card->version, sizeof(card->version)) &&
	    X509_sign(x, root, EVP_sha256()) > 0 && put_der(x, &der) == 0)
		sw = piv_put_certificate(card, PIV_ATTESTATION, buf_bytes(&der));
	buf_free(&der);
	X509_free(x);
	X509_free(issuer);
	EVP_PKEY_free(root);
	return sw;
}

int piv_make_attestation(struct piv *card, const char *type)
{
	struct piv_key key = {.slot = PIV_ATTESTATION,
			      .algorithm = piv_kind_number(type),
			      .pin_policy = PIV_PIN_NEVER,
			      .touch_policy = PIV_TOUCH_NEVER,
			      .origin = PIV_IMPORTED};

	if (!key.algorithm)
		return -1;
	key.pair = crypt_generate(type);
	if (!key.pair || certify(card, key.pair) != SW_OK) {
		EVP_PKEY_free(key.pair);
		return -1;
	}
	return piv_put_key(card, key) == SW_OK ? 0 : -1;
}

int piv_attestation_root(struct buf *out)
{
	EVP_PKEY *key = root_key();
	X509 *x = key ? root_certificate(key) : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long n = 0;

	if (x && bio && PEM_write_bio_X509(bio, x) == 1)
		n = BIO_get_mem_data(bio, &pem);
	if (n > 0)
		buf_put(out, pem, (size_t)n);
	BIO_free(bio);
	X509_free(x);
	EVP_PKEY_free(key);
	return n > 0 ? 0 : -1;
}

/* The issuer's certificate, whatever somebody may have put there. */
static X509 *device_certificate(struct piv *card)
{
	const struct piv_object *object = piv_find_object(card, PIV_OBJECT_ATTESTATION);
	struct bytes der;
	const unsigned char *p;

	if (!object || !tlv_find(buf_bytes(&object->data), 0x70, &der))
		return NULL;
	p = der.p;
	return d2i_X509(NULL, &p, (long)der.n);
}

/* From version 5 on it names the token, too. */
static bool add_facts(X509 *x, const struct piv *card, const struct piv_key *key)
{
	const uint8_t policies[] = {key->pin_policy, key->touch_policy}, form = FORM_USB_A_KEYCHAIN;
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	unsigned char *der = NULL;
	int n = serial && ASN1_INTEGER_set_uint64(serial, card->serial) == 1 ? i2d_ASN1_INTEGER(serial, &der) : -1;
	bool new = piv_since(card, 5, 0, 0);
	bool done = n > 0 && add_extension(x, OID_FIRMWARE, card->version, sizeof(card->version)) &&
		    (!new || add_extension(x, OID_SERIAL, der, (size_t)n)) &&
		    add_extension(x, OID_POLICIES, policies, sizeof(policies)) &&
		    (!new || add_extension(x, OID_FORM_FACTOR, &form, 1));

	OPENSSL_free(der);
	ASN1_INTEGER_free(serial);
	return done;
}

uint16_t piv_cmd_attest(struct piv *card, const struct apdu *a, struct buf *answer)
{
	const struct piv_key *key = piv_find_key(card, a->p1), *signer = piv_find_key(card, PIV_ATTESTATION);
	X509 *issuer = NULL, *x = NULL;
	char cn[48];
	uint16_t sw = SW_EXECUTION;

	if (!piv_since(card, 4, 3, 0) || !card->attests)
		return SW_INS;
	if (a->p2 != 0)
		return SW_P1P2;
	if (!key || !signer || key->origin != PIV_GENERATED || !(issuer = device_certificate(card)))
		return SW_DATA;
	snprintf(cn, sizeof(cn), "YubiKey PIV Attestation %x", key->slot);
	x = draft(cn, key->pair, issuer);
	if (x && X509_set1_notBefore(x, X509_get0_notBefore(issuer)) == 1 &&
	    X509_set1_notAfter(x, X509_get0_notAfter(issuer)) == 1 && add_facts(x, card, key) &&
	    X509_sign(x, signer->pair, EVP_sha256()) > 0 && put_der(x, answer) == 0)
		sw = SW_OK;
	X509_free(x);
	X509_free(issuer);
	return sw;
}
