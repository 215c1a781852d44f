/*
 * issue: ca_issue, all steps under the lock and each one to be repeated.
 *
 *   1 finish what an earlier run began        6 with --replace: revoke what is valid
 *   2 is there a certificate for this key?    7 record, certs_by_serial/SERIAL.pem
 *   3 may the name be had, or be replaced?    8 the one before put aside, reqs/NAME.req
 *   4 serial, signature                       9 the row of index.txt
 *   5 check what was made                    10 issued/NAME.crt, record removed
 *
 * Up to 5 nothing is given up: what fails there leaves the old certificate valid.
 */
#include "ca/accept.h"
#include "ca/beside.h"
#include "ca/certificate.h"
#include "ca/lock.h"
#include "ca/names.h"
#include "ca/pki.h"
#include "ca/policy.h"
#include "ca/record.h"
#include "ca/redo.h"
#include "ca/revoke.h"
#include "ca/serial.h"
#include "ca/sweep.h"
#include "core/xalloc.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

struct work {
	struct ca *ca;
	const struct ca_request *req;
	X509_REQ *csr;
	EVP_PKEY *key; /* of csr */
	X509 *cert;    /* what comes out */
	char serial[CA_SERIAL_HEX_MAX];
	struct blob text; /* a new one as its files have it, and its row */
	char *row;
	char *revoked; /* third column of the row that was replaced */
	struct ca_issued out;
};

static int add_request(const struct work *w, struct file_batch *b, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *path = pki_path(w->ca, "reqs/%s.req", w->req->user);
	const char *data;
	int ret = -1;
	if (bio != NULL && PEM_write_bio_X509_REQ(bio, w->csr) == 1) {
		long n = BIO_get_mem_data(bio, &data);
		ret = pki_add(b, path, data, (size_t)n, e);
	} else {
		err_openssl(e, ERR_CA_FAILED, "cannot write the request of %s", w->req->user);
	}
	free(path);
	BIO_free(bio);
	return ret;
}

static bool same_request(const char *path, EVP_PKEY *key)
{
	BIO *b = BIO_new_file(path, "r");
	X509_REQ *old = b != NULL ? PEM_read_bio_X509_REQ(b, NULL, NULL, NULL) : NULL;
	bool same = old != NULL && EVP_PKEY_eq(X509_REQ_get0_pubkey(old), key) == 1;
	ERR_clear_error();
	X509_REQ_free(old);
	BIO_free(b);
	return same;
}

static bool same_certificate(const char *path, const X509 *cert)
{
	X509 *there = certificate_read(path, NULL);
	bool same = there != NULL && X509_cmp(there, cert) == 0;
	X509_free(there);
	return same;
}

/* The files of a certificate that is in the index: what is missing is written. */
static int complete_files(const struct work *w, struct err *e)
{
	char *serial = certificate_serial(w->cert);
	char *paths[2] = {pki_path(w->ca, "certs_by_serial/%s.pem", serial),
			  pki_path(w->ca, "issued/%s.crt", w->req->user)};
	char *req = pki_path(w->ca, "reqs/%s.req", w->req->user);
	struct blob text = BLOB_INIT;
	struct file_batch b = FILE_BATCH_INIT;
	int ret = certificate_text(&text, w->cert, e);
	for (int i = 0; i < 2; i++) {
		if (ret == 0 && !same_certificate(paths[i], w->cert))
			ret = pki_add(&b, paths[i], text.data, text.len, e);
		free(paths[i]);
	}
	if (ret == 0 && !same_request(req, w->key))
		ret = add_request(w, &b, e);
	if (ret == 0)
		ret = pki_commit(&b, e);
	file_batch_drop(&b);
	blob_free(&text);
	free(req);
	free(serial);
	return ret;
}

/* Step 2, from the index: a valid row of this name whose certificate has this key. Those before a renewal have it, too;
 * whichever is not one of them was issued for this request, by a run that was killed, or by `easyrsa renew`. */
static bool find_issued(struct work *w)
{
	struct name_row row = NAME_ROW_INIT;
	size_t pos = 0;
	while (w->cert == NULL && names_next_valid(w->ca, w->req->user, &pos, &row)) {
		if (row.cert != NULL && !beside_has(w->req->beside, row.serial) &&
		    certificate_is_ours(row.cert, w->ca, w->req->user, w->key)) {
			w->cert = row.cert;
			row.cert = NULL;
		}
	}
	names_row_free(&row);
	return w->cert != NULL;
}

