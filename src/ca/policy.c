#include "ca/policy.h"

#include "ca/subject.h"
#include "core/keytype.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define RSA_EXPONENT_MIN 65537

static int refuse(struct err *e, const char *user, const char *why)
{
	return err_openssl(e, ERR_CA_REFUSED, "the request of %s is refused: %s", user, why);
}

static const char *fault_of_rsa(const EVP_PKEY *key)
{
	BIGNUM *exponent = NULL, *modulus = NULL;
	const char *fault = NULL;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1 ||
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1)
		fault = "its RSA key cannot be read";
	else if (!BN_is_odd(exponent) || (BN_num_bits(exponent) <= 32 && BN_get_word(exponent) < RSA_EXPONENT_MIN))
		fault = "its RSA key has a public exponent that is even or below 65537";
	else if (!BN_is_odd(modulus))
		fault = "its RSA key has an even modulus";
	BN_free(exponent);
	BN_free(modulus);
	return fault;
}

static const char *fault_of_ec(EVP_PKEY *key)
{
	char encoding[32] = "";
	if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof encoding, NULL) == 1 &&
	    strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
		return "its EC key spells its curve out instead of naming it";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good ? NULL : "its EC public key is not a point on its curve";
}

static int check_key(const struct ca *ca, const char *user, EVP_PKEY *key, struct err *e)
{
	enum keytype type = keytype_of(key);
	if (type == KEYTYPE_NONE || (ca->key_types & KEYTYPE_BIT(type)) == 0) {
		char what[64];
		snprintf(what, sizeof what, "%.24s of %d bits", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
		err_set(e, ERR_CA_REFUSED,
			"the request of %s is refused: its key (%s) is of a type that the CA does not accept", user,
			type != KEYTYPE_NONE ? keytype_name(type) : what);
		return err_next(e, "choose another --key-type, or allow this one in [ca] key-types");
	}
	const char *fault = keytype_rsa_bits(type) != 0 ? fault_of_rsa(key) : fault_of_ec(key);
	return fault != NULL ? refuse(e, user, fault) : 0;
}

static int check_subject(const struct ca *ca, const char *user, const X509_REQ *req, struct err *e)
{
	X509_NAME *wanted = NULL;
	const unsigned char *a, *b;
	size_t n_a = 0, n_b = 0;
	if (subject_build(&wanted, ca->vars, user, e) != 0)
		return -1;
	bool same = X509_NAME_get0_der(wanted, &a, &n_a) == 1 &&
		    X509_NAME_get0_der(X509_REQ_get_subject_name(req), &b, &n_b) == 1 && n_a == n_b &&
		    memcmp(a, b, n_a) == 0;
	if (!same) {
		char *is = X509_NAME_oneline(X509_REQ_get_subject_name(req), NULL, 0);
		char *should = X509_NAME_oneline(wanted, NULL, 0);
		err_set(e, ERR_CA_REFUSED, "the request of %s is refused: its subject is %.200s, not %.200s", user,
			is != NULL ? is : "unreadable", should != NULL ? should : "unreadable");
		OPENSSL_free(is);
		OPENSSL_free(should);
	}
	X509_NAME_free(wanted);
	return same ? 0 : -1;
}

int policy_check_request(X509_REQ **ret, const struct ca *ca, const char *user, const struct blob *csr, struct err *e)
{
	const unsigned char *p = csr->data;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)csr->len);
	EVP_PKEY *key = req != NULL ? X509_REQ_get0_pubkey(req) : NULL;
	int status = -1;
	if (req == NULL || p != csr->data + csr->len)
		refuse(e, user, "it is not PKCS#10 in DER");
	else if (key == NULL)
		refuse(e, user, "its public key cannot be read");
	else if (check_key(ca, user, key, e) != 0 || check_subject(ca, user, req, e) != 0)
		status = -1;
	else if (X509_REQ_verify(req, key) != 1)
		refuse(e, user, "it is not signed by the key it is for");
	else
		status = 0;
	if (status == 0)
		*ret = req;
	else
		X509_REQ_free(req);
	return status;
}

static int no_proof(const struct ca *ca, const char *user, char ret_attested[CA_ATTESTED_MAX], struct err *e)
{
	if (!ca->require_attestation) {
		snprintf(ret_attested, CA_ATTESTED_MAX, "none: the token gave no proof");
		return 0;
	}
	refuse(e, user,
	       "this token gave no proof that its key was made inside it, and [ca] require-attestation asks for one");
	return err_next(e,
			"take a kind of token that can prove it, such as a YubiKey with ykcs11 as its module, or set "
			"require-attestation = no");
}

int policy_check_proof(const struct ca *ca, const char *user, EVP_PKEY *key, const struct ca_proof *proof,
		       char ret_attested[CA_ATTESTED_MAX], struct err *e)
{
	struct attestation a;
	struct attestation_claim claim = {.key = key, .token_serial = proof->token_serial};
	if (proof->attestation == NULL || proof->attestation->len == 0)
		return no_proof(ca, user, ret_attested, e);
	if (ca->roots == NULL) {
		snprintf(ret_attested, CA_ATTESTED_MAX, "not verified: no attestation-roots");
		return 0;
	}
	if (attestation_verify(&a, ca->roots, &ca->attestation, &claim, proof->attestation, e) != 0)
		return err_prefix(e, "the request of %s is refused", user);
	memcpy(ret_attested, a.text, sizeof a.text);
	return 0;
}

int policy_check_name(const char *user, struct err *e)
{
	if (strcasecmp(user, "ca") != 0)
		return 0;
	err_set(e, ERR_CA_REFUSED, "no user can be named %s: easy-rsa would take the CA's own files for that user's",
		user);
	return err_next(e, "choose another name");
}
