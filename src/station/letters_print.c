/*
 * letters_print: the letters on paper.
 */
#include "station/letters.h"

#include "core/clock.h"
#include "core/xalloc.h"
#include "station/letters_off.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAUSE_MS 30000 /* after the printer has not taken one */
#define RECORD_MS 5000 /* each try may wait for the database */
#define PAGE 16

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
	int ret = letters_open(s, l->user, l->token_serial, &l->sealed, pin, e);
	if (ret == 0) {
		station_names(s, &names, q);
		facts_of(s, l, q, &names, &f, &v);
		ret = pinletter_begin(&s->printing, s->set.printer, &f, pin, NULL, e);
		free(v);
	}
	desk_order_free(&names);
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

void letters_end_trouble(struct station *s, const char *user)
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
		letters_end_trouble(s, s->printing_user);
	station_tell_letter(s, s->printing_user, ok, text, why);
}

/* Of the process that draws and prints a letter: that can be because of what is in it. */
static bool put_off_broken(struct station *s, struct err *why)
{
	bool again = letters_off_broken(s, s->printing_id);
	err_next(why, "look whether the letter came out: %s prints it again",
		 again ? "the station" : "the next start of the station");
	return again;
}

/* Whether it is tried again in this run. */
static bool put_off(struct station *s, struct err *why)
{
	switch (why->code) {
	case ERR_LETTER:
	case ERR_TEMPLATE:
	case ERR_CONFIG:
	case ERR_ESCROW:
		letters_off_forever(s, s->printing_id);
		return false;
	case ERR_FAILED:
		return put_off_broken(s, why);
	default:
		s->printer_pause = clock_ms() + PAUSE_MS;
		return true;
	}
}

static void failed(struct station *s, struct err *why)
{
	char text[sizeof why->what + 200];
	bool later = put_off(s, why);
	s->letters_due = s->letters_due || later;
	snprintf(text, sizeof text, "the PIN letter of %s waits, encrypted%s: %s", s->printing_user,
		 later ? ", and is tried again" : "", why->what);
	say(s, false, text, why);
}

/* To be freed. Some tokens had no serial number yet when they got their PIN. */
static char *token_of(const struct store_letter *l)
{
	return l->token_serial[0] != '\0' ? xasprintf("token %s", l->token_serial) : xstrdup("the token");
}

/* Nobody can log in with it, and it does no good to anybody. */
static int drop_overtaken(struct station *s, const struct store_letter *l, struct err *e)
{
	char text[400];
	if (store_letter_drop(s->set.store, l->id, e) != 0)
		return -1;
	char *token = token_of(l);
	snprintf(text, sizeof text,
		 "the PIN letter of %s is not printed, and forgotten: %s has got another PIN since; if nobody knows "
		 "that one, `tokenroll unblock` gives it a new one",
		 l->user, token);
	free(token);
	letters_end_trouble(s, l->user);
	station_tell(s, STATION_NOTE, NULL, text, NULL);
	return 0;
}

/* The first one that may be printed becomes *ret, those that do no good any more are dropped. */
static int sort(struct station *s, struct store_letter *l, bool *found, struct store_letter *ret, struct err *e)
{
	if (l->overtaken && l->state == ROSTER_DONE)
		return drop_overtaken(s, l, e);
	if (*found || !l->due || letters_off_is(s, l->id))
		return 0;
	*found = true;
	*ret = *l;
	l->sealed = (struct blob)BLOB_INIT;
	return 0;
}

static int find_due(struct station *s, bool *ret_found, struct store_letter *ret, struct err *e)
{
	struct store_letter page[PAGE];
	int64_t after = 0;
	size_t n = PAGE;
	bool found = false;
	int got = 0;
	while (got == 0 && n == PAGE && !found) {
		if (store_letters_waiting(s->set.store, s->set.roster, after, page, PAGE, &n, e) != 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			after = page[i].id;
			got = got == 0 ? sort(s, &page[i], &found, ret, e) : got;
			store_letter_free(&page[i]);
		}
	}
	if (got != 0 && found)
		store_letter_free(ret);
	*ret_found = got == 0 && found;
	return got;
}

