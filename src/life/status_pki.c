/*
 * status_pki: how long CA and CRL are good for.
 */
#include "core/day.h"
#include "life/status_impl.h"

#include <inttypes.h>

static void look_at_ca(struct status_run *r)
{
	struct status *st = r->st;
	long days = status_days(st, st->look.not_after);
	char day[DAY_SIZE];
	if (days >= r->cfg->status.ca_warn_days)
		return;
	/* a new CA takes its time */
	bool wrong = days < r->cfg->status.warn_days;
	struct status_finding *f = status_add(st, STATUS_CA, wrong ? STATUS_WRONG : STATUS_SOON);
	day_format(day, st->look.not_after);
	f->at = st->look.not_after;
	status_say(f, "the CA certificate %s %s on %s", st->look.subject, days < 0 ? "ended" : "ends", day);
	status_next(f, "renew the CA: no certificate is good for longer than it is");
}

static void say(struct status_run *r, enum status_level level, time_t at, const char *what, const char *next)
{
	struct status_finding *f = status_add(r->st, STATUS_CRL, level);
	f->at = at;
	status_say(f, "%s", what);
	status_next(f, "%s", next);
}

/* whose is "" for this CA's own. */
static void look_at_end(struct status_run *r, time_t until, const char *whose, const char *next)
{
	const struct config_crl *c = &r->cfg->crl;
	char text[500], day[DAY_SIZE];
	long days = status_days(r->st, until);
	if (until == 0 || days >= c->warn_days)
		return;
	day_format(day, until);
	snprintf(text, sizeof text, "the CRL %s%s on %s; the VPN server lets nobody in with one that is out of date",
		 whose, days < 0 ? "ended" : "ends", day);
	say(r, days < c->critical_days ? STATUS_WRONG : STATUS_SOON, until, text, next);
}

/* Only the CA's key makes one. */
static const char *how_to_renew(const struct ca_look *l)
{
	return l->has_key ? "tokenroll crl"
			  : "have a fresh one made where the CA's key is, and bring it to the file of [ca] crl";
}

/* What there is about the file beside this CA's CRL. */
static void look_at_served(struct status_run *r)
{
	const struct ca_crl_served *s = &r->st->look.served;
	char text[900];
	snprintf(text, sizeof text, "of %s in the same file ", s->above);
	look_at_end(r, s->above_until, text,
		    "have that CA make a fresh one, and put it into the file of [ca] crl in the place of the old one");
	if (s->lacking != 0 && !r->st->look.outdated) {
		snprintf(text, sizeof text,
			 "the CRL lacks %" PRIu64
			 " of index.txt's revoked certificates (%s%s), and the VPN server lets "
			 "them in",
			 s->lacking, s->lacks, s->lacking > 1 ? ", ..." : "");
		say(r, STATUS_WRONG, 0, text, how_to_renew(&r->st->look));
	}
	if (s->closed[0] != '\0') {
		snprintf(text, sizeof text,
			 "%s is closed to others: a VPN server that does not stay root (user nobody) cannot read the "
			 "CRL anew, and lets in who was revoked",
			 s->closed);
		say(r, STATUS_SOON, 0, text, "open it with chmod, or set [ca] crl to another place");
	}
}

/* PKI/crl.pem says something only where it is made. */
static void look_at_files(struct status_run *r)
{
	const struct ca_look *l = &r->st->look;
	if (l->has_key && !l->made.there)
		say(r, l->publishes ? STATUS_WRONG : STATUS_SOON, 0, "the PKI has no CRL", how_to_renew(l));
	else if (l->publishes && !l->published.there)
		say(r, STATUS_WRONG, 0, "the CRL is not where the VPN server reads it ([ca] crl)", how_to_renew(l));
	else if (l->outdated)
		say(r, STATUS_WRONG, 0, "the VPN server reads an older CRL ([ca] crl) than the PKI has",
		    how_to_renew(l));
}

static void look_at_crl(struct status_run *r)
{
	const struct ca_look *l = &r->st->look;
	if (l->no_crl.code != ERR_NONE) {
		say(r, STATUS_UNTOLD, 0, l->no_crl.what, err_advice(&l->no_crl));
		return;
	}
	look_at_files(r);
	look_at_end(r, (l->publishes && l->published.there ? &l->published : &l->made)->next_update, "",
		    how_to_renew(l));
	look_at_served(r);
}

void status_pki(struct status_run *r)
{
	look_at_ca(r);
	look_at_crl(r);
	if (r->st->look.no_index.code != ERR_NONE)
		status_untold(r->st, &r->st->look.no_index);
}