/* Step 2, from the files: a certificate for this key whose row an easy-rsa without a lock has overwritten. */
static int adopt(struct work *w, const char *path, struct err *e)
{
	struct index_row row;
	X509 *cert = w->cert == NULL ? certificate_read(path, NULL) : NULL;
	if (cert == NULL || !certificate_is_ours(cert, w->ca, w->req->user, w->key) ||
	    certificate_not_after(cert) <= time(NULL)) {
		X509_free(cert);
		return 0;
	}
	char *serial = certificate_serial(cert);
	int ret = 0;
	if (!beside_has(w->req->beside, serial) && !index_by_serial(w->ca->index, serial, &row)) {
		ret = redo_add_row(w->ca, w->req->user, cert, e);
		w->cert = cert;
		cert = NULL;
	}
	free(serial);
	X509_free(cert);
	return ret;
}

static int find_lost(struct work *w, struct err *e)
{
	char serial[CA_SERIAL_HEX_MAX];
	serial_of_proposal(serial, w->req->serial);
	char *by_serial = pki_path(w->ca, "certs_by_serial/%s.pem", serial);
	char *by_name = pki_path(w->ca, "issued/%s.crt", w->req->user);
	int ret = adopt(w, by_serial, e);
	if (ret == 0)
		ret = adopt(w, by_name, e);
	free(by_name);
	free(by_serial);
	return ret;
}

/* Step 3. */
static int check_name(const struct work *w, struct err *e)
{
	struct name_row row = NAME_ROW_INIT;
	size_t pos = 0;
	int ret = 0;
	if (w->req->replace)
		ret = revoke_check(w->ca, w->req->user, e);
	else if (w->req->beside != NULL && w->req->beside[0] != '\0')
		ret = beside_check(w->ca, w->req->user, w->req->beside, e);
	else if (names_next_valid(w->ca, w->req->user, &pos, &row))
		ret = names_taken(w->req->user, &row, e);
	names_row_free(&row);
	return ret == 0 ? names_check_file(w->ca, w->req->user, e) : ret;
}

/* Steps 4 and 5. */
static int make_new(struct work *w, struct err *e)
{
	const struct ca_request *req = w->req;
	if (serial_choose(w->serial, w->ca, req->serial, e) != 0)
		return -1;
	const struct cert_order order = {req->user, req->kind, w->serial, X509_REQ_get_subject_name(w->csr),
					 w->key,    req->days};
	if (certificate_make(&w->cert, &w->out.shortened, w->ca, &order, e) != 0 ||
	    certificate_text(&w->text, w->cert, e) != 0)
		return -1;
	w->row = index_row_of(w->cert);
	if (w->row == NULL)
		return err_openssl(e, ERR_CA_FAILED, "cannot make the row of the certificate");
	if (certificate_is_ours(w->cert, w->ca, req->user, w->key))
		return accept_check(w->cert, w->ca, req->kind, req->user, true, e);
	err_set(e, ERR_CA_FAILED, "the certificate that was made for %s is not a good one by the CA's own key",
		req->user);
	return err_next(e, "the CA certificate %s may be another one's, or this computer makes errors",
			w->ca->cert_file);
}

/* Step 6. Of several the last one is told of. */
static int clear_name(struct work *w, struct err *e)
{
	struct name_row row = NAME_ROW_INIT;
	size_t pos = 0;
	int ret = check_name(w, e); /* again, because an easy-rsa may have been waited for */
	while (ret == 0 && w->req->replace && names_next_valid(w->ca, w->req->user, &pos, &row)) {
		free(w->revoked);
		w->revoked = NULL;
		ret = revoke_row(w->ca, w->req->user, row.serial, "superseded", &w->revoked, e);
		if (ret == 0)
			memcpy(w->out.replaced, row.serial, sizeof w->out.replaced);
		pos = 0; /* the index has been written anew */
	}
	names_row_free(&row);
	return ret == 0 ? names_make_room(w->ca, w->req->user, w->csr, e) : ret;
}

/* The record, and what all else can be made of if this is as far as it came. */
static int begin_entry(const struct work *w, const struct record *r, struct err *e)
{
	struct file_batch b = FILE_BATCH_INIT;
	char *by_serial = pki_path(w->ca, "certs_by_serial/%s.pem", w->serial);
	int ret = record_add(&b, w->ca->pki, r, e);
	if (ret == 0)
		ret = pki_add(&b, by_serial, w->text.data, w->text.len, e);
	if (ret == 0)
		ret = pki_commit(&b, e);
	file_batch_drop(&b);
	free(by_serial);
	return ret;
}

