/*
 * doctor_ca: the PKI as a process sees it that only looks, judged as `tokenroll
 * status` judges it, and whether this user may have certificates issued there.
 */
#include "life/doctor_impl.h"

#include "ca/rights.h"
#include "core/day.h"
#include "core/xalloc.h"
#include "life/status_impl.h"
#include "pkcs11/hsm.h"

#include <libgen.h>
#include <stdlib.h>

/* How bad a finding is, and by which code. What cannot be told has the code of the error that it is made of. */
static void say_finding(struct doctor_run *r, const char *name, const struct status_finding *f, enum err_code untold)
{
	enum doctor_level level = f->level == STATUS_SOON   ? DOCTOR_NOTE
				  : f->level == STATUS_FINE ? DOCTOR_OK
							    : DOCTOR_WRONG;
	doctor_say(r, DOCTOR_CA, level, name, "%s", f->what != NULL ? f->what : "");
	doctor_next(r, f->next != NULL ? f->next : "");
	doctor_code(r, f->level == STATUS_UNTOLD ? untold : ERR_CA_PKI);
}

/* Returns how many there were. */
static size_t say_group(struct doctor_run *r, const struct status *st, enum status_topic topic, const char *name,
			enum err_code untold)
{
	const struct status_group *g = &st->group[topic];
	for (size_t i = 0; i < g->n_kept; i++)
		say_finding(r, name, &g->kept[i], untold);
	return g->n;
}

static void say_certificate(struct doctor_run *r, const struct status *st)
{
	char day[DAY_SIZE];
	if (say_group(r, st, STATUS_CA, "ca-certificate", ERR_CA_PKI) != 0)
		return;
	day_format(day, st->look.not_after);
	doctor_say(r, DOCTOR_CA, DOCTOR_OK, "ca-certificate", "%s, until %s, %ld days", st->look.subject, day,
		   status_days(st, st->look.not_after));
}

static void say_crl(struct doctor_run *r, const struct status *st)
{
	const struct ca_look *l = &st->look;
	bool served = l->publishes && l->published.there;
	const struct ca_crl_dates *d = served ? &l->published : &l->made;
	char day[DAY_SIZE];
	if (say_group(r, st, STATUS_CRL, "crl", l->no_crl.code) != 0)
		return;
	if (!d->there) {
		doctor_say(r, DOCTOR_CA, DOCTOR_OK, "crl", "none is here, and none is published from here");
		return;
	}
	day_format(day, d->next_update);
	doctor_say(r, DOCTOR_CA, DOCTOR_OK, "crl", "until %s, %ld days, %s%s", day, status_days(st, d->next_update),
		   served ? "as the VPN server reads it in " : "in the PKI; [ca] crl names no other place",
		   served ? r->cfg->ca.crl : "");
}

static void say_index(struct doctor_run *r, const struct status *st)
{
	if (say_group(r, st, STATUS_PKI, "index", st->look.no_index.code) != 0)
		return;
	doctor_say(r, DOCTOR_CA, st->look.has_index ? DOCTOR_OK : DOCTOR_NOTE, "index",
		   st->look.has_index ? "index.txt can be read" : "index.txt is not here: the CA is elsewhere");
}

static int check_hsm(const struct config_ca *ca, struct err *e)
{
	static const struct p11_uri_use use = {ERR_CONFIG, "[ca] key", "asked for, or read from --ca-pass-file"};
	struct p11_uri uri = {.label = ""};
	char *path = NULL;
	int ret = p11_uri_parse(&uri, ca->key, &use, e) != 0 ? -1 : p11_hsm_module(&uri, &path, e);
	free(path);
	p11_uri_clear(&uri);
	return ret;
}

/* An HSM is not asked: that takes its PIN. */
static void say_key(struct doctor_run *r, const struct ca_look *l)
{
	struct err why = ERR_INIT;
	if (!l->has_key) {
		doctor_say(r, DOCTOR_CA, DOCTOR_NOTE, "key", "the CA's key is not here");
		doctor_next(r, "issue certificates where it is (--csr-only, --cert), or correct [ca] key");
		return;
	}
	bool on_hsm = config_key_on_hsm(&r->cfg->ca);
	if ((on_hsm && check_hsm(&r->cfg->ca, &why) != 0) || ca_rights_check(&r->cfg->ca, &why) != 0)
		doctor_trouble(r, DOCTOR_CA, DOCTOR_WRONG, "key", &why);
	else if (on_hsm)
		doctor_say(r, DOCTOR_CA, DOCTOR_OK, "key", "on an HSM, which was not opened; the PKI can be written");
	else
		doctor_say(r, DOCTOR_CA, DOCTOR_OK, "key", "it can be read, and the PKI can be written");
}

static void say_publishing(struct doctor_run *r)
{
	struct err why = ERR_INIT;
	char *copy = xstrdup(r->cfg->ca.crl);
	if (doctor_check_folder(dirname(copy), "the folder that the CRL is published in,", "[ca] crl", &why) == 0) {
		doctor_say(r, DOCTOR_CA, DOCTOR_OK, "publishing", "a CRL can be put into the place of %s",
			   r->cfg->ca.crl);
	} else {
		why.code = ERR_CRL_UNPUBLISHED;
		doctor_trouble(r, DOCTOR_CA, DOCTOR_WRONG, "publishing", &why);
	}
	free(copy);
}

static void say_all(struct doctor_run *r, struct status *st)
{
	struct status_run judge = {.st = st, .cfg = r->cfg};
	status_pki(&judge);
	doctor_say(r, DOCTOR_CA, DOCTOR_OK, "pki", "%s", st->look.pki);
	say_certificate(r, st);
	say_key(r, &st->look);
	say_index(r, st);
	say_crl(r, st);
	if (st->look.has_key && r->cfg->ca.crl != NULL)
		say_publishing(r);
}

void doctor_ca(struct doctor_run *r)
{
	struct status *st = xcalloc(1, sizeof *st);
	struct signer *s = NULL;
	struct err why = ERR_INIT;
	st->now = time(NULL);
	if (signer_look_begin(&s, &r->cfg->ca, r->req->verbose, NULL, NULL, &why) == 0 &&
	    signer_look_end(s, &st->look, &why) == 0)
		say_all(r, st);
	else
		doctor_trouble(r, DOCTOR_CA, DOCTOR_WRONG, "pki", &why);
	signer_stop(&s);
	status_free(&st);
}
