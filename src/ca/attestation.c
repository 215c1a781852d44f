#include "ca/attestation.h"

#include "ca/attestation_impl.h"

#include <openssl/err.h>
#include <string.h>

#define CERTIFICATES_MAX 4
#define DER_SEQUENCE 0x30

static const struct attestation_format *const formats[] = {&attestation_yubico, NULL};

static int refuse(struct err *e, const char *what, const char *next)
{
	err_openssl(e, ERR_CA_REFUSED, "%s", what);
	return err_next(e, "%s", next);
}

static int parse(STACK_OF(X509) * certs, const struct blob *proof, struct err *e)
{
	static const char next[] = "run the same command again; if it stays so, take another token";
	const unsigned char *p = proof->data, *end = p + proof->len;
	if (proof->len > CA_ATTESTATION_MAX)
		return refuse(e, "the attestation is longer than any can be", next);
	while (p < end) {
		X509 *cert = *p == DER_SEQUENCE ? d2i_X509(NULL, &p, (long)(end - p)) : NULL;
		if (cert == NULL)
			return refuse(e, "the attestation is not certificates in DER, one after the other", next);
		if (sk_X509_num(certs) == CERTIFICATES_MAX || sk_X509_push(certs, cert) <= 0) {
			X509_free(cert);
			return refuse(e, "the attestation has more certificates than any can have", next);
		}
	}
	return sk_X509_num(certs) > 0 ? 0 : refuse(e, "the attestation is empty", next);
}

static int check_key(const X509 *statement, const EVP_PKEY *key, struct err *e)
{
	EVP_PKEY *attested = X509_get0_pubkey(statement);
	if (attested != NULL && EVP_PKEY_eq(attested, key) == 1)
		return 0;
	return refuse(e, "the attestation is for another key than the request's",
		      "run the same command again; if it stays so, take another token");
}

static const struct attestation_format *format_of(const X509 *statement)
{
	for (size_t i = 0; formats[i] != NULL; i++) {
		if (formats[i]->is_statement(statement))
			return formats[i];
	}
	return NULL;
}

/* Numbers without their leading zeros, which modules may add. */
static bool same_serial(const char *a, const char *b)
{
	return strcmp(a + strspn(a, "0"), b + strspn(b, "0")) == 0;
}

static int check_serial(const struct attestation *a, const char *token_serial, struct err *e)
{
	if (token_serial == NULL || *token_serial == '\0' || a->serial[0] == '\0' ||
	    same_serial(a->serial, token_serial))
		return 0;
	err_set(e, ERR_CA_REFUSED, "the attestation's serial %s is not that of token %.64s", a->serial, token_serial);
	return err_next(e, "leave only the token that is to be enrolled plugged in, and run the same command again");
}

static int check_policy(const struct attestation *a, const struct attestation_policy *policy, struct err *e)
{
	unsigned pins = policy->pins != 0 ? policy->pins : KEYPOLICY_PINS_DEFAULT;
	if ((pins & KEYPOLICY_PIN_BIT(a->pin)) == 0) {
		err_set(e, ERR_CA_REFUSED,
			"the attestation says that the key's PIN policy is \"%s\", which the CA does not "
			"accept",
			keypolicy_pin_name(a->pin));
		return err_next(e, "make the key anew with another PIN policy, or add this one to "
				   "[ca] attestation-pin-policy");
	}
	if (policy->touch_required && a->touch != KEYPOLICY_TOUCH_ALWAYS && a->touch != KEYPOLICY_TOUCH_CACHED) {
		err_set(e, ERR_CA_REFUSED,
			"the attestation says that the key's touch policy is \"%s\", and the CA "
			"requires a touch",
			keypolicy_touch_name(a->touch));
		return err_next(e, "make the key anew with touch policy always or cached, or set "
				   "[ca] attestation-touch = any");
	}
	return 0;
}

static void describe(struct attestation *a)
{
	snprintf(a->text, sizeof a->text, "%s: serial %s, firmware %s, PIN %s, touch %s", a->format,
		 a->serial[0] != '\0' ? a->serial : "not told", a->firmware, keypolicy_pin_name(a->pin),
		 keypolicy_touch_name(a->touch));
}

static int judge(struct attestation *a, const struct attestation_roots *roots, const struct attestation_policy *policy,
		 const struct attestation_claim *claim, STACK_OF(X509) * certs, struct err *e)
{
	const X509 *statement = sk_X509_value(certs, 0);
	if (check_key(statement, claim->key, e) != 0)
		return -1;
	const struct attestation_format *format = format_of(statement);
	if (format == NULL)
		return refuse(e, "the attestation is of no kind that this version knows (it knows yubico)",
			      "take another kind of token, or a newer tokenroll");
	a->format = format->name;
	if (attestation_chain_verify(roots, format, certs, e) != 0 || format->read(a, statement, e) != 0 ||
	    check_serial(a, claim->token_serial, e) != 0)
		return -1;
	return check_policy(a, policy, e);
}

int attestation_verify(struct attestation *ret, const struct attestation_roots *roots,
		       const struct attestation_policy *policy, const struct attestation_claim *claim,
		       const struct blob *proof, struct err *e)
{
	struct attestation a = {.format = NULL};
	STACK_OF(X509) *certs = sk_X509_new_null();
	int status = certs != NULL ? parse(certs, proof, e) : err_openssl(e, ERR_CA_FAILED, "cannot read a proof");
	if (status == 0)
		status = judge(&a, roots, policy, claim, certs, e);
	if (status == 0) {
		describe(&a);
		*ret = a;
	}
	sk_X509_pop_free(certs, X509_free);
	return status;
}
