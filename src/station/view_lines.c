#include "station/view_lines.h"

#include "core/clean.h"
#include "core/day.h"
#include "core/xalloc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- for programs */

/* In events for programs. */
static const char *event_name(enum station_event_kind k)
{
	static const char *const names[STATION_EVENT_COUNT] = {
	    [STATION_BEGINS] = "begins",
	    [STATION_READER_IN] = "reader-in",
	    [STATION_READER_OUT] = "reader-out",
	    [STATION_TROUBLE] = "trouble",
	    [STATION_CARD_IN] = "token-in",
	    [STATION_CARD_OUT] = "token-out",
	    [STATION_SEEN] = "seen",
	    [STATION_PICK] = "pick",
	    [STATION_GIVEN] = "given",
	    [STATION_STEP_BEGIN] = "step-begin",
	    [STATION_STEP_END] = "step-end",
	    [STATION_NOTE] = "note",
	    [STATION_ASK] = "ask",
	    [STATION_MAY_PULL] = "may-pull",
	    [STATION_DONE] = "done",
	    [STATION_UNDONE] = "undone",
	    [STATION_REFUSED] = "refused",
	    [STATION_FAILED] = "failed",
	    [STATION_LETTER] = "letter",
	    [STATION_STOPS] = "stops",
	    [STATION_ENDS] = "ends",
	};
	return names[k];
}

static void put_text(json_t *j, const char *name, const char *text)
{
	json_t *value = NULL;
	if (text == NULL || text[0] == '\0')
		return;
	value = json_string(text);
	if (value == NULL) { /* not UTF-8: a token may say anything of itself */
		char clean[1200];
		clean_text(clean, sizeof clean, text);
		value = json_string(clean);
	}
	json_object_set_new(j, name, value);
}

static void put_place(json_t *j, const struct place *p)
{
	put_text(j, "reader", p->name);
	put_text(j, "token", p->token.id);
	put_text(j, "model", p->token.token.model);
	if (p->has_person)
		put_text(j, "user", p->person.user);
}

static void put_error(json_t *j, const struct err *why)
{
	json_t *e = json_pack("{s:s}", "code", err_code_name(why->code));
	put_text(e, "message", why->what);
	put_text(e, "reason", why->native);
	put_text(e, "next", err_advice(why));
	json_object_set_new(j, "error", e);
}

static void put_counts(json_t *j, const struct roster_counts *c)
{
	json_object_set_new(j, "done", json_integer(c->states[ROSTER_DONE]));
	json_object_set_new(j, "failed", json_integer(c->states[ROSTER_FAILED]));
	json_object_set_new(j, "left", json_integer(c->left));
}

static void put_done(json_t *j, const struct station_event *ev)
{
	put_text(j, "certificate", ev->text);
	json_object_set_new(j, "already", json_boolean(place_was_finished(ev->place)));
	json_object_set_new(j, "proved", json_boolean(ev->place->may_pull));
}

static bool has_step(enum station_event_kind k)
{
	return k == STATION_STEP_BEGIN || k == STATION_STEP_END;
}

static bool has_counts(enum station_event_kind k)
{
	return k == STATION_BEGINS || k == STATION_ENDS;
}

static void write_json(struct view_lines *l, const struct station *s, const struct station_event *ev)
{
	char now[DAY_TIME_SIZE];
	day_time_format(now, time(NULL));
	json_t *j = json_pack("{s:s, s:s}", "time", now, "event", event_name(ev->kind));
	if (ev->place != NULL)
		put_place(j, ev->place);
	if (has_step(ev->kind))
		put_text(j, "step", ev->place->step);
	put_text(j, "user", ev->user);
	if (ev->kind == STATION_STEP_END || ev->kind == STATION_LETTER)
		json_object_set_new(j, "ok", json_boolean(ev->ok));
	if (ev->kind == STATION_DONE && ev->place != NULL)
		put_done(j, ev);
	else
		put_text(j, "text", ev->text);
	if (ev->ms != 0)
		json_object_set_new(j, "ms", json_integer(ev->ms));
	if (ev->why != NULL)
		put_error(j, ev->why);
	if (has_counts(ev->kind))
		put_counts(j, station_counts(s));
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);
	view_queue_put(&l->out, text != NULL ? text : "");
	view_queue_put(&l->out, "\n");
	free(text);
	json_decref(j);
}

/* ---- for people */

static void say_step(char *ret, size_t size, const struct station_event *ev)
{
	snprintf(ret, size, "%s%s%s%s  %.2f s", ev->place->step, ev->ok ? "" : " failed",
		 ev->text[0] != '\0' ? ": " : "", ev->text, (double)ev->ms / 1000.0);
}

static void say_token(char *ret, size_t size, const struct desk_token *t)
{
	snprintf(ret, size, "token %s%s (%s)%s%s", t->id,
		 (t->token.flags & WORKER_TOKEN_INITIALIZED) != 0 ? "" : "blank", t->token.model,
		 t->owner[0] != '\0' ? ", " : "", t->owner);
}

static void say_counts(char *ret, size_t size, const struct station *s)
{
	const struct roster_counts *c = station_counts(s);
	snprintf(ret, size, "%lld done, %lld failed, %lld left", (long long)c->states[ROSTER_DONE],
		 (long long)c->states[ROSTER_FAILED], (long long)c->left);
}

