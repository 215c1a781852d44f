#include "ca/trial.h"

#include "ca/accept.h"
#include "ca/certificate.h"
#include "ca/names.h"
#include "ca/serial.h"
#include "ca/subject.h"

#include <string.h>

/* A certificate says twice with which algorithm it is signed. OpenSSL fills that in only when it signs; its readers
 * give a const view of the same. */
static int name_algorithm(X509 *cert, const X509_ALGOR *a)
{
	const X509_ALGOR *view[2] = {X509_get0_tbs_sigalg(cert), NULL};
	X509_ALGOR *to[2];
	X509_get0_signature(NULL, &view[1], cert);
	memcpy(to, view, sizeof to);
	return X509_ALGOR_copy(to[0], a) == 1 && X509_ALGOR_copy(to[1], a) == 1 ? 0 : -1;
}

/* As a server reads it. */
static X509 *read_back(X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	const unsigned char *p = der;
	X509 *ret = n > 0 ? d2i_X509(NULL, &p, n) : NULL;
	OPENSSL_free(der);
	return ret;
}

/* Any public key will do: nothing in the certificate depends on its type. */
static int make(X509 **ret, const struct ca *ca, const char *user, struct err *e)
{
	const EVP_MD *md = NULL;
	X509_ALGOR *algorithm = NULL;
	X509_NAME *subject = NULL;
	X509 *cert = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool shortened;
	int status = -1;
	if (key == NULL) {
		err_openssl(e, ERR_CA_FAILED, "cannot make a key for a trial");
		goto out;
	}
	if (subject_build(&subject, ca->vars, user, e) != 0 || certificate_digest(&md, ca, e) != 0)
		goto out;
	const struct cert_order order = {user, CA_CLIENT, "01", subject, key, 0};
	if (certificate_fill(&cert, &shortened, ca, &order, e) != 0)
		goto out;
	algorithm = certificate_algorithm(X509_get0_pubkey(ca->cert), md);
	*ret = algorithm != NULL && name_algorithm(cert, algorithm) == 0 ? read_back(cert) : NULL;
	status = *ret != NULL ? 0 : err_openssl(e, ERR_CA_FAILED, "cannot encode a certificate for %s", user);
out:
	X509_ALGOR_free(algorithm);
	X509_free(cert);
	X509_NAME_free(subject);
	EVP_PKEY_free(key);
	return status;
}

int trial_run(const struct ca *ca, const char *user, struct err *e)
{
	X509 *cert = NULL;
	if (names_check_file(ca, user, e) != 0 || serial_check(ca, e) != 0 || make(&cert, ca, user, e) != 0)
		return -1;
	int ret = accept_check(cert, ca, CA_CLIENT, user, false, e);
	X509_free(cert);
	return ret;
}
