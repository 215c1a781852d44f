/*
 * status_people: what the inventory alone tells.
 */
#include "core/day.h"
#include "core/xalloc.h"
#include "life/status_impl.h"
#include "pkcs11/profile.h"
#include "store/letter.h"

#include <stdlib.h>
#include <string.h>

#define HOUR 3600

static void copy(char *ret, size_t size, const char *text)
{
	snprintf(ret, size, "%s", text);
}

/* NULL if it is one too many to be kept. */
static struct status_finding *add(struct status *st, enum status_topic topic, enum status_level level,
				  const struct survey_row *row)
{
	struct status_finding *f = status_add(st, topic, level);
	if (f == NULL)
		return NULL;
	copy(f->user, sizeof f->user, row->user);
	copy(f->token, sizeof f->token, row->token);
	copy(f->certificate, sizeof f->certificate, row->serial);
	f->at = row->at;
	return f;
}

/* "in 5 days", "today", "3 days ago" */
static void when(char *ret, size_t size, const struct status *st, time_t t)
{
	long days = status_days(st, t);
	if (days == 0)
		snprintf(ret, size, "within a day");
	else if (days > 0)
		snprintf(ret, size, "in %ld day%s", days, days == 1 ? "" : "s");
	else
		snprintf(ret, size, "%ld day%s ago", -days, days == -1 ? "" : "s");
}

static void on_expiring(void *arg, const struct survey_row *row)
{
	const struct status_run *r = arg;
	struct status *st = r->st;
	char day[DAY_SIZE], left[40];
	bool server = strcmp(row->purpose, "server") == 0;
	long days = status_days(st, row->at);
	struct status_finding *f =
	    add(st, STATUS_EXPIRING, days < r->cfg->status.critical_days ? STATUS_WRONG : STATUS_SOON, row);
	if (f == NULL)
		return;
	day_format(day, row->at);
	when(left, sizeof left, st, row->at);
	status_say(f, "the %scertificate of %s %s on %s, %s", server ? "server's " : "", row->user,
		   row->at <= st->now ? "ended" : "ends", day, left);
	if (row->token[0] != '\0')
		status_next(f, "tokenroll renew %s", row->user);
	else if (server)
		status_next(f, "renew it with easyrsa, and give the new one to the server");
	else if (config_check_user(row->user, NULL) != 0)
		status_next(f, "renew it with easyrsa: no user of tokenroll can have this name");
	else
		status_next(f, "tokenroll enroll --replace %s, with a token for this user", row->user);
}

/* Where the CA is elsewhere, a request is waiting for a certificate that comes back in a file. */
static void say_how_to_go_on(struct status_finding *f, const struct status_run *r, const struct survey_row *row)
{
	bool renewing = strcmp(row->way, "renew") == 0 || strcmp(row->way, "rekey") == 0;
	bool elsewhere = r->st->has_look && !r->st->look.has_key;
	const char *cert = elsewhere && strcmp(row->state, "requested") == 0 ? "--cert FILE " : "";
	char *serial = row->token[0] != '\0' ? xasprintf("--serial %s ", row->token) : xstrdup("");
	if (renewing)
		status_next(f, "tokenroll %s %s", row->way, row->user);
	else
		status_next(f, "tokenroll enroll %s%s%s", serial, cert, row->user);
	free(serial);
}

/* As urgent as the certificate that is on the token meanwhile. */
static void on_ahead(const struct status_run *r, const struct survey_row *row)
{
	char day[DAY_SIZE], ends[DAY_SIZE];
	long days = status_days(r->st, row->ends);
	enum status_level level = days < r->cfg->status.critical_days ? STATUS_WRONG
				  : days < r->cfg->status.warn_days   ? STATUS_SOON
								      : STATUS_FINE;
	struct status_finding *f = add(r->st, STATUS_UNFINISHED, level, row);
	if (f == NULL)
		return;
	day_format(day, row->at);
	day_format(ends, row->ends);
	status_say(f, "the new certificate of %s waits since %s for token %s, on which is one until %s", row->user, day,
		   row->token, ends);
	status_next(f, "put the token in: tokenroll renew %s", row->user);
}

