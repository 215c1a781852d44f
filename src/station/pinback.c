/*
 * pinback: a token whose enrollment is taken back gets the PIN again that it
 * had before: what was made would be known to nobody but its letter.
 */
#include "station/station_impl.h"

#include "store/pin_trail.h"

static int refuse_unknown(const struct station *s, const struct place *p, struct err *e)
{
	err_set(
	    e, ERR_PIN_NEEDED,
	    "giving token %s its earlier PIN back was cut off, and it may have that one or %s's: none is sent to it "
	    "by itself",
	    p->token.id, p->person.user);
	return err_next(e, "`tokenroll unblock --serial %s` gives it a new one%s", p->token.id,
			s->set.view->can_ask ? "; r sends the earlier one all the same" : "");
}

/* Where none is given, one that was typed is not replaced, and neither is the factory's unless the trail says so. */
static int is_replaced(struct station *s, struct place *p, bool *ret, struct err *e)
{
	struct secret *now = secret_new();
	char user[65];
	bool given = false;
	int got = s->set.opt->pin_given != NULL ? serve_find_pin_now(s, p, now, &given, e)
						: store_pin_own(s->set.store, p->token.id, ret, user, e);
	if (s->set.opt->pin_given != NULL)
		*ret = !given || p->pin_letter != 0;
	p->pin_letter = 0;
	secret_free(&now);
	return got;
}

int pinback_look(struct station *s, struct place *p, struct err *e)
{
	bool unknown = false;
	if (store_pin_restoring(s->set.store, p->token.id, &unknown, e) != 0)
		return -1;
	if (unknown && s->set.opt->pin_given != NULL && !p->pin_trusted)
		return refuse_unknown(s, p, e);
	return is_replaced(s, p, &p->pin_replaced, e);
}

/* The operator has had the given PIN sent, and the token has taken it. */
static int note_known(struct station *s, const struct place *p, struct err *e)
{
	bool unknown = false;
	if (!p->pin_sent || store_pin_restoring(s->set.store, p->token.id, &unknown, e) != 0)
		return p->pin_sent ? -1 : 0;
	return unknown ? store_audit(s->set.store, STORE_PIN_RESTORED, p->person.user, p->token.id, "", e) : 0;
}

static void tell_left(struct station *s, const struct place *p)
{
	char text[400];
	snprintf(
	    text, sizeof text,
	    "token %s is empty, but still has the PIN that %s was to have: keep it, and its letter if there is one, "
	    "until `tokenroll unblock --serial %s` gives the token another one, or %s gets it again",
	    p->token.id, p->person.user, p->token.id, p->person.user);
	station_tell(s, STATION_NOTE, p, text, NULL);
}

void pinback_end(struct station *s, struct place *p)
{
	struct err e = ERR_INIT;
	char user[65];
	/* where that cannot be read nothing is forgotten */
	p->pin_left = true;
	if (note_known(s, p, &e) != 0 || store_pin_own(s->set.store, p->token.id, &p->pin_left, user, &e) != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
	else if (p->pin_left)
		tell_left(s, p);
}

bool pinback_refused(struct station *s, const struct place *p)
{
	struct err e = ERR_INIT;
	bool unknown = false;
	if (store_pin_restoring(s->set.store, p->token.id, &unknown, NULL) != 0 || !unknown)
		return false;
	if (store_audit(s->set.store, STORE_PIN_KEPT, p->person.user, p->token.id, "", &e) != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
	return true;
}
