#include "ca/crlabove.h"

#include "ca/chain.h"
#include "ca/crlfile.h"
#include "ca/published.h"
#include "core/file.h"

#include <openssl/err.h>

/* The newest one in the file that this CA has signed, to be freed; NULL if there is none. */
static X509_CRL *newest_of(const struct blob *file, X509 *cert)
{
	X509_CRL *ret = NULL;
	struct crlfile_block b;
	for (size_t pos = 0; crlfile_next(file, &pos, &b);) {
		bool its = b.crl != NULL &&
			   X509_NAME_cmp(X509_CRL_get_issuer(b.crl), X509_get_subject_name(cert)) == 0 &&
			   X509_CRL_verify(b.crl, X509_get0_pubkey(cert)) == 1;
		if (its && (ret == NULL ||
			    ASN1_TIME_compare(X509_CRL_get0_lastUpdate(b.crl), X509_CRL_get0_lastUpdate(ret)) > 0)) {
			X509_CRL_free(ret);
			ret = b.crl;
		} else {
			X509_CRL_free(b.crl);
		}
	}
	ERR_clear_error();
	return ret;
}

static void note_expired(const struct ca *ca, X509 *cert, const X509_CRL *crl)
{
	char name[200], date[64];
	X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof name);
	chain_date(date, sizeof date, X509_CRL_get0_nextUpdate(crl));
	pki_note(ca,
		 "the CRL of %s in %.300s has expired on %s, and the VPN server refuses everybody: have that CA make a "
		 "fresh one and put it into the file in the place of the old one, or take the old one out",
		 name, ca->crl_file, date);
}

void crlabove_note(const struct ca *ca)
{
	struct blob file = BLOB_INIT;
	bool any = ca->crl_file != NULL && sk_X509_num(ca->above) > 0;
	if (any && file_read(ca->crl_file, CRL_FILE_MAX, &file, NULL) == 0) {
		for (int i = 0; i < sk_X509_num(ca->above); i++) {
			X509 *cert = sk_X509_value(ca->above, i);
			X509_CRL *crl = newest_of(&file, cert);
			const ASN1_TIME *next = crl != NULL ? X509_CRL_get0_nextUpdate(crl) : NULL;
			if (next != NULL && X509_cmp_current_time(next) < 0)
				note_expired(ca, cert, crl);
			X509_CRL_free(crl);
		}
	}
	blob_free(&file);
}
