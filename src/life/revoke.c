#include "ca/reason.h"
#include "core/day.h"
#include "core/xalloc.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the CA is elsewhere, or index.txt was lost. */
static bool has_index(const struct life *l)
{
	char *path = xasprintf("%s/index.txt", l->ca.pki);
	bool has = access(path, F_OK) == 0;
	free(path);
	return has;
}

static int unknown(const struct life *l, struct err *e)
{
	if (!has_index(l)) {
		err_set(e, ERR_CA_PKI, "nothing can be revoked here: the PKI %s has no index.txt", l->ca.pki);
		return err_next(e, "revoke it where the CA is; if the CA is here, put index.txt back from a backup");
	}
	if (l->opt->cert_serial != NULL) {
		err_set(e, ERR_CA_REFUSED, "there is no certificate with the serial number %s in %s/index.txt",
			l->opt->cert_serial, l->ca.pki);
		return err_next(e, "compare it with the certificate's own: openssl x509 -noout -serial -in FILE. What "
				   "another CA signed is revoked there");
	}
	err_set(e, ERR_CA_REFUSED, "there is no certificate of %s in %s/index.txt", l->opt->user, l->ca.pki);
	return err_next(e, "capitals count. Look there for /CN=, and in issued/ for the file's name; then name the "
			   "certificate with --cert-serial");
}

static bool is_valid(const struct ca_known *k)
{
	return !k->revoked && k->not_after > time(NULL);
}

/* What the inventory says of it, if it knows it. */
static void describe(const struct store_issued *rows, size_t n, const char *serial, char *ret, size_t size)
{
	char day[DAY_SIZE];
	ret[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const struct store_issued *r = &rows[i];
		if (strcmp(r->cert_serial, serial) != 0)
			continue;
		day_format(day, r->revoke_at);
		if (r->state == CRED_SUPERSEDED)
			snprintf(ret, size, ", replaced%s%s", r->revoke_at != 0 ? ", to be revoked on " : "",
				 r->revoke_at != 0 ? day : "");
		else
			snprintf(ret, size, ", %son token %s", r->state < CRED_WRITTEN ? "not yet " : "",
				 r->token.serial);
	}
}

/* A damaged inventory only says less. */
static void read_rows(struct life *l, struct store_issued **ret, size_t *ret_n)
{
	struct err unread = ERR_INIT;
	*ret = NULL;
	*ret_n = 0;
	if ((l->store == NULL && l->ports->store.open(&l->store, l->cfg, &unread) != 0) ||
	    l->ports->store.issued(l->store, l->opt->user, ret, ret_n, &unread) != 0)
		*ret_n = 0;
}

static int several(struct life *l, const struct ca_known *list, size_t n, struct err *e)
{
	char text[sizeof e->what], until[DAY_SIZE], where[120];
	struct store_issued *rows;
	size_t valid = 0, len = 0, n_rows;
	text[0] = '\0';
	read_rows(l, &rows, &n_rows);
	for (size_t i = 0; i < n; i++) {
		if (!is_valid(&list[i]))
			continue;
		day_format(until, list[i].not_after);
		describe(rows, n_rows, list[i].serial, where, sizeof where);
		if (len < sizeof text)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s %s until %s%s", valid > 0 ? ";" : "",
						list[i].serial, until, where);
		valid++;
	}
	free(rows);
	err_set(e, ERR_USAGE, "%s has %zu valid certificates:%s", l->opt->user, valid, text);
	return err_next(e, "name one of them with --cert-serial, or revoke all of them with --all");
}

static int expired(const struct life *l, const struct ca_known *k, struct err *e)
{
	char day[DAY_SIZE];
	day_format(day, k->not_after);
	err_set(e, ERR_CA_REFUSED, "%s has no valid certificate: the last one, %s, expired on %s", l->opt->user,
		k->serial, day);
	return err_next(e, "one that has expired can be revoked all the same: name it with --cert-serial");
}

static void take(struct life_revocation *to, const struct ca_known *k)
{
	to->certs = xrealloc(to->certs, to->n + 1, sizeof *to->certs);
	to->certs[to->n++] = (struct life_revoked){.cert = *k};
}

