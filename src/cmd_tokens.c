/*
 * tokenroll tokens: every reader and token, and whose it is. Changes nothing
 * on them and needs no PIN.
 */
#include "core/blob.h"
#include "core/clean.h"
#include "core/day.h"
#include "enroll/seal.h"
#include "lifeui.h"
#include "report.h"

#include <jansson.h>
#include <string.h>

static int work(struct lifeui *u, void *result, struct err *e)
{
	return life_look(&u->life, result, e);
}

static bool is_unknown(const struct life_seen *s)
{
	return (s->token.flags & (WORKER_TOKEN_UNKNOWN | WORKER_TOKEN_UNREADABLE)) != 0;
}

/* Whether a module shows a token of a kind that it knows in this reader. */
static bool is_seen(const struct life_seen_all *all, const struct reader *r)
{
	for (size_t i = 0; i < all->n; i++) {
		if (!is_unknown(&all->list[i]) && strcmp(all->list[i].token.reader, r->name) == 0)
			return true;
	}
	return false;
}

/* What a card may be that no module knows. */
static const struct profile *nearest(const struct life_seen_all *all, const struct reader *r)
{
	const struct profile_token facts = {.fact = {[PROFILE_READER] = r->name, [PROFILE_ATR] = r->atr}};
	unsigned agree = 0;
	const struct profile *p = profiles_nearest(all->profiles, &facts, &agree);
	return agree != 0 ? p : NULL;
}

static const char *class_name(CK_OBJECT_CLASS class)
{
	switch (class) {
	case CKO_CERTIFICATE:
		return "certificate";
	case CKO_PUBLIC_KEY:
		return "public-key";
	case CKO_PRIVATE_KEY:
		return "private-key";
	case CKO_SECRET_KEY:
		return "secret-key";
	case CKO_DATA:
		return "data";
	default:
		return "other";
	}
}

/* ---- JSON */

static json_t *object_json(const struct p11_listed *o, bool ours)
{
	char hex[256], day[DAY_SIZE] = "";
	hex_encode(hex, sizeof hex, o->id.data, o->id.len);
	if (o->not_after != 0)
		day_format(day, o->not_after);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b}", "class", class_name(o->class), "id",
			 report_json_text(hex), "label", report_json_text(o->label), "subject",
			 report_json_text(o->subject), "not_after", report_json_text(day), "ours", ours, "nobodys",
			 o->nobodys);
}

static json_t *objects_json(const struct life_seen *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_objects; i++)
		json_array_append_new(list, object_json(&s->objects[i], s->ours != NULL && s->ours[i]));
	return list;
}

static json_t *profile_json(const struct profile *p)
{
	return json_pack("{s:s, s:o, s:o}", "id", p->id, "name", report_json_text(p->name), "tested",
			 report_json_text(p->tested));
}

static json_t *pending_json(const struct life_seen *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		char day[DAY_SIZE];
		if (s->pending[i] == 0)
			continue;
		day_format(day, s->pending[i]);
		json_array_append_new(
		    list,
		    json_pack("{s:s, s:s}", "kind", escrow_kind_name(seal_kind((enum profile_secret)i)), "since", day));
	}
	return list;
}

static json_t *token_json(const struct life_seen *s)
{
	const struct worker_token *t = &s->token;
	char day[DAY_SIZE] = "", lost[DAY_SIZE] = "";
	if (s->lost != 0)
		day_format(lost, s->lost);
	if (s->owner[0] != '\0' && s->not_after != 0)
		day_format(day, s->not_after);
	json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "reader", report_json_text(t->reader), "serial",
			      report_json_text(t->serial), "model", report_json_text(t->model), "manufacturer",
			      report_json_text(t->manufacturer), "label", report_json_text(t->label), "module",
			      s->module.path, "profile", profile_json(s->profile));
	json_object_set_new(j, "initialized", json_boolean((t->flags & WORKER_TOKEN_INITIALIZED) != 0));
	json_object_set_new(j, "write_protected", json_boolean((t->flags & WORKER_TOKEN_READ_ONLY) != 0));
	json_object_set_new(j, "pin_pad", json_boolean((t->flags & WORKER_TOKEN_PIN_PAD) != 0));
	json_object_set_new(
	    j, "pin_set",
	    json_boolean((t->flags & WORKER_TOKEN_NO_PIN) == 0 && (t->flags & WORKER_TOKEN_INITIALIZED) != 0));
	json_object_set_new(j, "free_bytes",
			    t->free_bytes != WORKER_FREE_UNKNOWN ? json_integer((json_int_t)t->free_bytes)
								 : json_null());
	json_object_set_new(j, "pin", lifeui_pin_json(&s->pins[PROFILE_PIN]));
	json_object_set_new(j, "so_pin", lifeui_pin_json(&s->pins[PROFILE_SO_PIN]));
	json_object_set_new(j, "puk", lifeui_pin_json(&s->pins[PROFILE_PUK]));
	json_object_set_new(j, "escrow_pending", pending_json(s));
	json_object_set_new(j, "user", report_json_text(s->owner));
	json_object_set_new(j, "state", s->owner[0] != '\0' ? json_string(cred_state_name(s->state)) : json_null());
	json_object_set_new(j, "valid_until", report_json_text(day));
	json_object_set_new(j, "renewal", s->renewing ? json_string(cred_state_name(s->renewal)) : json_null());
	json_object_set_new(j, "lost", report_json_text(lost));
	json_object_set_new(j, "objects", objects_json(s));
	json_object_set_new(j, "trouble", s->trouble.code != ERR_NONE ? report_json_error(&s->trouble) : json_null());
	return j;
}

