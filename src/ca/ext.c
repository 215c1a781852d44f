#include "ca/ext.h"

#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define TYPES_FILE_MAX 65536

/* what easy-rsa 3 writes into x509-types; from 3.2 on it need not have that folder */
static const char type_default[] = "basicConstraints = CA:FALSE\n"
				   "subjectKeyIdentifier = hash\n"
				   "authorityKeyIdentifier = keyid,issuer:always\n"
				   "extendedKeyUsage = %sAuth\n"
				   "keyUsage = %s\n";

/* What is asked for. */
struct extensions {
	const struct ca *ca;
	const char *user, *type; /* "client", "server" */
	bool server;
};

const char *ext_type(enum ca_kind kind)
{
	return kind == CA_SERVER ? "server" : "client";
}

/* A value in the syntax of an OpenSSL configuration. */
static void put_escaped(BIO *b, const char *value)
{
	for (; *value != '\0'; value++) {
		if (strchr("\\\"'`$#", *value) != NULL)
			BIO_write(b, "\\", 1);
		BIO_write(b, *value == '\n' || *value == '\r' ? " " : value, 1);
	}
	BIO_write(b, "\n", 1);
}

/* $ENV::NAME is looked up in a section [ENV] first: so it is answered without an environment. */
static void put_environment(BIO *b, const struct ca *ca, const char *user)
{
	BIO_printf(b, "[ENV]\nEASYRSA_PKI = ");
	put_escaped(b, ca->pki);
	BIO_printf(b, "EASYRSA_REQ_CN = ");
	put_escaped(b, user);
	for (int v = 0; v < VAR_COUNT; v++) {
		if (v == VAR_EXTRA_EXTS || v == VAR_EXT_DIR || v == VAR_TEMP_DIR)
			continue;
		BIO_printf(b, "%s = ", vars_name((enum var)v));
		put_escaped(b, ca->vars->value[v]);
	}
	BIO_printf(b, "[default]\n");
}

static int put_file(BIO *b, const char *dir, const char *name, bool needed, struct err *e)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct blob text = BLOB_INIT;
	int ret = file_read(path, TYPES_FILE_MAX, &text, e);
	if (ret == 0) {
		BIO_write(b, text.data, (int)text.len);
		BIO_write(b, "\n", 1);
	} else if (errno == ENOENT && !needed) {
		err_clear(e);
		ret = 0;
	} else if (e != NULL) {
		e->code = ERR_CA_PKI;
		err_next(e, "give the folder of certificate types of your easy-rsa as [ca] x509-types");
	}
	blob_free(&text);
	free(path);
	return ret;
}

/* As easyrsa's default_server_san. */
static void put_server_name(BIO *b, const struct extensions *x)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(x->user);
	if (x->server && strstr(x->ca->vars->value[VAR_EXTRA_EXTS], "subjectAltName") == NULL)
		BIO_printf(b, "subjectAltName = %s:%s\n", ip != NULL ? "IP" : "DNS", x->user);
	ASN1_OCTET_STRING_free(ip);
	ERR_clear_error();
}

static int write_config(BIO *b, const struct extensions *x, struct err *e)
{
	const struct ca *ca = x->ca;
	put_environment(b, ca, x->user);
	if (ca->ext_dir == NULL)
		BIO_printf(b, type_default, x->type,
			   x->server ? "digitalSignature,keyEncipherment" : "digitalSignature");
	else if (put_file(b, ca->ext_dir, "COMMON", false, e) != 0 || put_file(b, ca->ext_dir, x->type, true, e) != 0)
		return -1;
	if (ca->vars->ns_support) {
		if (ca->vars->value[VAR_NS_COMMENT][0] != '\0')
			BIO_printf(b, "nsComment = \"%s\"\n", ca->vars->value[VAR_NS_COMMENT]);
		BIO_printf(b, "nsCertType = %s\n", x->type);
	}
	put_server_name(b, x);
	BIO_printf(b, "%s\n", ca->vars->value[VAR_EXTRA_EXTS]);
	return 0;
}

static const char *where(const struct extensions *x)
{
	return x->ca->ext_dir != NULL ? x->ca->ext_dir : "vars";
}

static int apply(CONF *conf, X509 *cert, const struct extensions *x, struct err *e)
{
	X509V3_CTX ctx;
	const char *section = NCONF_get_string(conf, "default", "extensions");
	ERR_clear_error();
	X509V3_set_ctx(&ctx, x->ca->cert, cert, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	if (X509V3_EXT_add_nconf(conf, &ctx, section != NULL ? section : "default", cert) == 1)
		return 0;
	err_openssl(e, ERR_CA_PKI, "the certificate type \"%s\" in %s has an extension that OpenSSL cannot make",
		    x->type, where(x));
	return err_next(e, "correct the files COMMON and %s there", x->type);
}

/* X509_check_ca() needs a signature, which is not there yet. */
static bool makes_a_ca(const X509 *cert)
{
	BASIC_CONSTRAINTS *bc = X509_get_ext_d2i(cert, NID_basic_constraints, NULL, NULL);
	ASN1_BIT_STRING *usage = X509_get_ext_d2i(cert, NID_key_usage, NULL, NULL);
	bool ret =
	    (bc != NULL && bc->ca) || (usage != NULL && ASN1_BIT_STRING_get_bit(usage, 5) == 1); /* keyCertSign */
	BASIC_CONSTRAINTS_free(bc);
	ASN1_BIT_STRING_free(usage);
	return ret;
}

static int check_result(X509 *cert, const struct extensions *x, struct err *e)
{
	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		const ASN1_OBJECT *obj = X509_EXTENSION_get_object(X509_get_ext(cert, i));
		if (X509_get_ext_by_OBJ(cert, obj, i) > i)
			return err_set(e, ERR_CA_PKI, "the certificate type \"%s\" in %s gives %s twice", x->type,
				       where(x), OBJ_nid2ln(OBJ_obj2nid(obj)));
	}
	if (!makes_a_ca(cert))
		return 0;
	err_set(e, ERR_CA_PKI, "the certificate type \"%s\" in %s would make a CA of every %s", x->type, where(x),
		x->type);
	return err_next(e, "it has to say basicConstraints = CA:FALSE, and no keyCertSign");
}

int ext_add(X509 *cert, const struct ca *ca, enum ca_kind kind, const char *user, struct err *e)
{
	const struct extensions x = {ca, user, ext_type(kind), kind == CA_SERVER};
	BIO *b = BIO_new(BIO_s_mem());
	CONF *conf = NCONF_new(NULL);
	int ret = -1;
	long line = 0;
	if (b == NULL || conf == NULL) {
		err_openssl(e, ERR_CA_FAILED, "cannot read the certificate types");
		goto out;
	}
	if (write_config(b, &x, e) != 0)
		goto out;
	if (NCONF_load_bio(conf, b, &line) != 1) {
		err_openssl(e, ERR_CA_PKI, "the certificate type \"%s\" in %s cannot be read", x.type, where(&x));
		err_next(e, "correct the files COMMON and %s there; of $ENV:: only easy-rsa's settings are known",
			 x.type);
		goto out;
	}
	ret = apply(conf, cert, &x, e);
	if (ret == 0)
		ret = check_result(cert, &x, e);
out:
	NCONF_free(conf);
	BIO_free(b);
	return ret;
}
