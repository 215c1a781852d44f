#include "ca/accept.h"

#include "ca/chain.h"
#include "ca/ext.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* tls-cert-profile legacy, which is OpenVPN's default */
#define SERVER_LEVEL 1

/* Whose certificate is judged, and for what. */
struct judged {
	const struct ca *ca;
	enum ca_kind kind;
	const char *user;
	const char *by; /* who would refuse it */
};

struct verdict {
	int error;        /* X509_V_ERR_..., X509_V_OK for a good one */
	int depth;        /* 0: the certificate, 1: the CA's, 2: of the CA above that */
	const X509 *cert; /* the one at that depth; NULL if it is none of ours */
};

static int pass_signature(int ok, X509_STORE_CTX *ctx)
{
	return ok || (X509_STORE_CTX_get_error_depth(ctx) == 0 &&
		      X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_SIGNATURE_FAILURE);
}

static void set_up(X509_STORE_CTX *ctx, enum ca_kind kind, bool signed_yet)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_STORE_CTX_set_purpose(ctx, kind == CA_SERVER ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
	X509_VERIFY_PARAM_set_auth_level(param, SERVER_LEVEL);
	if (!signed_yet)
		X509_STORE_CTX_set_verify_cb(ctx, pass_signature);
}

/* What a server reads with `ca`, and a client in its profile: without a root among them it accepts nothing. */
static X509_STORE *trusted(const struct ca *ca)
{
	X509_STORE *store = X509_STORE_new();
	bool good = store != NULL && X509_STORE_add_cert(store, ca->cert) == 1;
	for (int i = 0; good && i < sk_X509_num(ca->above); i++)
		good = X509_STORE_add_cert(store, sk_X509_value(ca->above, i)) == 1;
	if (good)
		return store;
	X509_STORE_free(store);
	return NULL;
}

/* The verdict outlives what OpenSSL has looked at. */
static const X509 *ours(const struct ca *ca, const X509 *cert)
{
	if (cert == NULL || X509_cmp(cert, ca->cert) == 0)
		return cert != NULL ? ca->cert : NULL;
	for (int i = 0; i < sk_X509_num(ca->above); i++) {
		if (X509_cmp(cert, sk_X509_value(ca->above, i)) == 0)
			return sk_X509_value(ca->above, i);
	}
	return NULL;
}

