#include "ca/known.h"

#include "ca/certificate.h"
#include "ca/names.h"
#include "ca/published.h"
#include "ca/subject.h"
#include "core/xalloc.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX 256

enum ca_kind known_kind(X509 *cert)
{
	if (cert == NULL)
		return CA_CLIENT;
	if (X509_check_ca(cert) != 0)
		return CA_AUTHORITY;
	/* all bits are set if there is no such extension, and easy-rsa's servers have one */
	uint32_t usage = X509_get_extended_key_usage(cert);
	return usage != UINT32_MAX && (usage & XKU_SSL_SERVER) != 0 ? CA_SERVER : CA_CLIENT;
}

/* The last one of a subject as X509_NAME_oneline writes it. */
static void oneline_cn(struct span subject, char ret[CA_NAME_MAX])
{
	static const char mark[] = "/CN=";
	const char *p = subject.p, *end = p + subject.len, *found = NULL, *hit;
	while ((hit = memmem(p, (size_t)(end - p), mark, sizeof mark - 1)) != NULL)
		p = found = hit + sizeof mark - 1;
	const char *slash = found != NULL ? memchr(found, '/', (size_t)(end - found)) : NULL;
	snprintf(ret, CA_NAME_MAX, "%.*s", found != NULL ? (int)((slash != NULL ? slash : end) - found) : 0,
		 found != NULL ? found : "");
}

static void fill_reason(const struct index_row *row, char ret[CA_REASON_MAX])
{
	char *text = span_text(row->revoked), *rest = strchr(text, ',');
	char *reason = rest != NULL ? rest + 1 : NULL;
	if (reason != NULL)
		reason[strcspn(reason, ",")] = '\0';
	snprintf(ret, CA_REASON_MAX, "%s", reason != NULL ? reason : "unspecified");
	free(text);
}

/* Also where easy-rsa puts it when it is revoked. */
static X509 *find_certificate(const struct ca *ca, const char *name, const char *serial)
{
	X509 *cert = names_certificate(ca, name, serial);
	char *path = pki_path(ca, "revoked/certs_by_serial/%s.crt", serial);
	if (cert == NULL)
		cert = certificate_read(path, NULL);
	free(path);
	return cert;
}

void known_fill(const struct ca *ca, const struct index_row *row, struct ca_known *ret)
{
	*ret = (struct ca_known){.revoked = row->status == 'R', .not_after = index_time(row->not_after)};
	snprintf(ret->serial, sizeof ret->serial, "%.*s", (int)row->serial.len, row->serial.p);
	snprintf(ret->subject, sizeof ret->subject, "%.*s", (int)row->subject.len, row->subject.p);
	oneline_cn(row->subject, ret->name);
	if (ret->revoked) {
		ret->when = index_time(row->revoked);
		fill_reason(row, ret->reason);
	}
	X509 *cert = find_certificate(ca, ret->name, ret->serial);
	char *cn = cert != NULL ? subject_cn(X509_get_subject_name(cert)) : NULL;
	if (cn != NULL)
		snprintf(ret->name, sizeof ret->name, "%s", cn);
	ret->kind = known_kind(cert);
	free(cn);
	X509_free(cert);
}

X509 *known_lost(const struct ca *ca, const char *user, const char *serial)
{
	X509 *cert = names_certificate(ca, user != NULL ? user : "", serial);
	if (cert == NULL && user == NULL)
		cert = names_renewed(ca, serial);
	char *cn = cert != NULL ? subject_cn(X509_get_subject_name(cert)) : NULL;
	const char *name = user != NULL ? user : cn;
	if (cert != NULL && (name == NULL || !certificate_is_ours(cert, ca, name, X509_get0_pubkey(cert)))) {
		X509_free(cert);
		cert = NULL;
	}
	free(cn);
	return cert;
}

/* What a row would say. */
static void fill_lost(X509 *cert, const char *serial, struct ca_known *ret)
{
	char *cn = subject_cn(X509_get_subject_name(cert));
	*ret = (struct ca_known){.kind = known_kind(cert), .not_after = certificate_not_after(cert)};
	snprintf(ret->serial, sizeof ret->serial, "%s", serial);
	snprintf(ret->name, sizeof ret->name, "%s", cn != NULL ? cn : "");
	X509_NAME_oneline(X509_get_subject_name(cert), ret->subject, sizeof ret->subject);
	free(cn);
}

