#include "station/letters.h"

#include "core/xalloc.h"
#include "station/envelope.h"
#include "store/letter.h"
#include "store/pin_trail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED "letter-refused" /* in the audit trail: by the token, what it was sent as its PIN */

static char *whose(const char *user, const char *token_serial)
{
	return xasprintf("%s %s", user, token_serial);
}

int letters_open(const struct station *s, const char *user, const char *token_serial, const struct blob *sealed,
		 struct secret *ret, struct err *e)
{
	char *name = whose(user, token_serial);
	int got = envelope_open(s->set.key, name, sealed, ret, e);
	free(name);
	return got;
}

static char *number(int64_t id)
{
	return xasprintf("letter %" PRId64, id);
}

/* Of a letter and the token in this place. */
static int is_recorded(const struct station *s, const struct place *p, const char *action, int64_t id, bool *ret,
		       struct err *e)
{
	char *detail = number(id);
	int got = store_audited(s->set.store, p->token.id, action, detail, ret, e);
	free(detail);
	return got;
}

static int record(struct station *s, const struct place *p, const char *action, struct err *e)
{
	char *detail = number(p->pin_letter);
	int ret = store_audit(s->set.store, action, p->person.user, p->token.id, detail, e);
	free(detail);
	return ret;
}

static int was_refused(const struct station *s, const struct place *p, int64_t id, bool *ret, struct err *e)
{
	return is_recorded(s, p, REFUSED, id, ret, e);
}

static int open_letter(const struct station *s, const struct place *p, const char *token_serial, int64_t *ret_id,
		       struct secret *ret, struct err *e)
{
	struct store_letter l = {.id = 0};
	bool found = false, refused = false, overtaken = false;
	if (store_letter_find(s->set.store, p->person.id, token_serial, &found, &l, e) != 0)
		return -1;
	int got = found ? was_refused(s, p, l.id, &refused, e) : 0;
	if (got == 0 && found)
		got = store_pin_overtaken(s->set.store, p->token.id, l.id, &overtaken, e);
	if (got == 0 && l.sealed.len != 0 && !refused && !overtaken) {
		got = letters_open(s, p->person.user, token_serial, &l.sealed, ret, e);
		*ret_id = got == 0 ? l.id : 0;
	}
	store_letter_free(&l);
	return got;
}

/* Some tokens have a serial number only once they are initialized, and get their PIN after that. */
int letters_kept(const struct station *s, const struct place *p, int64_t *ret_id, struct secret *ret, struct err *e)
{
	*ret_id = 0;
	if (open_letter(s, p, p->token.id, ret_id, ret, e) != 0)
		return -1;
	/* such a letter may be that of the token that is given up now */
	bool other = p->gives_up && strcmp(p->token.owner, p->person.user) != 0;
	return *ret_id != 0 || other || p->token.id[0] == '\0' ? 0 : open_letter(s, p, "", ret_id, ret, e);
}

int letters_keep(struct station *s, struct place *p, const struct secret *pin, struct err *e)
{
	struct blob sealed = BLOB_INIT;
	char *name = whose(p->person.user, p->token.id);
	int ret = envelope_seal(s->set.key, name, pin, &sealed, e);
	if (ret == 0)
		ret = store_letter_put(s->set.store, p->person.id, p->token.id, &sealed, &p->pin_letter, e);
	blob_free(&sealed);
	free(name);
	return ret;
}

/* Where the SO PIN was sent behind it, that one may have been meant. */
void letters_refuse(struct station *s, const struct place *p)
{
	struct err e = ERR_INIT;
	if (p->pin_letter == 0 || p->ask.what == DESK_SO_PIN)
		return;
	if (record(s, p, REFUSED, &e) != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
}

/* Some tokens have a serial number only at the end. */
void letters_proven(struct station *s, struct place *p)
{
	struct err e = ERR_INIT;
	if (p->pin_letter == 0)
		return;
	/* what cannot be recorded now is when the token is done */
	if (p->token.id[0] != '\0' && record(s, p, STORE_LETTER_PROVEN, &e) != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
}

/* An attempt that was cut off behind the proof, or on a full disk, may have proven it, and nothing said so: then this
 * one has opened the token with that PIN. */
static int ensure_proof(struct station *s, const struct place *p, struct err *e)
{
	bool recorded = false;
	if (is_recorded(s, p, STORE_LETTER_PROVEN, p->pin_letter, &recorded, e) != 0)
		return -1;
	return recorded ? 0 : record(s, p, STORE_LETTER_PROVEN, e);
}

int letters_settle(struct station *s, struct place *p, struct err *e)
{
	bool kept = false;
	struct store_letter l = {.id = 0};
	if (p->pin_letter != 0 && ensure_proof(s, p, e) != 0)
		return -1;
	/* where no PIN was asked for, nobody knows whose it has */
	if (p->pin_letter == 0 && !p->pin_sent && letters_find(s, p, &kept, &l, e) != 0)
		return -1;
	store_letter_free(&l);
	return kept ? 0 : store_letters_settle(s->set.store, p->person.id, p->pin_letter, e);
}

int letters_find(const struct station *s, const struct place *p, bool *ret_found, struct store_letter *ret,
		 struct err *e)
{
	if (store_letter_find(s->set.store, p->person.id, p->token.id, ret_found, ret, e) != 0)
		return -1;
	return *ret_found ? 0 : store_letter_find(s->set.store, p->person.id, "", ret_found, ret, e);
}

int letters_refused(struct station *s, const struct place *p, bool *ret, struct err *e)
{
	struct store_letter l = {.id = 0};
	bool found = false;
	*ret = false;
	if (letters_find(s, p, &found, &l, e) != 0)
		return -1;
	int got = found ? was_refused(s, p, l.id, ret, e) : 0;
	store_letter_free(&l);
	return got;
}

void letters_forget(struct station *s, const struct place *p)
{
	struct store_letter l = {.id = 0};
	struct err e = ERR_INIT;
	bool found = false;
	int ret = letters_find(s, p, &found, &l, &e);
	if (ret == 0 && found)
		ret = store_letter_drop(s->set.store, l.id, &e);
	if (ret != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
	else
		letters_end_trouble(s, p->person.user);
	store_letter_free(&l);
}
