#include "core/xalloc.h"
#include "enroll/cards.h"
#include "enroll/discover_impl.h"

#include <stdlib.h>
#include <string.h>

static bool is_known(const struct enroll_candidate *c)
{
	return (c->token.flags & (WORKER_TOKEN_UNKNOWN | WORKER_TOKEN_UNREADABLE)) == 0;
}

bool discover_is_smart_card(const struct discovery *d, const char *reader)
{
	return reader_find(d->readers, d->n_readers, reader) != NULL;
}

/* How well a view of a token serves. */
static int worth(const struct enroll_candidate *c)
{
	return is_known(c) ? discover_enrolls(c->profile, &c->module) ? 2 : 1 : 0;
}

/* Whether another module's view of the same card serves better. */
static bool is_outdone(const struct discovery *d, size_t i)
{
	const struct enroll_candidate *c = &d->list[i];
	for (size_t k = 0; k < d->n; k++) {
		const struct enroll_candidate *other = &d->list[k];
		bool same = other->worker != c->worker && strcmp(other->token.reader, c->token.reader) == 0;
		if (same && (worth(other) > worth(c) || (worth(other) == worth(c) && k < i)))
			return true;
	}
	return false;
}

/* Of several modules that show what is in one reader the best one counts; all its views do, a card may have several. */
void discover_merge(struct discovery *d)
{
	bool *outdone = xcalloc(d->n, sizeof *outdone);
	size_t kept = 0;
	for (size_t i = 0; i < d->n; i++)
		outdone[i] = discover_is_smart_card(d, d->list[i].token.reader) && is_outdone(d, i);
	for (size_t i = 0; i < d->n; i++) {
		if (!outdone[i])
			d->list[kept++] = d->list[i];
	}
	d->n = kept;
	free(outdone);
}

static bool has_worth(const struct discovery *d, const char *reader, int least)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->list[i].token.reader, reader) == 0 && worth(&d->list[i]) >= least)
			return true;
	}
	return false;
}

const struct profile *discover_card_profile(const struct discovery *d, const char *reader)
{
	const struct reader *r = d != NULL ? reader_find(d->readers, d->n_readers, reader) : NULL;
	if (r == NULL)
		return NULL;
	struct profile_token facts = {.fact = {[PROFILE_READER] = r->name, [PROFILE_ATR] = r->atr}};
	return profiles_match(d->profiles, &facts);
}

static bool was_asked(const struct source *s, const char *reader)
{
	return s->reader[0] == '\0' || strcmp(s->reader, reader) == 0;
}

const struct err *discover_trouble(const struct discovery *d, const char *reader)
{
	const struct profile *p = discover_card_profile(d, reader);
	for (size_t i = 0; p != NULL && i < d->n_sources; i++) {
		const struct source *s = d->sources[i];
		if (s->why.code != ERR_NONE && was_asked(s, reader) && discover_enrolls(p, &s->module))
			return &s->why;
	}
	return NULL;
}

/* Whether this module has failed, and no other card can have been the reason. */
static bool has_failed(const struct discovery *d, const char *path)
{
	size_t present = 0;
	bool failed = false;
	for (size_t i = 0; i < d->n_readers; i++)
		present += d->readers[i].present;
	for (size_t i = 0; i < d->n_sources; i++)
		failed = failed ||
			 (d->sources[i]->why.code != ERR_NONE && cards_same_library(d->sources[i]->module.path, path));
	return failed && present == 1;
}

/* The profile of what is in a reader, by its best view, or by the card alone. */
static const struct profile *profile_in(struct discovery *d, const struct reader *r)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->list[i].token.reader, r->name) == 0 && is_known(&d->list[i]))
			return d->list[i].profile;
	}
	return discover_card_profile(d, r->name);
}

/*
 * Cards that none of the modules asked can enroll get the one that their profile names. Somebody who has named a module
 * on the command line is not overruled; the configuration's is for the tokens it fits.
 */
void discover_start_fitting(struct discovery *d)
{
	size_t first = d->n_sources;
	for (size_t i = 0; i < d->n_readers && !d->req.module_given; i++) {
		const struct reader *r = &d->readers[i];
		bool asked = r->present && (d->req.reader == NULL || strcmp(d->req.reader, r->name) == 0);
		const struct profile *p = asked && !has_worth(d, r->name, 2) ? profile_in(d, r) : NULL;
		char *path = p != NULL && profile_looks_at(p, r->name) ? cards_module_for(p) : NULL;
		struct worker_module m = {.name = ""};
		if (path != NULL && !has_failed(d, path) && discover_name_module(&m, path, NULL) == 0) {
			discover_add_source(d, &m, r->name);
			discover_start_source(d, d->sources[d->n_sources - 1]);
		}
		free(path);
	}
	for (size_t i = first; i < d->n_sources; i++)
		discover_list_source(d, d->sources[i]);
}