/* The valid one, or all of them; if there is none, the last one if that was revoked. */
static int choose(struct life *l, const struct ca_known *list, size_t n, struct life_revocation *ret, struct err *e)
{
	if (n == 0)
		return unknown(l, e);
	for (size_t i = 0; i < n && l->opt->cert_serial == NULL; i++) {
		if (is_valid(&list[i]))
			take(ret, &list[i]);
	}
	if (ret->n > 1 && !l->opt->all) {
		ret->n = 0;
		return several(l, list, n, e);
	}
	if (ret->n == 0 && l->opt->cert_serial == NULL && !list[n - 1].revoked)
		return expired(l, &list[n - 1], e);
	if (ret->n == 0)
		take(ret, &list[n - 1]);
	return 0;
}

static int find(struct life *l, struct life_revocation *ret, struct err *e)
{
	struct ca_known *list = NULL;
	size_t n = 0;
	const char *name = l->opt->cert_serial != NULL ? NULL : l->opt->user;
	if (life_ca_open(l, e) != 0 || l->ports->ca.known(l->signer, name, l->opt->cert_serial, &list, &n, e) != 0)
		return -1;
	int got = choose(l, list, n, ret, e);
	free(list);
	return got;
}

/* Asked for all of them before the first is revoked. */
static int confirm(struct life *l, const struct life_revocation *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct ca_known *k = &r->certs[i].cert;
		if (!k->revoked && k->kind != CA_CLIENT && l->ui->confirm_kind(l->ui->arg, k, e) != 0)
			return -1;
	}
	return 0;
}

/* A damaged inventory is no reason not to revoke. */
static int tell_inventory(struct life *l, const struct life_revoked *r, struct err *e)
{
	const struct ca_known *k = &r->cert;
	if ((l->store != NULL || l->ports->store.open(&l->store, l->cfg, e) == 0) &&
	    l->ports->store.revoked(l->store, k->serial, k->name, k->when, k->reason, e) == 0)
		return 0;
	return err_prefix(e, "certificate %s is revoked, but that could not be noted in the inventory", k->serial);
}

static int revoke_one(struct life *l, const char *reason, struct life_revoked *r, struct err *e)
{
	struct err unnoted = ERR_INIT;
	int got = life_revoke_known(l, reason, r, e);
	if (!r->cert.revoked)
		return got;
	int noted = tell_inventory(l, r, &unnoted);
	if (got == 0 && noted != 0) {
		*e = unnoted;
		got = -1;
	}
	return got;
}

/* All of them, whatever happens to one. */
static int revoke_all(struct life *l, const char *reason, struct life_revocation *r, struct err *e)
{
	int ret = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct err why = ERR_INIT;
		int got = revoke_one(l, reason, &r->certs[i], &why);
		if (got != 0 && ret == 0)
			*e = why;
		ret = got != 0 ? got : ret;
	}
	return ret;
}

/* A renewed certificate is for the same key: whoever has that still gets in. */
static void note_others(const struct life *l, const struct life_revocation *r)
{
	const char *name = r->certs[0].cert.name;
	struct ca_known *list = NULL;
	struct err unread = ERR_INIT;
	char text[400];
	size_t n = 0;
	if (r->n > 1 || l->ports->ca.known(l->signer, name, NULL, &list, &n, &unread) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!is_valid(&list[i]))
			continue;
		snprintf(text, sizeof text,
			 "the CA has another valid certificate of %.100s, %s; if that is to be revoked, too: tokenroll "
			 "revoke --cert-serial %s",
			 name, list[i].serial, list[i].serial);
		l->ui->note(l->ui->arg, text);
	}
	free(list);
}

int life_revoke(struct life *l, struct life_revocation *ret, struct err *e)
{
	const char *reason = l->opt->reason != NULL ? l->opt->reason : "unspecified";
	memset(ret, 0, sizeof *ret);
	if (reason_check(reason, e) != 0 || find(l, ret, e) != 0 || confirm(l, ret, e) != 0)
		return -1;
	int got = revoke_all(l, reason, ret, e);
	if (ret->certs[0].cert.revoked)
		note_others(l, ret);
	return got;
}

void life_revocation_free(struct life_revocation *r)
{
	free(r->certs);
	memset(r, 0, sizeof *r);
}
