#include "station/letters.h"

#include "core/clock.h"
#include "core/xalloc.h"
#include "station/envelope.h"
#include "store/letter.h"
#include "store/pin_trail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAUSE_MS 30000 /* after the printer has not taken one */
#define PAGE 16
#define REFUSED "letter-refused" /* in the audit trail: by the token, what it was sent as its PIN */

static char *whose(const char *user, const char *token_serial)
{
	return xasprintf("%s %s", user, token_serial);
}

static char *number(int64_t id)
{
	return xasprintf("letter %" PRId64, id);
}

static int was_refused(const struct station *s, const struct place *p, int64_t id, bool *ret, struct err *e)
{
	char *detail = number(id);
	int got = store_audited(s->set.store, p->token.id, REFUSED, detail, ret, e);
	free(detail);
	return got;
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
		char *name = whose(p->person.user, token_serial);
		got = envelope_open(s->set.key, name, &l.sealed, ret, e);
		*ret_id = got == 0 ? l.id : 0;
		free(name);
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
	char *detail = number(p->pin_letter);
	if (store_audit(s->set.store, REFUSED, p->person.user, p->token.id, detail, &e) != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
	free(detail);
}

void letters_proven(struct station *s, const struct place *p)
{
	struct err e = ERR_INIT;
	if (p->pin_letter == 0)
		return;
	char *detail = number(p->pin_letter);
	if (store_audit(s->set.store, STORE_LETTER_PROVEN, p->person.user, p->token.id, detail, &e) != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
	free(detail);
}

int letters_settle(struct station *s, const struct place *p, struct err *e)
{
	return store_letters_settle(s->set.store, p->person.id, p->pin_letter, e);
}

/* ---- printing */

/* Until when the certificate on the letter's token lets its person in; 0 where there is none. */
static time_t valid_until(const struct station *s, const struct roster_person *q)
{
	struct store_credential c = {.id = 0};
	bool found = false;
	if (store_find_last(s->set.store, q->user, &found, &c, NULL) != 0 || !found)
		return 0;
	bool is = c.state >= CRED_ISSUED && c.state < CRED_REVOKED && strcasecmp(c.token.serial, q->token.serial) == 0;
	time_t until = is ? c.not_after : 0;
	store_credential_free(&c);
	return until;
}

/* *ret_names is to be freed. */
static void facts_of(const struct station *s, const struct store_letter *l, const struct roster_person *q,
		     const struct desk_order *names, struct pinletter_facts *ret, struct pinletter_name **ret_names)
{
	struct pinletter_name *v = xcalloc(names->n_names + 1, sizeof *v);
	*ret = (struct pinletter_facts){
	    .user = l->user,
	    .name = q->name,
	    .department = q->department,
	    .language = q->language,
	    .token_label = q->token.label,
	    .token_serial = q->token.serial,
	    .token_model = q->token.model,
	    .not_after = valid_until(s, q),
	    .names = v,
	};
	for (size_t i = 0; i < names->n_names; i++) {
		const char *name = names->names[i].name;
		/* these are facts of every letter */
		if (strcmp(name, "name") == 0 || strcmp(name, "department") == 0 || strcmp(name, "language") == 0)
			continue;
		v[ret->n_names++] = (struct pinletter_name){name, names->names[i].value};
	}
	*ret_names = v;
}

static int hand_over(struct station *s, const struct store_letter *l, const struct roster_person *q, struct err *e)
{
	struct desk_order names = {.user = ""};
	struct pinletter_facts f;
	struct pinletter_name *v = NULL;
	struct secret *pin = secret_new();
	char *name = whose(l->user, l->token_serial);
	int ret = envelope_open(s->set.key, name, &l->sealed, pin, e);
	if (ret == 0) {
		station_names(s, &names, q);
		facts_of(s, l, q, &names, &f, &v);
		ret = pinletter_begin(&s->printing, s->set.printer, &f, pin, NULL, e);
		free(v);
	}
	desk_order_free(&names);
	free(name);
	secret_free(&pin);
	return ret;
}

static int print(struct station *s, const struct store_letter *l, struct err *e)
{
	struct roster_person q = {.id = 0};
	bool found = false;
	s->printing_id = l->id;
	snprintf(s->printing_user, sizeof s->printing_user, "%s", l->user);
	if (store_roster_person(s->set.store, l->person, &found, &q, e) != 0)
		return -1;
	int ret = 0;
	if (!found)
		ret = store_letter_drop(s->set.store, l->id, e);
	else
		ret = store_letter_begun(s->set.store, l->id, e) == 0 ? hand_over(s, l, &q, e) : -1;
	roster_person_free(&q);
	return ret;
}

static void end_trouble(struct station *s, const char *user)
{
	if (strcmp(s->letter_why_user, user) == 0)
		s->letter_why = (struct err)ERR_INIT;
}

static void begin_trouble(struct station *s, const char *text, const struct err *why)
{
	s->letter_why = *why;
	snprintf(s->letter_why.what, sizeof s->letter_why.what, "%s", text);
	snprintf(s->letter_why_user, sizeof s->letter_why_user, "%s", s->printing_user);
}

static void say(struct station *s, bool ok, const char *text, const struct err *why)
{
	if (why != NULL)
		begin_trouble(s, text, why);
	else
		end_trouble(s, s->printing_user);
	station_tell_letter(s, s->printing_user, ok, text, why);
}

static void failed(struct station *s, const struct err *why)
{
	char text[sizeof why->what + 200];
	bool later =
	    why->code != ERR_LETTER && why->code != ERR_TEMPLATE && why->code != ERR_CONFIG && why->code != ERR_ESCROW;
	if (later) {
		s->printer_pause = clock_ms() + PAUSE_MS;
		s->letters_due = true;
	} else {
		s->letters_bad = xrealloc(s->letters_bad, s->n_letters_bad + 1, sizeof *s->letters_bad);
		s->letters_bad[s->n_letters_bad++] = s->printing_id;
	}
	snprintf(text, sizeof text, "the PIN letter of %s waits, encrypted%s: %s", s->printing_user,
		 later ? ", and is tried again" : "", why->what);
	say(s, false, text, why);
}

static bool is_bad(const struct station *s, int64_t id)
{
	for (size_t i = 0; i < s->n_letters_bad; i++) {
		if (s->letters_bad[i] == id)
			return true;
	}
	return false;
}

/* The first one. */
static int find_due(const struct station *s, bool *ret_found, struct store_letter *ret, struct err *e)
{
	struct store_letter page[PAGE];
	int64_t after = 0;
	size_t n = 0;
	bool found = false;
	do {
		if (store_letters_waiting(s->set.store, s->set.roster, after, page, PAGE, &n, e) != 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			bool due = !found && page[i].due && !is_bad(s, page[i].id);
			after = page[i].id;
			found = found || due;
			if (due)
				*ret = page[i];
			else
				store_letter_free(&page[i]);
		}
	} while (n == PAGE && !found);
	*ret_found = found;
	return 0;
}

/* Whether there is none is not known then. */
static void look_later(struct station *s, const struct err *why)
{
	s->printer_pause = clock_ms() + PAUSE_MS;
	station_tell(s, STATION_NOTE, NULL, "which PIN letters wait cannot be read now, and is tried again", why);
}

void letters_turn(struct station *s)
{
	struct store_letter l;
	struct err e = ERR_INIT;
	if (s->set.printer == NULL || s->printing != NULL || !s->letters_due || clock_ms() < s->printer_pause)
		return;
	if (find_due(s, &s->letters_due, &l, &e) != 0) {
		look_later(s, &e);
		return;
	}
	if (!s->letters_due)
		return;
	if (print(s, &l, &e) != 0)
		failed(s, &e);
	store_letter_free(&l);
}

int letters_fd(const struct station *s)
{
	return s->printing != NULL ? pinletter_fd(s->printing) : -1;
}

static void say_unreadable(struct station *s)
{
	char text[400];
	snprintf(text, sizeof text,
		 "no font on this computer has all characters of the name of %s: the letter has the user name before "
		 "it; install fonts for that language, and print it again",
		 s->printing_user);
	station_tell(s, STATION_NOTE, NULL, text, NULL);
}

void letters_read(struct station *s)
{
	struct pinletter_outcome out;
	struct err e = ERR_INIT;
	char text[PATH_MAX + 200];
	if (pinletter_end(&s->printing, &out, &e) != 0) {
		failed(s, &e);
		return;
	}
	if (store_letter_printed(s->set.store, s->printing_id, &e) != 0)
		station_tell(s, STATION_NOTE, NULL, e.what, &e);
	switch (out.state) {
	case PINLETTER_PRINTED:
		snprintf(text, sizeof text, "the PIN letter of %s is printed", s->printing_user);
		break;
	case PINLETTER_FILED:
		snprintf(text, sizeof text, "the PIN letter of %s is in %s", s->printing_user, out.file);
		break;
	default:
		snprintf(text, sizeof text,
			 "the printer has not taken the PIN letter of %s; it waits, encrypted, in %s: %s",
			 s->printing_user, out.file, out.why.what);
	}
	if (out.state == PINLETTER_PRINTED)
		s->printer_pause = 0;
	if (out.unreadable)
		say_unreadable(s);
	say(s, out.state != PINLETTER_WAITS, text, out.state == PINLETTER_WAITS ? &out.why : NULL);
}

static int find_letter(const struct station *s, const struct place *p, bool *ret_found, struct store_letter *ret,
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
	if (find_letter(s, p, &found, &l, e) != 0)
		return -1;
	int got = found ? was_refused(s, p, l.id, ret, e) : 0;
	store_letter_free(&l);
	return got;
}

bool letters_has(const struct station *s, const struct place *p)
{
	struct store_letter l = {.id = 0};
	bool found = false;
	bool has = s->set.printer != NULL && find_letter(s, p, &found, &l, NULL) == 0 && found && l.sealed.len != 0;
	store_letter_free(&l);
	return has;
}

static int no_letter(const struct place *p, struct err *e)
{
	err_set(e, ERR_USAGE, "there is no PIN letter for %s, whose PIN was not made here", p->person.user);
	return err_next(e, "`tokenroll unblock --serial %s` gives the token a new one, where nobody knows it",
			p->token.id);
}

int letters_reprint(struct station *s, const struct place *p, struct err *e)
{
	struct store_letter l = {.id = 0};
	bool found = false;
	if (s->set.printer == NULL)
		return no_letter(p, e);
	if (s->printing != NULL) {
		err_set(e, ERR_BUSY, "a letter is being printed");
		return err_next(e, "try it again in a moment");
	}
	if (find_letter(s, p, &found, &l, e) != 0)
		return -1;
	int ret = found && l.sealed.len != 0 ? print(s, &l, e) : no_letter(p, e);
	store_letter_free(&l);
	return ret;
}

void letters_forget(struct station *s, const struct place *p)
{
	struct store_letter l = {.id = 0};
	struct err e = ERR_INIT;
	bool found = false;
	int ret = find_letter(s, p, &found, &l, &e);
	if (ret == 0 && found)
		ret = store_letter_drop(s->set.store, l.id, &e);
	if (ret != 0)
		station_tell(s, STATION_NOTE, p, e.what, &e);
	else
		end_trouble(s, p->person.user);
	store_letter_free(&l);
}

/* Nobody can say whether it is on paper, so it waits: twice is better than never. */
static void break_off(struct station *s)
{
	struct err e = ERR_INIT;
	pinletter_break(&s->printing);
	err_set(&e, ERR_INTERRUPTED, "the station was ended while the letter was in the printer");
	err_next(&e, "look whether it came out; the next start with the same command prints it");
	failed(s, &e);
}

void letters_end(struct station *s)
{
	struct store_letter page[PAGE];
	size_t n = 0;
	if (s->printing != NULL)
		break_off(s);
	do {
		if (store_letters_printed(s->set.store, s->set.roster, page, PAGE, &n, NULL) != 0)
			return;
		for (size_t i = 0; i < n; i++) {
			(void)store_letter_drop(s->set.store, page[i].id, NULL);
			store_letter_free(&page[i]);
		}
	} while (n == PAGE);
}