static const char *reason(const struct station_event *ev)
{
	return ev->why != NULL ? ev->why->what : ev->text;
}

static void say_person(char *ret, size_t size, const struct roster_person *q)
{
	bool named = q->name[0] != '\0';
	snprintf(ret, size, "for %s%s%s%s", q->user, named ? " (" : "", q->name, named ? ")" : "");
}

/* What was not made now is not said to be, nor that it was proven. */
static void say_done(char *ret, size_t size, const struct station_event *ev)
{
	snprintf(ret, size, "done%s, certificate %s%s  %.2f s",
		 place_was_finished(ev->place) ? ": it was finished before" : "", ev->text,
		 ev->place->may_pull ? "" : "; the key was not tried", (double)ev->ms / 1000.0);
}

/* What is the same whatever the token. */
static const char *const words[STATION_EVENT_COUNT] = {
    [STATION_READER_IN] = "reader",        [STATION_READER_OUT] = "reader is gone",
    [STATION_CARD_IN] = "token in",        [STATION_CARD_OUT] = "token out",
    [STATION_PICK] = "whose is it to be?", [STATION_MAY_PULL] = "proven: the token may be pulled out\a",
};

/* What comes before the reason of these. */
static const char *const heads[STATION_EVENT_COUNT] = {
    [STATION_TROUBLE] = "no readers: ",
    [STATION_REFUSED] = "LEFT ALONE: ",
    [STATION_FAILED] = "FAILED: ",
    [STATION_NOTE] = "",
    [STATION_LETTER] = "",
    [STATION_STOPS] = "",
};

/* False where a line would say nothing new. */
static bool say(char *ret, size_t size, const struct station *s, const struct station_event *ev)
{
	const struct place *p = ev->place;
	*ret = '\0';
	if (words[ev->kind] != NULL)
		snprintf(ret, size, "%s", words[ev->kind]);
	else if (heads[ev->kind] != NULL)
		snprintf(ret, size, "%s%s", heads[ev->kind], ev->text[0] != '\0' ? ev->text : reason(ev));
	else if (has_counts(ev->kind))
		say_counts(ret, size, s);
	else if (ev->kind == STATION_SEEN)
		say_token(ret, size, &p->token);
	else if (ev->kind == STATION_GIVEN)
		say_person(ret, size, &p->person);
	else if (ev->kind == STATION_STEP_END)
		say_step(ret, size, ev);
	else if (ev->kind == STATION_ASK)
		snprintf(ret, size, "waits for a PIN to be typed: %s", p->ask.rule);
	else if (ev->kind == STATION_DONE && ev->place != NULL)
		say_done(ret, size, ev);
	else if (ev->kind == STATION_UNDONE)
		snprintf(ret, size, "undone: the certificate is revoked, the token empty, %s in line again",
			 p->person.user);
	return *ret != '\0';
}

static void write_line(struct view_lines *l, const struct station *s, const struct station_event *ev)
{
	char now[16] = "", text[1600], clean[1600], place[READER_NAME_MAX] = "";
	time_t t = time(NULL);
	struct tm tm;
	if (!say(text, sizeof text, s, ev))
		return;
	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(now, sizeof now, "%H:%M:%S", &tm);
	size_t n = strlen(text);
	bool bell = n > 0 && text[n - 1] == '\a';
	if (bell)
		text[n - 1] = '\0';
	if (ev->why != NULL && ev->why->native[0] != '\0') {
		n = strlen(text);
		snprintf(text + n, sizeof text - n, " (%s)", ev->why->native);
	}
	clean_text(clean, sizeof clean, text);
	if (ev->place != NULL)
		clean_text(place, sizeof place, ev->place->name);
	char *line = xasprintf("%s  %s%s%s%s%s%s\n", now, place, place[0] != '\0' ? "  " : "",
			       ev->place != NULL && ev->place->has_person ? ev->place->person.user : "",
			       ev->place != NULL && ev->place->has_person ? "  " : "", clean, bell ? "\a" : "");
	view_queue_put(&l->out, line);
	free(line);
	if (ev->why != NULL && err_advice(ev->why)[0] != '\0') {
		clean_text(clean, sizeof clean, err_advice(ev->why));
		line = xasprintf("          what to do: %s\n", clean);
		view_queue_put(&l->out, line);
		free(line);
	}
}

static void on_event(void *arg, const struct station *s, const struct station_event *ev)
{
	struct view_lines *l = arg;
	if (l->json)
		write_json(l, s, ev);
	else
		write_line(l, s, ev);
	view_queue_turn(&l->out);
}

static void draw(void *arg, struct station *s)
{
	struct view_lines *l = arg;
	view_queue_turn(&l->out);
	if (view_queue_is_stuck(&l->out) && !station_is_stopping(s))
		station_stop(s, false);
	if (l->ends_alone && !station_is_stopping(s) && station_counts(s)->left == 0 && station_busy(s) == 0)
		station_stop(s, false);
}

static int no_input(void *arg)
{
	(void)arg;
	return -1;
}

static void read_nothing(void *arg, struct station *s)
{
	(void)arg;
	(void)s;
}

struct station_view view_lines(struct view_lines *l)
{
	return (struct station_view){
	    .arg = l, .event = on_event, .draw = draw, .input = no_input, .read = read_nothing};
}
