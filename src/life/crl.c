#include "core/xalloc.h"
#include "enroll/due.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>

static void add(void *arg, const struct ca_known *k, bool already)
{
	struct life_crl *to = arg;
	to->due = xrealloc(to->due, to->n_due + 1, sizeof *to->due);
	to->due[to->n_due++] = (struct life_revoked){.cert = *k, .already = already};
}

static int revoke_due(struct life *l, struct life_crl *ret, struct err *e)
{
	const struct due due = {.ports = l->ports,
				.store = l->store,
				.signer = l->signer,
				.revoked = add,
				.revoked_arg = ret,
				.note = l->ui->note,
				.note_arg = l->ui->arg};
	size_t n = 0;
	return due_revoke(&due, &n, e);
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
		due = revoke_due(l, ret, &undone);
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