static const struct err *trouble_of(const struct life_seen_all *all, const struct reader *r)
{
	return r->present ? all->troubles[r - all->readers] : NULL;
}

static json_t *reader_json(const struct life_seen_all *all, const struct reader *r)
{
	bool seen = is_seen(all, r);
	const struct profile *p = r->present && !seen ? nearest(all, r) : NULL;
	const struct err *trouble = seen ? NULL : trouble_of(all, r);
	return json_pack("{s:o, s:b, s:o, s:b, s:b, s:b, s:o, s:o}", "name", report_json_text(r->name), "card",
			 r->present, "atr", report_json_text(r->atr), "answers", !r->mute, "held_by_another",
			 r->exclusive, "known", seen, "nearest_profile", p != NULL ? profile_json(p) : json_null(),
			 "trouble", trouble != NULL ? report_json_error(trouble) : json_null());
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct life_seen_all *all = result;
	json_t *readers = json_array(), *tokens = json_array();
	(void)u;
	for (size_t i = 0; i < all->n_readers; i++)
		json_array_append_new(readers, reader_json(all, &all->readers[i]));
	for (size_t i = 0; i < all->n; i++)
		json_array_append_new(tokens, token_json(&all->list[i]));
	json_t *doc = json_pack("{s:b, s:o, s:o}", "ok", error == NULL, "readers", readers, "tokens", tokens);
	json_object_set_new(doc, "pcsc", all->no_readers != NULL ? report_json_error(all->no_readers) : json_null());
	json_object_set_new(doc, "trouble",
			    all->no_modules.code != ERR_NONE ? report_json_error(&all->no_modules) : json_null());
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

/* ---- for people */

/* One line that may hold what a token says of itself. */
static void print_line(const char *name, const char *value)
{
	char text[400];
	clean_text(text, sizeof text, value);
	printf("  %-12s %s\n", name, text);
}

static const char *secret_name(const struct profile *p, size_t which)
{
	static const char *const names[PROFILE_PIN_COUNT] = {"PIN", "SO PIN", "PUK"};
	return p->pin[which].name != NULL ? p->pin[which].name : names[which];
}

static void print_pending(const struct life_seen *s)
{
	char line[200], day[DAY_SIZE];
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		if (s->pending[i] == 0)
			continue;
		day_format(day, s->pending[i]);
		snprintf(line, sizeof line, "%s of %s, never confirmed: the token may have it, or the one before",
			 secret_name(s->profile, i), day);
		print_line("escrow", line);
	}
}

static void print_pins(const struct life_seen *s)
{
	for (size_t i = 0; i < PROFILE_PIN_COUNT; i++) {
		char text[80];
		const char *name = secret_name(s->profile, i);
		if (!s->pins[i].exists)
			continue;
		lifeui_pin_text(&s->pins[i], text, sizeof text);
		if (text[0] != '\0')
			print_line(name, text);
	}
	if ((s->token.flags & WORKER_TOKEN_NO_PIN) != 0)
		print_line("PIN", "not set yet");
}

static void print_objects(const struct life_seen *s)
{
	size_t ours = 0, foreign = 0;
	char line[400], names[200] = "";
	for (size_t i = 0; i < s->n_objects; i++) {
		const struct p11_listed *o = &s->objects[i];
		const char *name = o->subject[0] != '\0' ? o->subject : o->label;
		bool is_ours = s->ours != NULL && s->ours[i];
		size_t n = strlen(names);
		ours += is_ours;
		foreign += !is_ours && !o->nobodys;
		if (!is_ours && !o->nobodys && name[0] != '\0' && strstr(names, name) == NULL)
			snprintf(names + n, sizeof names - n, "%s%s", n != 0 ? ", " : "", name);
	}
	snprintf(line, sizeof line, "%zu of ours, %zu that tokenroll did not make%s%s%s", ours, foreign,
		 names[0] != '\0' ? " (" : "", names, names[0] != '\0' ? ")" : "");
	print_line("objects", line);
}

