/*
 * pins: which tokens are not sent the PIN that all are given, by what the audit
 * trail says of them. One that has a PIN of its own would lose a try; so would
 * one that has refused it in an earlier run.
 */
#include "station/station_impl.h"

#include "station/letters.h"
#include "store/pin_trail.h"

#include <string.h>

static bool is_nobodys(const struct place *p)
{
	return !place_has_owner(p) && p->token.id[0] != '\0';
}

static int has_own(const struct station *s, const struct place *p, bool *ret, char user[65], struct err *e)
{
	*ret = false;
	return is_nobodys(p) ? store_pin_own(s->set.store, p->token.id, ret, user, e) : 0;
}

static bool has_letter(const struct station *s, const struct place *p)
{
	struct secret *pin = secret_new();
	int64_t kept = 0;
	if (letters_kept(s, p, &kept, pin, NULL) != 0)
		kept = 0;
	secret_free(&pin);
	return kept != 0;
}

int pins_fit(const struct station *s, const struct place *p, bool *ret, struct err *e)
{
	char user[65] = "";
	bool own = false;
	if (has_own(s, p, &own, user, e) != 0)
		return -1;
	*ret = own && strcmp(user, p->person.user) == 0;
	return 0;
}

static int check_own(const struct station *s, const struct place *p, struct err *e)
{
	char user[65] = "";
	bool own = false;
	if (has_own(s, p, &own, user, e) != 0)
		return -1;
	bool fits = own && p->has_person && strcmp(user, p->person.user) == 0 && has_letter(s, p);
	if (!own || fits)
		return 0;
	err_set(e, ERR_PIN_NEEDED, "token %s has a PIN of its own%s%s%s, so it is not sent the one that is given",
		p->token.id, user[0] != '\0' ? ", which was " : "", user, user[0] != '\0' ? "'s" : "");
	return err_next(
	    e,
	    "`tokenroll unblock --serial %s` gives it a new one, or `tokenroll wipe --serial %s` with its SO "
	    "PIN empties it; then put it in again%s",
	    p->token.id, p->token.id, s->set.view->can_ask ? "; r sends the given one all the same" : "");
}

static int check_refused(const struct station *s, const struct place *p, struct err *e)
{
	bool refused = false;
	if (store_pin_refused(s->set.store, p->token.id, &refused, e) != 0)
		return -1;
	if (!refused)
		return 0;
	err_set(e, ERR_PIN_WRONG, "token %s has refused the PIN that was given, so none is sent to it again by itself",
		p->token.id);
	return err_next(
	    e,
	    "`tokenroll unblock --serial %s` gives it a new one; if the one that is given now is another one, "
	    "and right, r on the station's screen sends it",
	    p->token.id);
}

int pins_check(const struct station *s, const struct place *p, struct err *e)
{
	if (s->set.opt->pin_given == NULL || p->pin_trusted || p->token.id[0] == '\0')
		return 0;
	/* what is taken back may be over already, and then it is sent none */
	if (!p->undoing && check_own(s, p, e) != 0)
		return -1;
	return check_refused(s, p, e);
}

/* Where there is a pad that the token takes, nothing is asked for. */
int pins_check_pad(const struct station *s, const struct place *p, struct err *e)
{
	if (s->set.opt->pin != CONFIG_PINS_PAD || p->ask.what == DESK_SO_PIN || p->undoing)
		return 0;
	err_set(e, ERR_PIN_NEEDED, "the PIN of token %s cannot be entered at the reader '%s', which has no PIN pad",
		p->token.id, p->name);
	return err_next(e, "put it into a reader with a PIN pad, or start the station with another --pins; nothing was "
			   "sent to the token");
}

int pins_give_new(const struct station *s, const struct place *p, struct err *e)
{
	return store_audit(s->set.store, STORE_PIN_GIVEN, p->person.user, p->token.id, "", e);
}

/* Where the SO PIN was sent behind it, that one may have been meant. */
void pins_refuse(struct station *s, const struct place *p)
{
	struct err e = ERR_INIT;
	bool other = false;
	if (!p->pin_sent || p->pin_letter != 0 || p->ask.what == DESK_SO_PIN || p->token.id[0] == '\0')
		return;
	/* one that cannot be told from another is not sent again either */
	if (store_pin_unreplaced(s->set.store, p->token.id, &other, NULL) == 0 && other)
		return;
	if (store_audit(s->set.store, STORE_PIN_REFUSED, p->person.user, p->token.id, "", &e) != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
}
