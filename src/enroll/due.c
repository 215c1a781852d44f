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

static bool is_users(const struct due *d, const struct store_credential *c)
{
	return d->user != NULL && strcmp(d->user, c->user) == 0;
}

/* ERR_CA_REFUSED: this PKI does not know it, as one that was signed elsewhere; no command here could revoke it. */
static int revoke(const struct due *d, struct store_credential *c, bool *ret_done, struct err *e)
{
	bool already = false;
	struct err why = ERR_INIT;
	*ret_done = d->ports->ca.revoke(d->signer, c->user, c->cert_serial, "superseded", &already, &why) == 0;
	if (!*ret_done && is_users(d, c) && why.code != ERR_CA_REFUSED) {
		*e = why;
		return -1;
	}
	if (!*ret_done) {
		note_left(d, c, &why);
		return 0;
	}
	if (!is_users(d, c))
		publish(d, c);
	return d->ports->store.note_revoked(d->store, c, time(NULL), "superseded", e);
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
