#include "station/tally.h"

#include "core/day.h"
#include "core/xalloc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- which roster */

/* A file that is gone, or on a medium that is not there now, has a roster nevertheless: then its folder is resolved. */
static char *resolve(const char *path)
{
	char *whole = strcmp(path, "-") == 0 ? xstrdup("-") : realpath(path, NULL);
	if (whole != NULL)
		return whole;
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? xstrdup(".") : xasprintf("%.*s", (int)(slash - path + 1), path);
	char *real = realpath(folder, NULL);
	if (real != NULL)
		whole = xasprintf("%s/%s", strcmp(real, "/") == 0 ? "" : real, slash == NULL ? path : slash + 1);
	free(folder);
	free(real);
	return whole != NULL ? whole : xstrdup(path);
}

static const char *shown(const char *source)
{
	return strcmp(source, "-") == 0 ? "- (standard input)" : source;
}

/* As many as there is room for; there may be hundreds. */
static int refuse(const char *source, const struct roster_source *list, size_t n, struct err *e)
{
	char names[400] = "", day[DAY_SIZE];
	if (n == 0) {
		err_set(e, ERR_ROSTER, "no station has opened a roster yet, so there is nothing to report");
		return err_next(e, "enroll the people of one: tokenroll station ROSTER.csv");
	}
	size_t told = 0;
	for (; told < n; told++) {
		size_t len = strlen(names);
		day_format(day, list[told].opened);
		int more = snprintf(names + len, sizeof names - len, "%s%s, last opened %s", told == 0 ? "" : "; ",
				    shown(list[told].source), day);
		if (more >= (int)(sizeof names - len)) {
			names[len] = '\0';
			break;
		}
	}
	err_set(e, ERR_ROSTER, "no station has opened the roster %s", shown(source));
	if (told == n)
		return err_next(e, "name one of those there are: %s", names);
	return err_next(e, "name one of the %zu there are: %s%sand %zu more", n, names, told == 0 ? "" : "; ",
			n - told);
}

/* One that was never opened is last, and has nobody on it: what would have opened it has failed. */
static int choose(struct tally *t, struct store *s, const char *path, struct err *e)
{
	struct roster_source *list = NULL;
	size_t n_all = 0, n = 0, at = 0;
	if (store_rosters(s, &list, &n_all, e) != 0)
		return -1;
	while (n < n_all && list[n].opened != 0)
		n++;
	char *source = path != NULL ? resolve(path) : NULL;
	while (at < n && source != NULL && strcmp(list[at].source, source) != 0)
		at++;
	int ret = 0;
	if (at == n) {
		ret = refuse(source, list, n, e);
	} else {
		t->roster = list[at].id;
		t->source = xstrdup(list[at].source);
		t->opened = list[at].opened;
	}
	free(source);
	roster_sources_free(&list, n_all);
	return ret;
}

/* ---- what was done */

struct gathering {
	struct pace *pace;
	int64_t *took;
	size_t n, room;
};

static int gather_one(void *arg, time_t ended, int64_t took)
{
	struct gathering *g = arg;
	/* what no station has written there must not make sums overflow */
	int64_t took_ms = took < 0 ? 0 : took > PACE_TOOK_MAX ? PACE_TOOK_MAX : took;
	if (g->n == g->room) {
		g->room = g->room == 0 ? 256 : 2 * g->room;
		g->took = xrealloc(g->took, g->room, sizeof *g->took);
	}
	g->took[g->n++] = took_ms;
	pace_add(g->pace, ended, took_ms);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int64_t median(int64_t *list, size_t n)
{
	if (n == 0)
		return 0;
	qsort(list, n, sizeof *list, by_size);
	return n % 2 != 0 ? list[n / 2] : (list[n / 2 - 1] + list[n / 2]) / 2;
}

static int gather(struct tally *t, struct store *s, struct err *e)
{
	struct gathering g = {.pace = &t->pace};
	int ret = store_roster_finished(s, t->roster, t->since, gather_one, &g, e);
	if (ret == 0)
		t->median_ms = median(g.took, g.n);
	free(g.took);
	return ret;
}

/* ---- */

static int ask(struct tally *t, struct store *s, const char *path, struct err *e)
{
	if (choose(t, s, path, e) != 0 || store_roster_holder(s, t->source, t->holder, e) != 0 ||
	    store_roster_count(s, t->roster, &t->counts, e) != 0 || gather(t, s, e) != 0 ||
	    store_roster_slowest(s, t->roster, t->since, t->slowest, TALLY_SLOWEST, &t->n_slowest, e) != 0 ||
	    store_roster_reasons(s, t->roster, t->reasons, TALLY_REASONS, &t->n_reasons, e) != 0)
		return -1;
	return store_roster_letters(s, t->roster, t->letters, TALLY_LETTERS, &t->n_letters, &t->letters_all, e);
}

int tally_take(struct tally **ret, struct store *s, const char *path, time_t since, struct err *e)
{
	struct tally *t = xcalloc(1, sizeof *t);
	t->now = time(NULL);
	t->since = since;
	int got = ask(t, s, path, e);
	if (got == 0) {
		*ret = t;
		t = NULL;
	}
	tally_free(&t);
	return got;
}

void tally_free(struct tally **t)
{
	if (t == NULL || *t == NULL)
		return;
	for (size_t i = 0; i < (*t)->n_slowest; i++)
		roster_person_free(&(*t)->slowest[i]);
	free((*t)->source);
	free(*t);
	*t = NULL;
}

int64_t tally_time_left(const struct tally *t)
{
	double rate = pace_per_hour(&t->pace);
	double ms = rate > 0 ? (double)t->counts.left / rate * 3600000.0 : -1;
	return ms < 0 || ms > (double)PACE_TOOK_MAX ? -1 : (int64_t)ms;
}

const char *tally_state(const struct tally *t, const struct roster_person *p)
{
	if (p->withdrawn && p->state != ROSTER_DONE)
		return "withdrawn";
	return p->state == ROSTER_RUNNING && t->holder[0] == '\0' ? "interrupted" : roster_state_name(p->state);
}