static void on_unfinished(void *arg, const struct survey_row *row)
{
	const struct status_run *r = arg;
	char day[DAY_SIZE];
	if (row->ahead) {
		on_ahead(r, row);
		return;
	}
	/* somebody may be at it */
	bool fresh = row->at > r->st->now - HOUR;
	struct status_finding *f = add(r->st, STATUS_UNFINISHED, fresh ? STATUS_FINE : STATUS_SOON, row);
	if (f == NULL)
		return;
	day_format(day, row->at);
	status_say(f, "the enrollment of %s on token %s is %s since %s", row->user,
		   row->token[0] != '\0' ? row->token : "without a serial number", row->state, day);
	say_how_to_go_on(f, r, row);
}

static void on_waiting(void *arg, const struct survey_row *row)
{
	const struct status_run *r = arg;
	char day[DAY_SIZE];
	enum status_level level = row->at > r->st->now                    ? STATUS_FINE
				  : row->at > r->st->now - 2 * STATUS_DAY ? STATUS_SOON
									  : STATUS_WRONG;
	struct status_finding *f = add(r->st, STATUS_WAITING, level, row);
	if (f == NULL)
		return;
	day_format(day, row->at);
	status_say(f, "the earlier certificate %s of %s %s to be revoked on %s", row->serial, row->user,
		   level == STATUS_FINE ? "is" : "was", day);
	status_next(f, "tokenroll crl, which the daily timer runs");
}

static void on_lost(void *arg, const struct survey_row *row)
{
	const struct status_run *r = arg;
	char day[DAY_SIZE];
	struct status_finding *f = add(r->st, STATUS_LOST, STATUS_WRONG, row);
	if (f == NULL)
		return;
	day_format(day, row->at);
	status_say(f, "token %s of %s is lost since %s, but its certificate %s is not revoked", row->token, row->user,
		   day, row->serial);
	status_next(f, "tokenroll lost %s", row->user);
}

int status_people(struct status_run *r, struct err *e)
{
	time_t warn = r->cfg->status.warn_days * STATUS_DAY;
	/* what ended longer ago is history: nobody has missed it */
	time_t from = r->st->now - warn, until = r->st->now + warn;
	if (store_survey(r->store, SURVEY_EXPIRING, from, until, on_expiring, r, e) != 0 ||
	    store_survey(r->store, SURVEY_EXPIRING_ADOPTED, from, until, on_expiring, r, e) != 0 ||
	    store_survey(r->store, SURVEY_WAITING, 0, 0, on_waiting, r, e) != 0)
		return -1;
	return store_survey(r->store, SURVEY_LOST, 0, 0, on_lost, r, e);
}

int status_unfinished(struct status_run *r, struct err *e)
{
	return store_survey(r->store, SURVEY_UNFINISHED, 0, 0, on_unfinished, r, e);
}

/* ---- letters */

#define LETTERS 50 /* at once */

static void on_letter(const struct status_run *r, const struct store_letter *l)
{
	char day[DAY_SIZE];
	bool fresh = l->created > r->st->now - HOUR;
	struct status_finding *f = status_add(r->st, STATUS_LETTERS, fresh ? STATUS_FINE : STATUS_SOON);
	if (f == NULL)
		return;
	copy(f->user, sizeof f->user, l->user);
	copy(f->token, sizeof f->token, l->token_serial);
	f->at = l->created;
	day_format(day, l->created);
	status_say(f, "the PIN letter of %s waits, sealed, since %s", l->user, day);
	status_next(f, "tokenroll station, with the roster that %s is on, prints it", l->user);
}

int status_letters(struct status_run *r, struct err *e)
{
	struct store_letter page[LETTERS];
	int64_t after = 0;
	size_t n = LETTERS;
	while (n == LETTERS) {
		if (store_letters_waiting(r->store, 0, after, page, LETTERS, &n, e) != 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			after = page[i].id;
			if (page[i].due)
				on_letter(r, &page[i]);
			store_letter_free(&page[i]);
		}
	}
	return 0;
}

/* ---- escrow */

