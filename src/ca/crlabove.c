#include "ca/crlabove.h"

#include "ca/certlist.h"
#include "ca/chain.h"
#include "ca/crlfile.h"
#include "ca/published.h"
#include "core/file.h"

#include <openssl/err.h>

static bool is_newer(const struct certlist *a, const struct certlist *b)
{
	return b == NULL || ASN1_TIME_compare(certlist_head(a).this_update, certlist_head(b).this_update) > 0;
}

static bool is_of(const struct certlist *l, X509 *cert)
{
	return X509_NAME_cmp(certlist_head(l).issuer, X509_get_subject_name(cert)) == 0 &&
	       certlist_verify(l, X509_get0_pubkey(cert));
}

/* The newest one in the file that this CA has signed, to be freed; NULL if there is none. */
static struct certlist *newest_of(const struct blob *file, X509 *cert)
{
	struct certlist *ret = NULL;
	struct crlfile_block b;
	for (size_t pos = 0; crlfile_next(file, &pos, &b);) {
		if (b.crl != NULL && is_of(b.crl, cert) && is_newer(b.crl, ret)) {
			certlist_free(&ret);
			ret = b.crl;
		} else {
			certlist_free(&b.crl);
		}
	}
	ERR_clear_error();
	return ret;
}

static void note_expired(const struct ca *ca, X509 *cert, const ASN1_TIME *when)
{
	char name[200], date[64];
	X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof name);
	chain_date(date, sizeof date, when);
	pki_note(ca,
		 "the CRL of %s in %.300s has expired on %s, and the VPN server refuses everybody: have that CA make a "
		 "fresh one and put it into the file in the place of the old one, or take the old one out",
		 name, ca->crl_file, date);
}

/* Of those that are there; NULL if none is. */
static X509 *first_of(const struct ca *ca, const struct blob *file, struct certlist **ret)
{
	X509 *first = NULL;
	*ret = NULL;
	for (int i = 0; i < sk_X509_num(ca->above); i++) {
		X509 *cert = sk_X509_value(ca->above, i);
		struct certlist *crl = newest_of(file, cert);
		const ASN1_TIME *next = crl != NULL ? certlist_head(crl).next_update : NULL;
		if (next != NULL && (*ret == NULL || ASN1_TIME_compare(next, certlist_head(*ret).next_update) < 0)) {
			certlist_free(ret);
			*ret = crl;
			crl = NULL;
			first = cert;
		}
		certlist_free(&crl);
	}
	return first;
}

void crlabove_first(const struct ca *ca, const struct blob *file, char *ret_name, size_t size, time_t *ret_until)
{
	struct certlist *crl = NULL;
	struct ca_crl about = {.path = ""};
	X509 *cert = first_of(ca, file, &crl);
	ret_name[0] = '\0';
	*ret_until = 0;
	if (cert == NULL)
		return;
	X509_NAME_oneline(X509_get_subject_name(cert), ret_name, (int)size);
	crls_describe(crl, &about);
	*ret_until = about.next_update;
	certlist_free(&crl);
}

void crlabove_note(const struct ca *ca)
{
	struct blob file = BLOB_INIT;
	bool any = ca->crl_file != NULL && sk_X509_num(ca->above) > 0;
	if (any && file_read(ca->crl_file, CRL_FILE_MAX, &file, NULL) == 0) {
		for (int i = 0; i < sk_X509_num(ca->above); i++) {
			X509 *cert = sk_X509_value(ca->above, i);
			struct certlist *crl = newest_of(&file, cert);
			const ASN1_TIME *next = crl != NULL ? certlist_head(crl).next_update : NULL;
			if (next != NULL && X509_cmp_current_time(next) < 0)
				note_expired(ca, cert, next);
			certlist_free(&crl);
		}
	}
	blob_free(&file);
}
