/*
 * attestation_chain: the certificates to judge by, and the way from a token's
 * statement to one of them.
 */
#include "ca/attestation_impl.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define ROOTS_FILE_MAX ((size_t)1 << 20)
#define ROOTS_MAX 256
#define SECURITY_LEVEL 2 /* 112 bits: no SHA-1, no RSA below 2048 */

struct attestation_roots {
	char *file;
	X509_STORE *anchors;
	STACK_OF(X509) * intermediates;
};

static int bad_file(struct err *e, const char *file, const char *what)
{
	err_openssl(e, ERR_CONFIG, "[ca] attestation-roots: %s %s", file, what);
	return err_next(e,
			"put the vendor's root certificates there in PEM form, and the intermediates that its tokens "
			"do not carry");
}

/* Takes cert over. */
static bool add(struct attestation_roots *r, X509 *cert, bool *ret_is_root)
{
	*ret_is_root = X509_self_signed(cert, 1) == 1;
	bool added =
	    *ret_is_root ? X509_STORE_add_cert(r->anchors, cert) == 1 : sk_X509_push(r->intermediates, cert) > 0;
	if (*ret_is_root || !added)
		X509_free(cert);
	return added;
}

static int read_certificates(struct attestation_roots *r, BIO *in, struct err *e)
{
	int n = 0, n_roots = 0;
	X509 *cert;
	for (; n <= ROOTS_MAX && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL; n++) {
		bool is_root = false;
		if (!add(r, cert, &is_root))
			return bad_file(e, r->file, "has a certificate that cannot be used");
		n_roots += is_root;
	}
	if (n > ROOTS_MAX)
		return bad_file(e, r->file, "has more certificates than anybody can need");
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return bad_file(e, r->file, "is damaged: one of its certificates cannot be read");
	ERR_clear_error();
	if (n == 0)
		return bad_file(e, r->file, "has no certificate in PEM form");
	return n_roots > 0 ? 0 : bad_file(e, r->file, "has no root, which is a certificate signed by itself");
}

int attestation_roots_read(struct attestation_roots **ret, const char *file, struct err *e)
{
	struct blob text = BLOB_INIT;
	if (file_read(file, ROOTS_FILE_MAX, &text, e) != 0) {
		if (e != NULL)
			e->code = ERR_CONFIG;
		return err_prefix(e, "[ca] attestation-roots");
	}
	struct attestation_roots *r = xcalloc(1, sizeof *r);
	BIO *in = BIO_new_mem_buf(text.data, (int)text.len);
	r->file = xstrdup(file);
	r->anchors = X509_STORE_new();
	r->intermediates = sk_X509_new_null();
	int status = -1;
	if (text.len == 0)
		bad_file(e, file, "is empty");
	else if (in == NULL || r->anchors == NULL || r->intermediates == NULL)
		err_openssl(e, ERR_FAILED, "cannot read %s", file);
	else
		status = read_certificates(r, in, e);
	BIO_free(in);
	blob_free(&text);
	if (status == 0)
		*ret = r;
	else
		attestation_roots_free(&r);
	return status;
}

void attestation_roots_free(struct attestation_roots **r)
{
	if (r == NULL || *r == NULL)
		return;
	X509_STORE_free((*r)->anchors);
	sk_X509_pop_free((*r)->intermediates, X509_free);
	free((*r)->file);
	free(*r);
	*r = NULL;
}

static bool says_nothing_of_ca(const X509 *cert)
{
	return X509_get_ext_by_NID(cert, NID_basic_constraints, -1) < 0 &&
	       X509_get_ext_by_NID(cert, NID_key_usage, -1) < 0;
}

/*
 * Device certificates of older YubiKeys have no basicConstraints, and some are signed by a root whose pathlen is 0:
 * by RFC 5280 neither may sign a statement. It is forgiven where the device is all there is between the statement and
 * the root, so that the root itself has signed for it.
 */
static bool is_forgiven(const struct attestation_format *format, X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int fault = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
	if (depth == 0)
		return fault == X509_V_ERR_CERT_HAS_EXPIRED || fault == X509_V_ERR_CERT_NOT_YET_VALID;
	if (sk_X509_num(chain) != 3 || !format->is_device(sk_X509_value(chain, 1)))
		return false;
	return (depth == 1 && fault == X509_V_ERR_INVALID_CA && says_nothing_of_ca(sk_X509_value(chain, 1))) ||
	       (depth == 2 && fault == X509_V_ERR_PATH_LENGTH_EXCEEDED);
}

static int on_verify(int good, X509_STORE_CTX *ctx)
{
	if (good != 0)
		return good;
	const struct attestation_format **format = X509_STORE_CTX_get_app_data(ctx);
	if (!is_forgiven(*format, ctx))
		return 0;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static bool is_without_root(int fault)
{
	return fault == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || fault == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       fault == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || fault == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
	       fault == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || fault == X509_V_ERR_CERT_UNTRUSTED;
}

static int refuse(const struct attestation_roots *roots, const struct attestation_format *format, X509_STORE_CTX *ctx,
		  struct err *e)
{
	int fault = X509_STORE_CTX_get_error(ctx);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	char who[128] = "a certificate";
	if (cert != NULL)
		X509_NAME_oneline(X509_get_subject_name(cert), who, sizeof who);
	if (is_without_root(fault)) {
		err_set(e, ERR_CA_REFUSED, "the attestation's chain does not end at a root in %s", roots->file);
		err_next(e, "if the token is a genuine one, add its vendor's certificates to %s: %s", roots->file,
			 format->roots_advice);
	} else if (fault == X509_V_ERR_CERT_HAS_EXPIRED || fault == X509_V_ERR_CERT_NOT_YET_VALID) {
		err_set(e, ERR_CA_REFUSED, "the attestation's chain is out of date: %s %s", who,
			fault == X509_V_ERR_CERT_HAS_EXPIRED ? "has expired" : "is not valid yet");
		err_next(e, "check this computer's clock; if it is right, take another token");
	} else {
		err_set(e, ERR_CA_REFUSED, "the attestation's chain cannot be trusted: of %s it is said \"%s\"", who,
			X509_verify_cert_error_string(fault));
		err_next(e, "take another token; this one's proof is forged or damaged");
	}
	ERR_clear_error();
	return err_native(e, "X509_V_ERR %d", fault);
}

/* The configuration's come first, so that the token's cannot take their place. */
static STACK_OF(X509) * helpers(const struct attestation_roots *roots, STACK_OF(X509) * certs)
{
	STACK_OF(X509) *ret = sk_X509_dup(roots->intermediates);
	for (int i = 1; ret != NULL && i < sk_X509_num(certs); i++)
		sk_X509_push(ret, sk_X509_value(certs, i));
	return ret;
}

int attestation_chain_verify(const struct attestation_roots *roots, const struct attestation_format *format,
			     STACK_OF(X509) * certs, struct err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = helpers(roots, certs);
	int status = -1;
	if (ctx == NULL || untrusted == NULL ||
	    X509_STORE_CTX_init(ctx, roots->anchors, sk_X509_value(certs, 0), untrusted) != 1) {
		err_openssl(e, ERR_CA_FAILED, "cannot verify the attestation's chain");
		goto out;
	}
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), SECURITY_LEVEL);
	X509_STORE_CTX_set_app_data(ctx, &format);
	X509_STORE_CTX_set_verify_cb(ctx, on_verify);
	status = X509_verify_cert(ctx) == 1 ? 0 : refuse(roots, format, ctx, e);
out:
	X509_STORE_CTX_free(ctx);
	sk_X509_free(untrusted);
	return status;
}
