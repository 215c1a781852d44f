#include "enroll/due.h"

#include <string.h>

static void tell(const struct due *d, const char *text)
{
	d->note(d->note_arg, text);
}

static void note_left(const struct due *d, const struct store_credential *c, const struct err *why)
{
	char text[1200];
	snprintf(text, sizeof text, "certificate %s of %s, which was replaced, is still to be revoked: %s",
		 c->cert_serial, c->user, why->what);
	tell(d, text);
}

/* The revocation stands; who has to publish the CRL by hand is told. */
static void publish(const struct due *d, const struct store_credential *c)
{
	struct err late = ERR_INIT;
	if (d->ports->ca.publish(d->signer, c->user, &late) == 0)
		return;
	tell(d, late.what);
	tell(d, err_advice(&late));
}

/* With d->user the others' are done in passing. */
static bool is_in_passing(const struct due *d, const struct store_credential *c)
{
	return d->user != NULL && strcmp(d->user, c->user) != 0;
}

/* This PKI does not know it, as one that was signed elsewhere, or not as a client's: no command here could do it. */
static bool is_refused(const struct err *why)
{
	return why->code == ERR_CA_REFUSED || why->code == ERR_SERVER;
}

static int revoke(const struct due *d, const struct store_credential *c, bool *ret_done, struct err *e)
{
	bool already = false, passing = is_in_passing(d, c);
	struct ca_known known;
	struct err why = ERR_INIT;
	*ret_done =
	    d->ports->ca.revoke_serial(d->signer, c->cert_serial, "superseded", false, &already, &known, &why) == 0;
	if (!*ret_done && !passing && !is_refused(&why)) {
		*e = why;
		return err_prefix(e, "certificate %s of %s was replaced, and is to be revoked", c->cert_serial,
				  c->user);
	}
	if (!*ret_done) {
		note_left(d, c, &why);
		return 0;
	}
	if (passing)
		publish(d, c);
	if (d->revoked != NULL)
		d->revoked(d->revoked_arg, &known, already);
	return d->ports->store.revoked(d->store, c->cert_serial, c->user, known.when, known.reason, e);
}

int due_revoke(const struct due *d, size_t *ret_n, struct err *e)
{
	int64_t after = 0;
	bool found = true;
	int ret = 0;
	*ret_n = 0;
	while (ret == 0 && found) {
		struct store_credential c = {.id = 0};
		bool done = false;
		ret = d->ports->store.find_due(d->store, time(NULL), after, &found, &c, e);
		if (ret == 0 && found)
			ret = revoke(d, &c, &done, e);
		*ret_n += done;
		after = c.id;
		store_credential_free(&c);
	}
	return ret;
}
