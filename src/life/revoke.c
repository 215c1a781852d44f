#include "ca/reason.h"
#include "core/day.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>

static int unknown(const struct life *l, struct err *e)
{
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

static int several(const struct life *l, const struct ca_known *list, size_t n, struct err *e)
{
	char text[sizeof e->what], until[DAY_SIZE];
	size_t valid = 0, len = 0;
	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (list[i].revoked || list[i].not_after <= time(NULL))
			continue;
		valid++;
		day_format(until, list[i].not_after);
		if (len < sizeof text)
			len +=
			    (size_t)snprintf(text + len, sizeof text - len, "\n  %s  until %s", list[i].serial, until);
	}
	err_set(e, ERR_USAGE, "%s has %zu valid certificates:%s", l->opt->user, valid, text);
	return err_next(e, "name one of them with --cert-serial");
}

static int expired(const struct life *l, const struct ca_known *k, struct err *e)
{
	char day[DAY_SIZE];
	day_format(day, k->not_after);
	err_set(e, ERR_CA_REFUSED, "%s has no valid certificate: the last one, %s, expired on %s", l->opt->user,
		k->serial, day);
	return err_next(e, "one that has expired can be revoked all the same: name it with --cert-serial");
}

/* The valid one; if there is none, the last one if that was revoked. */
static int choose(const struct life *l, const struct ca_known *list, size_t n, struct ca_known *ret, struct err *e)
{
	size_t valid = 0;
	if (n == 0)
		return unknown(l, e);
	*ret = list[n - 1];
	if (l->opt->cert_serial != NULL)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (list[i].revoked || list[i].not_after <= time(NULL))
			continue;
		*ret = list[i];
		valid++;
	}
	if (valid > 1)
		return several(l, list, n, e);
	return valid == 0 && !ret->revoked ? expired(l, ret, e) : 0;
}

static int find(struct life *l, struct ca_known *ret, struct err *e)
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

/* A damaged inventory is no reason not to revoke. */
static int tell_inventory(struct life *l, const struct life_revoked *r, struct err *e)
{
	const struct ca_known *k = &r->cert;
	if (l->ports->store.open(&l->store, l->cfg, e) == 0 &&
	    l->ports->store.revoked(l->store, k->serial, k->name, k->when, k->reason, e) == 0)
		return 0;
	return err_prefix(e, "certificate %s is revoked, but that could not be noted in the inventory", k->serial);
}

int life_revoke(struct life *l, struct life_revoked *ret, struct err *e)
{
	const char *reason = l->opt->reason != NULL ? l->opt->reason : "unspecified";
	struct err unnoted = ERR_INIT;
	memset(ret, 0, sizeof *ret);
	if (reason_check(reason, e) != 0 || find(l, &ret->cert, e) != 0)
		return -1;
	if (!ret->cert.revoked && ret->cert.kind != CA_CLIENT && l->ui->confirm_kind(l->ui->arg, &ret->cert, e) != 0)
		return -1;
	int got = life_revoke_known(l, reason, ret, e);
	if (!ret->cert.revoked)
		return got;
	int noted = tell_inventory(l, ret, &unnoted);
	if (got == 0 && noted != 0) {
		*e = unnoted;
		got = -1;
	}
	return got;
}
