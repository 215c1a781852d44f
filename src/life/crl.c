#include "core/xalloc.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>

/* One that the CA does not know any more is no reason to leave the others. */
static int revoke_one(struct life *l, const struct store_due *d, struct life_revoked *ret, bool *ret_done,
		      struct err *e)
{
	const struct enroll_ca_port *ca = &l->ports->ca;
	struct err why = ERR_INIT;
	char text[1024];
	*ret_done =
	    ca->revoke_serial(l->signer, d->cert_serial, "superseded", false, &ret->already, &ret->cert, &why) == 0;
	if (*ret_done)
		return l->ports->store.revoked(l->store, d->cert_serial, d->user, ret->cert.when, ret->cert.reason, e);
	if (why.code != ERR_CA_REFUSED && why.code != ERR_SERVER) {
		*e = why;
		return err_prefix(e, "certificate %s of %s was replaced, and is to be revoked by now", d->cert_serial,
				  d->user);
	}
	snprintf(text, sizeof text, "certificate %s of %s is to be revoked by now, but: %s", d->cert_serial, d->user,
		 why.what);
	l->ui->note(l->ui->arg, text);
	return 0;
}

int life_revoke_due(struct life *l, struct life_revoked **list, size_t *n, struct err *e)
{
	struct store_due *due = NULL;
	size_t n_due = 0;
	int got = l->ports->store.due(l->store, &due, &n_due, e);
	for (size_t i = 0; got == 0 && i < n_due; i++) {
		bool done = false;
		*list = xrealloc(*list, *n + 1, sizeof **list);
		got = revoke_one(l, &due[i], &(*list)[*n], &done, e);
		*n += done;
	}
	free(due);
	return got;
}

int life_crl(struct life *l, struct life_crl *ret, struct err *e)
{
	struct err undone = ERR_INIT;
	memset(ret, 0, sizeof *ret);
	if (life_ca_open(l, e) != 0 || life_ca_unlock(l, e) != 0)
		return -1;
	/* a CRL that expires locks everybody out: it is made whatever the inventory says */
	int due = l->ports->store.open(&l->store, l->cfg, &undone);
	if (due == 0)
		due = life_revoke_due(l, &ret->due, &ret->n_due, &undone);
	int got = l->ports->ca.crl(l->signer, &ret->crl, e);
	if (got == 0)
		got = life_publish(l, "a fresh CRL is made", e);
	if (got == 0 && due != 0) {
		*e = undone;
		got = err_prefix(e, "a fresh CRL is made and published, but");
	}
	return got;
}

void life_crl_free(struct life_crl *r)
{
	free(r->due);
	memset(r, 0, sizeof *r);
}
