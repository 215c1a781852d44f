#include "enroll/lost.h"
#include "life/life.h"

#include <string.h>

int life_ca_open(struct life *l, struct err *e)
{
	const struct enroll_ca_port *ca = &l->ports->ca;
	if (l->signer != NULL)
		return 0;
	return ca->start(&l->signer, &l->cfg->ca, l->opt->verbose, l->ui->note, l->ui->arg, e) != 0
		   ? -1
		   : ca->open(l->signer, &l->ca, e);
}

static int try_passphrase(struct life *l, unsigned attempt, struct err *e)
{
	const struct enroll_ca_port *ca = &l->ports->ca;
	struct secret *pass = l->ca.needs_passphrase ? secret_new() : NULL;
	int got = pass != NULL ? l->ui->passphrase(l->ui->arg, &l->ca, attempt, pass, e) : 0;
	if (got == 0)
		got = ca->unlock_begin(l->signer, pass, e);
	if (got == 0)
		l->unlocked = ca->unlock_end(l->signer, e) == 0;
	if (l->unlocked && l->opt->keep_passphrase) {
		l->passphrase = pass;
		pass = NULL;
	}
	secret_free(&pass);
	return got;
}

int life_ca_unlock(struct life *l, struct err *e)
{
	if (!l->ca.has_key) {
		err_set(e, ERR_CA_PKI,
			"nothing can be revoked and no CRL made here: the CA's key %s is not on this machine",
			l->cfg->ca.key);
		return err_next(e, "have it done where the CA is");
	}
	for (unsigned attempt = 0; !l->unlocked; attempt++) {
		struct err wrong = ERR_INIT;
		if (try_passphrase(l, attempt, &wrong) == 0 && !l->unlocked && wrong.code == ERR_CA_PASSPHRASE) {
			l->ui->note(l->ui->arg, wrong.what);
			continue;
		}
		if (l->unlocked)
			break;
		*e = wrong;
		return -1;
	}
	return 0;
}

int life_publish(struct life *l, const char *done, struct err *e)
{
	return l->ports->ca.publish_fresh(l->signer, e) == 0 ? 0 : err_prefix(e, "%s", done);
}

int life_revoke_known(struct life *l, const char *reason, struct life_revoked *r, struct err *e)
{
	const struct enroll_ca_port *ca = &l->ports->ca;
	char done[160];
	r->already = r->cert.revoked;
	/* what the CA has revoked, and has on its CRL, too */
	if (r->cert.revoked && r->cert.on_crl)
		return 0;
	if (life_ca_unlock(l, e) != 0 || ca->revoke_serial(l->signer, r->cert.serial, reason, r->cert.kind != CA_CLIENT,
							   &r->already, &r->cert, e) != 0)
		return -1;
	snprintf(done, sizeof done, "certificate %s is revoked", r->cert.serial);
	return life_publish(l, done, e);
}

int life_check_lost(const struct life *l, struct err *e)
{
	return lost_check(&l->ports->store, l->store, &l->id, e);
}
