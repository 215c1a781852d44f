/*
 * wishes: options that come too late for what is there already. Following them
 * would cost a key or a certificate, which nobody has asked for; so does
 * silence, when somebody takes them for done.
 */
#include "core/day.h"
#include "enroll/run.h"

#define DAY_S (24L * 60 * 60)

static void note_key_type(struct enroll_run *r)
{
	const struct store_credential *c = &r->cred;
	char text[256];
	if (r->opt->key_type == KEYTYPE_NONE || r->opt->key_type == (enum keytype)c->key_type)
		return;
	snprintf(text, sizeof text,
		 "the key of %s on the token is of type %s, and stays; --replace makes a new one of type %s", c->user,
		 keytype_name((enum keytype)c->key_type), keytype_name(r->opt->key_type));
	r->ui->note(r->ui->arg, text);
}

/* As many days as were asked for, or up to the CA's own end, is what the option stands for. */
static bool has_days(const struct enroll_run *r)
{
	time_t wanted = enroll_issued_at(&r->cred.cert) + r->opt->days * DAY_S;
	if (wanted > r->ca.not_after)
		wanted = r->ca.not_after;
	return r->cred.not_after == wanted;
}

static void note_days(struct enroll_run *r)
{
	const struct store_credential *c = &r->cred;
	char text[256], until[DAY_SIZE];
	if (r->opt->days == 0 || has_days(r))
		return;
	day_format(until, c->not_after);
	snprintf(
	    text, sizeof text,
	    "certificate %s of %s is valid until %s, and --days %ld does not change that; --replace makes a new one",
	    c->cert_serial, c->user, until, r->opt->days);
	r->ui->note(r->ui->arg, text);
}

void enroll_note_wishes(struct enroll_run *r)
{
	note_key_type(r);
	note_days(r);
}

void enroll_note_void(struct enroll_run *r)
{
	const struct store_credential *c = &r->cred;
	char text[256];
	if (c->state != CRED_REQUESTED)
		return;
	snprintf(
	    text, sizeof text,
	    "the request of %s for a key of type %s is void: a certificate that is made of it fits no key any more",
	    c->user, keytype_name((enum keytype)c->key_type));
	r->ui->note(r->ui->arg, text);
}