static void print_owner(const struct life_seen *s)
{
	char line[320], day[DAY_SIZE];
	if (s->owner[0] == '\0') {
		print_line("belongs to", "nobody");
		return;
	}
	day_format(day, s->not_after);
	if (s->state >= CRED_ISSUED && s->renewing)
		snprintf(line, sizeof line,
			 "%s, certificate until %s; `tokenroll %s %s` goes on with what was begun (%s)", s->owner, day,
			 cred_way_name(s->renewal_way), s->owner, cred_state_name(s->renewal));
	else if (s->state >= CRED_ISSUED)
		snprintf(line, sizeof line, "%s, certificate until %s", s->owner, day);
	else
		snprintf(line, sizeof line, "%s, whose enrollment is not finished (%s)", s->owner,
			 cred_state_name(s->state));
	print_line("belongs to", line);
}

static void print_lost(const struct life_seen *s)
{
	char line[160], day[DAY_SIZE];
	if (s->lost == 0)
		return;
	day_format(day, s->lost);
	snprintf(line, sizeof line, "reported lost on %s; if it has come back: tokenroll found --serial %s", day,
		 s->token.serial);
	print_line("LOST", line);
}

static void print_token(const struct life_seen *s, bool verbose)
{
	const struct worker_token *t = &s->token;
	char line[400], text[400];
	bool blank = (t->flags & WORKER_TOKEN_INITIALIZED) == 0;
	snprintf(line, sizeof line, "%s  %s  \"%s\"%s", t->serial[0] != '\0' ? t->serial : "no serial", t->model,
		 t->label, blank ? ", blank" : "");
	clean_text(text, sizeof text, line);
	puts(text);
	print_line("reader", t->reader);
	snprintf(line, sizeof line, "%s%s%s", s->profile->name,
		 s->profile->tested != NULL ? ", tested with "
		 : s->profile->file != NULL ? ", written from documentation"
					    : "",
		 s->profile->tested != NULL ? s->profile->tested : "");
	print_line("kind", line);
	print_line("module", s->module.path);
	if (!blank)
		print_owner(s);
	print_lost(s);
	print_pins(s);
	print_pending(s);
	if (s->trouble.code != ERR_NONE)
		print_line("trouble", s->trouble.what);
	else if (!blank)
		print_objects(s);
	if (t->free_bytes != WORKER_FREE_UNKNOWN) {
		snprintf(line, sizeof line, "%llu bytes free", (unsigned long long)t->free_bytes);
		print_line("room", line);
	}
	for (size_t i = 0; verbose && i < s->profile->notes.n; i++)
		print_line("note", s->profile->notes.v[i]);
}

static void print_reader(const struct life_seen_all *all, const struct reader *r)
{
	char line[800], text[800];
	const struct err *trouble = trouble_of(all, r);
	const struct profile *p = nearest(all, r);
	if (!r->present)
		snprintf(line, sizeof line, "%s: empty", r->name);
	else if (r->mute)
		snprintf(line, sizeof line, "%s: a card that does not answer", r->name);
	else if (r->exclusive)
		snprintf(line, sizeof line,
			 "%s: a card that another program holds, perhaps scdaemon: `gpgconf --kill "
			 "scdaemon` ends that",
			 r->name);
	else if (trouble != NULL)
		snprintf(line, sizeof line, "%s: a card that could not be looked at (%s): %s", r->name,
			 p != NULL ? p->name : "ATR", trouble->what);
	else
		snprintf(line, sizeof line, "%s: a card that no module knows, ATR %s%s%s", r->name, r->atr,
			 p != NULL ? "; nearest profile: " : "", p != NULL ? p->name : "");
	clean_text(text, sizeof text, line);
	puts(text);
}

static void print(const struct lifeui *u, const void *result)
{
	const struct life_seen_all *all = result;
	for (size_t i = 0; i < all->n; i++) {
		/* a card that its reader tells more about */
		if (is_unknown(&all->list[i]) && all->n_readers != 0)
			continue;
		print_token(&all->list[i], u->o->verbose);
	}
	for (size_t i = 0; i < all->n_readers; i++) {
		if (!is_seen(all, &all->readers[i]))
			print_reader(all, &all->readers[i]);
	}
	if (all->no_readers != NULL)
		lifeui_print("No readers: %s.", all->no_readers->what);
	else if (all->n == 0 && all->n_readers == 0)
		puts("Nothing is plugged in.");
}

int cmd_tokens(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct life_seen_all all = {.n = 0};
	int got = lifeui_arguments(o, 0, e) != 0 ? -1 : lifeui_run(&verb, o, NULL, &all, e);
	life_seen_free(&all);
	return got;
}