/* As X509_NAME_oneline writes it into index.txt. */
static char *oneline_of(const char *name)
{
	char *ret = xcalloc(4 * strlen(name) + 1, 1), *to = ret;
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			to += sprintf(to, "\\x%02X", *p);
		else
			*to++ = (char)*p;
	}
	return ret;
}

struct list {
	struct ca_known *items;
	size_t n;
};

static void add(const struct ca *ca, const struct index_row *row, struct list *to)
{
	if (to->n == KNOWN_MAX)
		return;
	to->items = xrealloc(to->items, to->n + 1, sizeof *to->items);
	known_fill(ca, row, &to->items[to->n++]);
}

/* One whose certificate has another name only looks the same in index.txt. */
static void add_named(const struct ca *ca, const char *name, struct list *to)
{
	struct index_row row;
	char *oneline = oneline_of(name);
	for (size_t pos = 0; index_next_named(ca->index, oneline, &pos, &row);) {
		add(ca, &row, to);
		const struct ca_known *k = &to->items[to->n - 1];
		if (strcmp(k->name, name) != 0 && strcmp(k->name, oneline) != 0)
			to->n--;
	}
	free(oneline);
}

/* The serial is the name of a file, then. */
static void add_lost(const struct ca *ca, const char *serial, struct list *to)
{
	bool hex = serial[0] != '\0' && serial[strspn(serial, "0123456789ABCDEF")] == '\0';
	X509 *cert = hex && to->n < KNOWN_MAX ? known_lost(ca, NULL, serial) : NULL;
	if (cert != NULL) {
		to->items = xrealloc(to->items, to->n + 1, sizeof *to->items);
		fill_lost(cert, serial, &to->items[to->n++]);
	}
	X509_free(cert);
}

static void add_serial(const struct ca *ca, const char *serial, struct list *to)
{
	struct index_row row;
	if (index_by_serial(ca->index, serial, &row))
		add(ca, &row, to);
	else
		add_lost(ca, serial, to);
}

/* `easyrsa revoke NAME` goes by the file, too. Beside rows of that name only one whose row was lost is new. */
static void add_file(const struct ca *ca, const char *name, struct list *to)
{
	struct index_row row;
	char *path = pki_path(ca, "issued/%s.crt", name);
	X509 *cert = strchr(name, '/') == NULL ? certificate_read(path, NULL) : NULL;
	char *serial = cert != NULL ? certificate_serial(cert) : NULL;
	if (serial != NULL && (to->n == 0 || (subject_has_cn(X509_get_subject_name(cert), name) &&
					      !index_by_serial(ca->index, serial, &row))))
		add_serial(ca, serial, to);
	free(serial);
	X509_free(cert);
	free(path);
}

static int mark_on_crl(const struct ca *ca, struct list *l, struct err *e)
{
	struct crls c = CRLS_INIT;
	c.made_path = pki_path(ca, "crl.pem");
	int ret = ca->crl_file != NULL ? crls_read_published(&c, ca, e) : crls_read_made(&c, ca, e);
	const struct certlist *crl = ca->crl_file != NULL ? c.read : c.made;
	for (size_t i = 0; ret == 0 && crl != NULL && i < l->n; i++)
		l->items[i].on_crl = l->items[i].revoked && certlist_has(crl, l->items[i].serial);
	crls_free(&c);
	return ret;
}

int ca_known(struct ca *ca, const char *name, const char *serial, struct ca_known **ret, size_t *ret_n, struct err *e)
{
	struct list l = {NULL, 0};
	struct err unread = ERR_INIT;
	if (ca->index != NULL && index_refresh(ca->index, e) != 0)
		return -1;
	if (ca->index != NULL && serial != NULL)
		add_serial(ca, serial, &l);
	if (ca->index != NULL && name != NULL)
		add_named(ca, name, &l);
	if (ca->index != NULL && name != NULL)
		add_file(ca, name, &l);
	/* a CRL that cannot be read has nobody on it: a fresh one is made then */
	(void)mark_on_crl(ca, &l, &unread);
	*ret = l.items;
	*ret_n = l.n;
	return 0;
}