/* Whether there is none is not known then. */
static void look_later(struct station *s, const struct err *why)
{
	s->printer_pause = clock_ms() + PAUSE_MS;
	station_tell(s, STATION_NOTE, NULL, "which PIN letters wait cannot be read now, and is tried again", why);
}

/* ---- that one is on paper */

static void owe_record(struct station *s, const struct err *why)
{
	char text[1000];
	bool again = s->unrecorded;
	s->unrecorded = true;
	s->record_at = clock_ms() + RECORD_MS;
	if (again)
		return;
	snprintf(text, sizeof text,
		 "that the PIN letter of %s is printed cannot be recorded, and is tried again before another letter is "
		 "printed: %s",
		 s->printing_user, why->what);
	station_tell(s, STATION_NOTE, NULL, text, why);
}

static int record_printed(struct station *s, struct err *e)
{
	if (store_letter_printed(s->set.store, s->printing_id, e) != 0) {
		owe_record(s, e);
		return -1;
	}
	s->unrecorded = false;
	return 0;
}

/* Whether all that is on paper is in the database: else it would be printed once more. */
static bool is_recorded(struct station *s)
{
	struct err e = ERR_INIT;
	if (!s->unrecorded)
		return true;
	return (s->ending || clock_ms() >= s->record_at) && record_printed(s, &e) == 0;
}

static void record_last(struct station *s)
{
	struct err e = ERR_INIT;
	char text[1000];
	if (!s->unrecorded || record_printed(s, &e) == 0)
		return;
	snprintf(text, sizeof text,
		 "that the PIN letter of %s is printed is not recorded: the next start of the station prints it again; "
		 "destroy one of both",
		 s->printing_user);
	station_tell(s, STATION_NOTE, NULL, text, &e);
}

/* ---- */

void letters_turn(struct station *s)
{
	struct store_letter l;
	struct err e = ERR_INIT;
	if (s->set.printer == NULL || s->printing != NULL || !is_recorded(s))
		return;
	s->letters_due = letters_off_turn(s) || s->letters_due;
	if (!s->letters_due || clock_ms() < s->printer_pause)
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

bool letters_late(const struct station *s)
{
	return s->printing != NULL && pinletter_late(s->printing);
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
	(void)record_printed(s, &e);
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

static int refuse(const struct store_letter *l, struct err *e)
{
	char *token = token_of(l);
	if (l->overtaken) {
		err_set(e, ERR_USAGE, "the PIN letter of %s is not printed: %s has got another PIN since", l->user,
			token);
		err_next(e, "if nobody knows that one, `tokenroll unblock` gives it a new one");
	} else {
		err_set(e, ERR_USAGE, "the PIN letter of %s is not printed: %s is not enrolled on %s any more", l->user,
			l->user, token);
		err_next(e, "`tokenroll show %s` tells what has become of it", l->user);
	}
	free(token);
	return -1;
}

static int reprint(struct station *s, const struct store_letter *l, struct err *e)
{
	return l->due ? print(s, l, e) : refuse(l, e);
}

bool letters_has(const struct station *s, const struct place *p)
{
	struct store_letter l = {.id = 0};
	bool found = false;
	bool has = s->set.printer != NULL && letters_find(s, p, &found, &l, NULL) == 0 && found && l.sealed.len != 0;
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
	if (s->unrecorded && record_printed(s, e) != 0)
		return -1;
	if (letters_find(s, p, &found, &l, e) != 0)
		return -1;
	int ret = found && l.sealed.len != 0 ? reprint(s, &l, e) : no_letter(p, e);
	store_letter_free(&l);
	return ret;
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
	record_last(s);
	do {
		if (store_letters_printed(s->set.store, s->set.roster, page, PAGE, &n, NULL) != 0)
			return;
		for (size_t i = 0; i < n; i++) {
			(void)store_letter_drop(s->set.store, page[i].id, NULL);
			store_letter_free(&page[i]);
		}
	} while (n == PAGE);
}
