#include "ca/look.h"

#include "ca/certificate.h"
#include "ca/chain.h"
#include "ca/crlserved.h"
#include "ca/pki.h"
#include "ca/published.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* By serial number, as the inventory's are compared. */
int look_by_serial(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);
	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void sort_rows(struct ca *ca)
{
	struct index_row row;
	size_t room = 0;
	for (size_t pos = 0; index_next(ca->index, &pos, &row); ca->n_serials++) {
		if (ca->n_serials == room) {
			room = room != 0 ? room * 2 : 1024;
			ca->serials = xrealloc(ca->serials, room, sizeof *ca->serials);
		}
		ca->serials[ca->n_serials] = row.serial;
	}
	if (ca->n_serials != 0)
		qsort(ca->serials, ca->n_serials, sizeof *ca->serials, look_by_serial);
}

static void look_at_index(struct ca *ca, struct ca_look *ret)
{
	char *path = pki_path(ca, "index.txt");
	if (pki_exists(path) && index_open(&ca->index, path, &ret->no_index) == 0)
		sort_rows(ca);
	ret->has_index = ca->index != NULL;
	free(path);
}

static time_t to_time(const ASN1_TIME *t)
{
	struct tm tm;
	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static struct ca_crl_dates dates_of(const struct certlist *crl)
{
	if (crl == NULL)
		return (struct ca_crl_dates){.there = false};
	struct certlist_head head = certlist_head(crl);
	return (struct ca_crl_dates){true, to_time(head.this_update), to_time(head.next_update)};
}

static void look_at_crls(struct ca *ca, const struct config_ca *cfg, struct ca_look *ret)
{
	struct crls c = CRLS_INIT;
	ca->crl_file = cfg->crl != NULL ? realpath(cfg->crl, NULL) : NULL;
	if (ca->crl_file == NULL)
		ca->crl_file = cfg->crl != NULL ? xstrdup(cfg->crl) : pki_path(ca, "crl.pem");
	if (crls_read(&c, ca, &ret->no_crl) == 0) {
		ret->publishes = strcmp(c.made_path, ca->crl_file) != 0;
		ret->made = dates_of(c.made);
		ret->published = dates_of(c.read);
		ret->outdated = ret->publishes && !crls_same(&c, ca) && crls_outdated(&c);
		crlserved_look(ca, &c, c.read, &ret->served);
		if (cfg->crl == NULL) /* nothing says that a server reads PKI/crl.pem */
			ret->served.closed[0] = '\0';
	}
	crls_free(&c);
}

static int read_ca_certificate(struct ca *ca, const struct config_ca *cfg, struct ca_look *ret, struct err *e)
{
	ca->cert_file = cfg->cert != NULL ? xstrdup(cfg->cert) : pki_path(ca, "ca.crt");
	ca->cert = certificate_read(ca->cert_file, e);
	if (ca->cert == NULL) {
		if (e != NULL)
			e->code = ERR_CA_PKI;
		err_prefix(e, "the CA certificate cannot be read");
		return err_next(e, "was `easyrsa build-ca` run in %s? Else set [ca] pki or cert", ca->pki);
	}
	X509_NAME_oneline(X509_get_subject_name(ca->cert), ret->subject, sizeof ret->subject);
	ret->not_after = certificate_not_after(ca->cert);
	return 0;
}

static void look_for_key(const struct ca *ca, const struct config_ca *cfg, struct ca_look *ret)
{
	char *usual = pki_path(ca, "private/ca.key");
	const char *key = cfg->key != NULL ? cfg->key : usual;
	ret->has_key = strncmp(key, "pkcs11:", 7) == 0 || access(key, F_OK) == 0;
	free(usual);
}

static int open_folder(struct ca *ca, const struct config_ca *cfg, struct ca_look *ret, struct err *e)
{
	ca->pki = realpath(cfg->pki, NULL);
	if (ca->pki != NULL && access(ca->pki, R_OK | X_OK) == 0) {
		snprintf(ret->pki, sizeof ret->pki, "%s", ca->pki);
		return 0;
	}
	err_errno(e, ERR_CA_PKI, "the PKI folder %s cannot be opened", cfg->pki);
	return err_next(e, errno == EACCES ? "run tokenroll as the owner of the PKI"
					   : "set [ca] pki to the folder that `easyrsa init-pki` made");
}

int ca_look(struct ca **ret, const struct config_ca *cfg, struct ca_look *ret_look, struct err *e)
{
	struct ca *ca = xcalloc(1, sizeof *ca);
	memset(ret_look, 0, sizeof *ret_look);
	ca->looks_only = true;
	if (open_folder(ca, cfg, ret_look, e) != 0 || read_ca_certificate(ca, cfg, ret_look, e) != 0) {
		ca_close(&ca);
		return -1;
	}
	chain_read_above(ca, cfg);
	look_for_key(ca, cfg, ret_look);
	look_at_index(ca, ret_look);
	look_at_crls(ca, cfg, ret_look);
	*ret = ca;
	return 0;
}

/* The date in the third column, which the check has passed. */
static time_t revoked_at(const struct index_row *row)
{
	const char *comma = memchr(row->revoked.p, ',', row->revoked.len);
	struct span date = {row->revoked.p, comma != NULL ? (size_t)(comma - row->revoked.p) : row->revoked.len};
	return row->status == 'R' ? index_time(date) : 0;
}

int ca_look_rows(struct ca *ca, uint64_t from, size_t most, struct ca_rows *ret, struct err *e)
{
	size_t left = from < ca->n_serials ? ca->n_serials - (size_t)from : 0;
	ret->list = xcalloc(left < most ? left : most, sizeof *ret->list);
	for (ret->n = 0; ret->n < left && ret->n < most; ret->n++) {
		struct index_row row;
		struct ca_row *r = &ret->list[ret->n];
		/* the columns before it: status TAB notAfter TAB revocation TAB */
		const char *start = index_row_start(ca->index, ca->serials[from + ret->n].p);
		if (index_row_at(ca->index, start, &row) != 0)
			return err_set(e, ERR_CA_PKI, "index.txt was changed while it was read");
		memcpy(r->serial, row.serial.p, row.serial.len);
		r->status = row.status;
		r->not_after = index_time(row.not_after);
		r->revoked = revoked_at(&row);
	}
	ret->next = from + ret->n;
	ret->more = ret->next < ca->n_serials;
	return 0;
}

void ca_rows_free(struct ca_rows *r)
{
	free(r->list);
	*r = (struct ca_rows){.list = NULL};
}