static struct verdict verify(X509 *cert, const struct judged *j, bool signed_yet)
{
	const struct ca *ca = j->ca;
	struct verdict v = {X509_V_ERR_OUT_OF_MEM, 0, NULL};
	X509_STORE *store = trusted(ca);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	if (store != NULL && ctx != NULL && X509_STORE_CTX_init(ctx, store, cert, NULL) == 1) {
		set_up(ctx, j->kind, signed_yet);
		bool good = X509_verify_cert(ctx) == 1;
		v.error = good ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
		v.depth = X509_STORE_CTX_get_error_depth(ctx);
		v.cert = ours(ca, X509_STORE_CTX_get_current_cert(ctx));
	}
	/* the purpose is content with keyAgreement, but a token's key signs */
	if (v.error == X509_V_OK && (X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0)
		v = (struct verdict){X509_V_ERR_INVALID_PURPOSE, 0, NULL};
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return v;
}

static const char *types(const struct judged *j)
{
	return j->ca->ext_dir != NULL ? j->ca->ext_dir : "vars";
}

static int bad_purpose(const struct judged *j, int depth, struct err *e)
{
	const char *type = ext_type(j->kind);
	if (depth > 0) {
		err_set(e, ERR_CA_PKI,
			"%s would refuse the certificate of %s: the CA certificate %s is not for signing those of TLS "
			"%ss",
			j->by, j->user, j->ca->cert_file, type);
		return err_next(e,
				"its extendedKeyUsage, if it has one, must have %sAuth, and its keyUsage keyCertSign: "
				"make another CA certificate for the same key",
				type);
	}
	err_set(e, ERR_CA_PKI,
		"%s would refuse the certificate of %s: the certificate type \"%s\" in %s makes none for TLS %ss",
		j->by, j->user, type, types(j), type);
	return err_next(e, "it has to say extendedKeyUsage = %sAuth and keyUsage = digitalSignature", type);
}

static int bad_name(const struct judged *j, struct err *e)
{
	err_set(e, ERR_CA_PKI,
		"%s would refuse the certificate of %s: the nameConstraints of the CA certificate %s do not permit its "
		"name",
		j->by, j->user, j->ca->cert_file);
	return err_next(e, "correct the subject that EASYRSA_DN and EASYRSA_REQ_... in vars give, or make another CA "
			   "certificate for the same key, which permits it");
}

static int bad_digest(const struct judged *j, struct err *e)
{
	const struct vars *v = j->ca->vars;
	err_set(e, ERR_CA_PKI, "%s would refuse the certificate of %s: EASYRSA_DIGEST %s is too weak", j->by, j->user,
		v->value[VAR_DIGEST]);
	return err_next(e, "set it to sha256, sha384 or sha512 in %s", v->file != NULL ? v->file : "vars");
}

static void name_of(const X509_NAME *name, char *ret, size_t size)
{
	if (X509_NAME_oneline(name, ret, (int)size) == NULL)
		snprintf(ret, size, "a name that cannot be read");
}

static int no_root(const struct ca *ca, const struct verdict *v, struct err *e)
{
	char subject[200], issuer[200];
	const X509 *cert = v->cert != NULL ? v->cert : ca->cert;
	name_of(X509_get_subject_name(cert), subject, sizeof subject);
	name_of(X509_get_issuer_name(cert), issuer, sizeof issuer);
	err_set(e, ERR_CA_PKI, "%s is an intermediate CA, and the certificate of the CA above it, %s, is missing",
		subject, issuer);
	return err_next(e,
			"neither client nor server would accept what it signs: add the certificates up to the root "
			"behind the one in %s, or name a file with them as [ca] chain",
			ca->cert_file);
}

static int bad_time(const struct verdict *v, struct err *e)
{
	char subject[200], date[64];
	bool over = v->error == X509_V_ERR_CERT_HAS_EXPIRED;
	name_of(X509_get_subject_name(v->cert), subject, sizeof subject);
	chain_date(date, sizeof date, over ? X509_get0_notAfter(v->cert) : X509_get0_notBefore(v->cert));
	err_set(e, ERR_CA_PKI, "the certificate of the CA %s %s %s", subject,
		over ? "expired on" : "is not valid before", date);
	return err_next(e, over
			       ? "have it renewed first, and put the new one into its place in the CA's files: nothing "
				 "that is signed below it would be accepted"
			       : "check this computer's clock");
}

static int bad_length(const struct judged *j, const struct verdict *v, struct err *e)
{
	char subject[200] = "a CA above";
	if (v->cert != NULL)
		name_of(X509_get_subject_name(v->cert), subject, sizeof subject);
	err_set(e, ERR_CA_PKI,
		"%s would refuse the certificate of %s: the basicConstraints of %s (pathlen) do not let a CA so far "
		"below it sign",
		j->by, j->user, subject);
	return err_next(e,
			"have the CA above %s make another certificate for the same key, with a pathlen that is "
			"large enough or with none",
			j->ca->cert_file);
}

/* What is wrong above the certificate itself, and not with it. */
static bool is_time(const struct verdict *v)
{
	return v->depth > 0 && v->cert != NULL &&
	       (v->error == X509_V_ERR_CERT_HAS_EXPIRED || v->error == X509_V_ERR_CERT_NOT_YET_VALID);
}

static int bad_otherwise(const struct judged *j, const struct verdict *v, struct err *e)
{
	err_set(e, ERR_CA_PKI, "%s would refuse the certificate of %s", j->by, j->user);
	if (v->error == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION)
		return err_next(e, "in %s, only extensions that everybody knows may be critical",
				v->depth > 0 ? j->ca->cert_file : types(j));
	return err_next(e, "look at the CA certificate %s and the certificate type \"%s\" in %s", j->ca->cert_file,
			ext_type(j->kind), types(j));
}

static int tell(const struct judged *j, const struct verdict *v, struct err *e)
{
	switch (v->error) {
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_INVALID_CA:
		return bad_purpose(j, v->depth, e);
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
		return bad_name(j, e);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		return no_root(j->ca, v, e);
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
		return bad_length(j, v, e);
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return bad_digest(j, e);
	default:
		return bad_otherwise(j, v, e);
	}
}

int accept_check(X509 *cert, const struct ca *ca, enum ca_kind kind, const char *user, bool signed_yet, struct err *e)
{
	const struct judged j = {ca, kind, user, kind == CA_SERVER ? "a VPN client" : "a VPN server"};
	struct verdict v = verify(cert, &j, signed_yet);
	if (v.error == X509_V_OK)
		return 0;
	if (is_time(&v))
		bad_time(&v, e);
	else
		tell(&j, &v, e);
	return err_native(e, "%s", X509_verify_cert_error_string(v.error));
}