static void on_pending(void *arg, const struct survey_row *row)
{
	const struct status_run *r = arg;
	char day[DAY_SIZE];
	bool puk = strcmp(row->state, "puk") == 0, fresh = row->at > r->st->now - HOUR;
	struct status_finding *f = add(r->st, STATUS_ESCROW_PENDING, fresh ? STATUS_FINE : STATUS_SOON, row);
	if (f == NULL)
		return;
	day_format(day, row->at);
	status_say(f, "%s of token %s that was made on %s may be on it, or not", puk ? "a PUK" : "an SO PIN",
		   row->token, day);
	status_next(f, "put it in and run the command again that broke off; tokenroll escrow show --serial %s has both",
		    row->token);
}

struct kept {
	struct status_run *r;
	struct profiles *profiles;
	struct err *e;
	int failed;
};

/* As the inventory knows it, else as the token looks. */
static const struct profile *profile_of(const struct kept *k, const struct survey_row *row)
{
	const struct profile_token facts = {.fact = {[PROFILE_MANUFACTURER] = row->manufacturer,
						     [PROFILE_MODEL] = row->model,
						     [PROFILE_LABEL] = row->label,
						     [PROFILE_SERIAL] = row->token}};
	const struct profile *p = profiles_named(k->profiles, row->profile);
	return p != NULL ? p : profiles_match(k->profiles, &facts);
}

static bool has_factory_secrets(const struct profile *p)
{
	return p->pin[PROFILE_SO_PIN].factory.n != 0 || p->pin[PROFILE_PUK].factory.n != 0;
}

/* What puts new ones into escrow: only where the card tells what it has does an enrollment see to it. */
static void say_way_out(struct status_finding *f, const struct kept *k, const struct profile *p,
			const struct survey_row *row)
{
	bool tells = p->pin[PROFILE_SO_PIN].factory_apdu.n != 0 || p->pin[PROFILE_PUK].factory_apdu.n != 0;
	bool inits = p->init.how == PROFILE_HOW_INIT_TOKEN && !p->init.once;
	const char *first = k->r->cfg->escrow.recovery.n == 0 ? "name a recovery certificate in [escrow]; then " : "";
	if (inits)
		status_next(f,
			    "%s%s`tokenroll init --wipe --serial %s` puts new ones into escrow, and it has to be "
			    "enrolled anew",
			    first,
			    tells ? "enrolling it anew puts new ones into escrow if they are the factory's; else " : "",
			    row->token);
	else if (p->init.tool != NULL)
		status_next(f, "change it with the maker's program (%s), and keep it where it is found again",
			    p->init.tool);
	else
		status_next(f, "change it with the program of the token's maker, and keep it where it is found again");
}

/* A token whose SO PIN we have set at random, or that has the factory's, and of which nothing is kept. */
static void on_unkept(void *arg, const struct survey_row *row)
{
	struct kept *k = arg;
	const struct profile *p = profile_of(k, row);
	bool initialized = false, factory = has_factory_secrets(p);
	if (!factory && k->failed == 0 && k->r->cfg->escrow.recovery.n != 0 &&
	    store_was_initialized(k->r->store, row->token, &initialized, k->e) != 0)
		k->failed = -1;
	if (!factory && !initialized)
		return;
	struct status_finding *f = add(k->r->st, STATUS_ESCROW_MISSING, STATUS_SOON, row);
	if (f == NULL)
		return;
	if (factory)
		status_say(f, "token %s: SO PIN and PUK are the factory's, or known only to whoever has set them",
			   row->token);
	else
		status_say(f, "token %s: its SO PIN is known only to whoever has set it", row->token);
	say_way_out(f, k, p, row);
}

int status_escrow(struct status_run *r, struct err *e)
{
	struct kept k = {.r = r, .e = e};
	if (store_survey(r->store, SURVEY_PENDING, 0, 0, on_pending, r, e) != 0 ||
	    profiles_load_usual(&k.profiles, r->cfg->token.profiles, e) != 0)
		return -1;
	int ret = store_survey(r->store, SURVEY_UNKEPT, 0, 0, on_unkept, &k, e);
	profiles_free(&k.profiles);
	return ret == 0 ? k.failed : ret;
}