static int finish_entry(const struct work *w, const char *aside, struct err *e)
{
	struct file_batch b = FILE_BATCH_INIT;
	char *by_name = pki_path(w->ca, "issued/%s.crt", w->req->user);
	int ret = aside != NULL ? beside_put_aside(w->ca, w->req->user, aside, e) : 0;
	if (ret == 0)
		ret = add_request(w, &b, e);
	if (ret == 0)
		ret = pki_add(&b, by_name, w->text.data, w->text.len, e);
	if (ret == 0)
		ret = pki_commit(&b, e);
	if (ret == 0)
		ret = index_append(w->ca->index, w->row, e);
	file_batch_drop(&b);
	free(by_name);
	return ret;
}

/* Steps 7 to 10. */
static int enter_new(struct work *w, struct err *e)
{
	char aside[CA_SERIAL_HEX_MAX];
	struct record r = {.name = xstrdup(w->req->user), .row = xstrdup(w->row)};
	if (w->revoked != NULL) {
		r.revoke = xstrdup(w->out.replaced);
		r.revoked = xstrdup(w->revoked);
	}
	beside_find(w->ca, w->req->user, w->req->beside, aside);
	if (aside[0] != '\0')
		r.aside = xstrdup(aside);
	int ret = begin_entry(w, &r, e);
	if (ret == 0)
		ret = finish_entry(w, r.aside, e);
	if (ret == 0)
		ret = record_remove(w->ca->pki, e);
	record_free(&r);
	return ret;
}

static int issue_locked(struct work *w, struct err *e)
{
	if (redo_all(w->ca, w->req->user, w->out.replaced, e) != 0)
		return -1;
	if (!find_issued(w) && find_lost(w, e) != 0)
		return -1;
	if (w->cert == NULL)
		return check_name(w, e) != 0 || make_new(w, e) != 0 || clear_name(w, e) != 0 ? -1 : enter_new(w, e);
	if (accept_check(w->cert, w->ca, w->req->kind, w->req->user, true, e) != 0)
		return err_next(e, "correct that, then `easyrsa revoke %s`, and run the same command again",
				w->req->user);
	w->out.existed = true;
	w->out.shortened = certificate_not_after(w->cert) == w->ca->not_after;
	if (w->req->replace && w->out.replaced[0] == '\0')
		names_last_superseded(w->ca, w->req->user, w->out.replaced);
	return complete_files(w, e);
}

static int check_ready(const struct ca *ca, struct err *e)
{
	if (ca->index == NULL || !ca->has_key) {
		err_set(e, ERR_CA_PKI, "the PKI %s has no %s: certificates cannot be issued here", ca->pki,
			ca->index == NULL ? "index.txt" : "CA key");
		return err_next(e,
				"run this where the CA is, or use --csr-only here and --cert with what the CA signed");
	}
	return ca->key != NULL ? 0 : err_set(e, ERR_CA_FAILED, "the CA key has not been unlocked");
}

int ca_issue(struct ca *ca, const struct ca_request *req, struct ca_issued *ret, struct err *e)
{
	struct work w = {.ca = ca, .req = req};
	struct pki_lock *lock = NULL;
	int status = check_ready(ca, e);
	if (status == 0)
		status = policy_check_name(req->user, e);
	if (status == 0)
		status = policy_check_request(&w.csr, ca, req->user, req->csr, e);
	if (status == 0) {
		w.key = X509_REQ_get0_pubkey(w.csr);
		if (req->kind == CA_CLIENT)
			status = policy_check_proof(ca, req->user, w.key, &req->proof, w.out.attested, e);
	}
	if (status == 0) {
		status = pki_lock_take(&lock, ca->pki, ca->lock_wait, ca->note, ca->note_arg, e);
	}
	if (status == 0) {
		sweep_pki(ca->pki, pki_lock_was_stale(lock));
		status = issue_locked(&w, e);
	}
	pki_lock_release(&lock);
	if (status == 0)
		status = certificate_describe(&w.out.cert, w.cert, e);
	if (status == 0)
		*ret = w.out;
	free(w.revoked);
	free(w.row);
	blob_free(&w.text);
	X509_free(w.cert);
	X509_REQ_free(w.csr);
	return status;
}
