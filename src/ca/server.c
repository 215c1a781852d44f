/*
 * server: the certificate of a VPN server, see create.h.
 */
#include "ca/certificate.h"
#include "ca/create.h"
#include "ca/key.h"
#include "ca/names.h"
#include "ca/pki.h"
#include "ca/policy.h"
#include "ca/root.h"
#include "ca/subject.h"

#include <openssl/rand.h>
#include <stdlib.h>

static int not_usable(const char *path, struct err *e)
{
	err_set(e, ERR_NAME_TAKEN, "%s is there, and encrypted: a VPN server could not start with it by itself", path);
	return err_next(e, "have the certificate made by `easyrsa sign-req server`, or name another server");
}

/* A certificate that is there has a key somewhere; one that is made now would not be it. */
static int check_free(const struct ca *ca, const char *name, struct err *e)
{
	struct name_row row = NAME_ROW_INIT;
	size_t pos = 0;
	int got = names_next_valid(ca, name, &pos, &row) ? names_taken(name, &row, e) : names_check_file(ca, name, e);
	names_row_free(&row);
	return got;
}

/* The key that is there, or a new one like the CA's. */
static int get_key(const struct ca *ca, const char *name, EVP_PKEY **ret, struct err *e)
{
	char *path = pki_path(ca, "private/%s.key", name);
	enum keytype type = keytype_of(X509_get0_pubkey(ca->cert));
	bool there = false, encrypted = false;
	int got = ca_key_probe(path, &there, &encrypted, e);
	if (got == 0 && encrypted)
		got = not_usable(path, e);
	else if (got == 0 && there)
		got = ca_key_load(ret, path, NULL, e);
	else if (got == 0 && check_free(ca, name, e) == 0)
		got = root_key_generate(ret, type != KEYTYPE_NONE ? type : KEYTYPE_EC_P256, e);
	else
		got = -1;
	if (got == 0 && !there)
		got = root_key_write(path, *ret, NULL, e);
	free(path);
	return got;
}

static int make_request(const struct ca *ca, const char *name, EVP_PKEY *key, struct blob *ret, struct err *e)
{
	X509_NAME *subject = NULL;
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int n = 0, got = subject_build(&subject, ca->vars, name, e);
	if (got == 0 && req != NULL && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_subject_name(req, subject) == 1 && X509_REQ_set_pubkey(req, key) == 1 &&
	    X509_REQ_sign(req, key, keytype_digest(keytype_of(key))) > 0)
		n = i2d_X509_REQ(req, &der);
	if (n > 0)
		blob_set(ret, der, (size_t)n);
	else if (got == 0)
		got = err_openssl(e, ERR_CA_FAILED, "cannot make the request of the server %s", name);
	OPENSSL_free(der);
	X509_REQ_free(req);
	X509_NAME_free(subject);
	return got;
}

int ca_server(struct ca *ca, const char *name, struct ca_issued *ret, struct err *e)
{
	struct blob csr = BLOB_INIT;
	struct ca_request req = {.user = name, .kind = CA_SERVER, .csr = &csr};
	EVP_PKEY *key = NULL;
	int got = ca->index != NULL ? policy_check_name(name, e)
				    : err_set(e, ERR_CA_PKI, "the PKI %s has no index.txt", ca->pki);
	if (got == 0 && RAND_bytes(req.serial, sizeof req.serial) != 1)
		got = err_openssl(e, ERR_CA_FAILED, "no random numbers can be had");
	if (got == 0 && get_key(ca, name, &key, e) == 0 && make_request(ca, name, key, &csr, e) == 0)
		got = ca_issue(ca, &req, ret, e);
	else
		got = -1;
	EVP_PKEY_free(key);
	blob_free(&csr);
	return got;
}
