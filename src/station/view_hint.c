/*
 * view_hint: the one line that says what to do now, to somebody who sees the
 * screen for the first time.
 */
#include "station/view_screen_impl.h"

#include "core/clock.h"

#include <inttypes.h>

#define LOOKING_MS 2000 /* by then those that are plugged in are known */

struct all {
	size_t places, readers, empty, pick, asking, pull, red, busy;
	const struct place *first_red;
};

static struct all look(const struct station *s)
{
	struct all a = {.busy = station_busy(s)};
	const struct place *p = station_places(s, &a.places);
	for (size_t i = 0; i < a.places; i++) {
		bool red = place_is_red(&p[i]);
		a.readers += !p[i].gone;
		a.empty += p[i].state == PLACE_EMPTY;
		a.pick += p[i].state == PLACE_PICK;
		a.asking += p[i].state == PLACE_ASKING;
		a.pull += p[i].card && (p[i].may_pull || p[i].state == PLACE_DONE);
		a.red += red;
		if (red && a.first_red == NULL)
			a.first_red = &p[i];
	}
	return a;
}

static void stopping(char *ret, size_t size, const struct station *s)
{
	size_t busy = station_busy(s);
	if (busy == 0 && station_printing(s) != NULL)
		snprintf(ret, size,
			 "The station ends when the PIN letter of %s is printed. Ctrl-C does not wait for it.",
			 station_printing(s));
	else if (busy == 0 && station_is_telling(s))
		snprintf(ret, size, "The station ends when the VPN server is told of the CRL. Ctrl-C does not wait.");
	else if (station_is_breaking_off(s))
		snprintf(ret, size, "What is under way is being broken off. Ctrl-C ends the station at once.");
	else
		snprintf(ret, size,
			 "The station ends as soon as the %zu token%s under way %s finished. No new one is begun.",
			 busy, view_plural((int64_t)busy), busy == 1 ? "is" : "are");
}

static void first_token(char *ret, size_t size, const struct view_screen *v, const struct station *s)
{
	char name[VIEW_TEXT];
	const char *which = v->done == 0 ? "first" : "next";
	if (station_picks(s) || v->n_queue == 0) {
		snprintf(ret, size, "Put the %s token into a reader%s.", which,
			 station_picks(s) ? "; then type or scan whose it becomes" : "");
		return;
	}
	view_person_name(name, sizeof name, &v->queue[0]);
	snprintf(ret, size, "Put the %s token into a reader: it becomes that of %s.", which, name);
}

/* Everybody who is left has had a try, or waits for a token of their own. */
static void nobody_in_line(char *ret, size_t size, const struct station *s)
{
	const struct roster_counts *c = station_counts(s);
	int64_t own = c->states[ROSTER_WAITING];
	snprintf(ret, size,
		 "Nobody is in line for any token: %" PRId64 " failed, %" PRId64 " held, %" PRId64 " skipped, %" PRId64
		 " with token%s of their own. Put those in, or q ends.",
		 c->states[ROSTER_FAILED], c->states[ROSTER_HELD], c->states[ROSTER_SKIPPED], own, view_plural(own));
}

static void red(char *ret, size_t size, const struct station *s, const struct all *a)
{
	if (a->red == 1)
		snprintf(ret, size, "Reader %zu waits for you, and says why. The others go on.",
			 view_number(s, a->first_red));
	else
		snprintf(ret, size, "%zu readers wait for you, and say why. The others go on.", a->red);
}

enum view_colour view_hint(char *ret, size_t size, const struct view_screen *v, const struct station *s)
{
	const struct all a = look(s);
	const struct roster_counts *c = station_counts(s);
	enum view_colour colour = VIEW_PLAIN;
	if (station_is_stopping(s)) {
		stopping(ret, size, s);
	} else if (a.pick + a.asking != 0) {
		snprintf(ret, size,
			 a.pick != 0 ? "Type or scan whose the token becomes." : "Somebody is to type a PIN.");
		colour = VIEW_ASKS;
	} else if (a.readers == 0 && station_trouble(s) != NULL) {
		snprintf(ret, size, "No reader can be used. What to do is said below; this goes on by itself then.");
		colour = VIEW_BAD;
	} else if (a.places == 0 && clock_ms() - v->opened < LOOKING_MS) {
		snprintf(ret, size, "Looking for readers.");
	} else if (a.places == 0) {
		snprintf(ret, size, "No reader is plugged in: plug one in, it shows up here by itself.");
	} else if (c->left == 0 && a.busy == 0) {
		snprintf(ret, size, "Everybody on the roster has a token. %sq ends.",
			 a.pull != 0 ? "Pull out what is done. " : "");
		colour = VIEW_GOOD;
	} else if (a.pull != 0) {
		snprintf(ret, size, "Pull out the token%s where it says PULL, and put in the next.",
			 view_plural((int64_t)a.pull));
		colour = VIEW_GOOD;
	} else if (a.red != 0) {
		red(ret, size, s, &a);
		colour = VIEW_BAD;
	} else if (a.busy == 0 && v->n_queue == 0 && !station_picks(s)) {
		nobody_in_line(ret, size, s);
		colour = VIEW_ASKS;
	} else if (a.busy == 0) {
		first_token(ret, size, v, s);
	} else if (a.empty != 0 && v->n_queue != 0) {
		snprintf(ret, size, "Tokens are being enrolled. An empty reader takes the next one.");
	} else {
		snprintf(ret, size, "Tokens are being enrolled. Leave them in until it says PULL.");
	}
	return colour;
}
