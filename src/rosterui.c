#include "rosterui.h"
#include "core/clean.h"
#include "core/day.h"
#include "core/keytype.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN_PEOPLE 10

const char *const rosterui_languages[ROSTERUI_LANGUAGES] = {"en", "de", "ru", "none"};

_Static_assert(KEYTYPE_COUNT <= sizeof(((struct rosterui_sums *)0)->key_types) / sizeof(size_t), "a sum for each");

void rosterui_sum(struct rosterui_sums *ret, const struct roster *r)
{
	*ret = (struct rosterui_sums){.reserved = 0};
	for (size_t i = 0; i < r->n; i++) {
		const struct roster_entry *p = &r->people[i];
		int l = 0;
		while (l < ROSTERUI_LANGUAGES - 1 && strcmp(p->language, rosterui_languages[l]) != 0)
			l++;
		ret->languages[l]++;
		ret->key_types[p->key_type]++;
		ret->reserved += p->token_serial[0] != '\0';
	}
}

/* ---- what is wrong */

void rosterui_faults(const struct roster_faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		fprintf(stderr, "  line %ld: %s\n", f->list[i].line, f->list[i].text);
	if (f->n_all > f->n)
		fprintf(stderr, "  ... and %zu more\n", f->n_all - f->n);
}

/* ---- a line of text that grows */

struct text {
	char s[1024];
};

static void add(struct text *t, const char *fmt, ...) ERR_PRINTF(2, 3);

static void add(struct text *t, const char *fmt, ...)
{
	size_t n = strlen(t->s);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(t->s + n, sizeof t->s - n, fmt, ap);
	va_end(ap);
}

static const char *comma(const struct text *t)
{
	return t->s[0] != '\0' ? ", " : "";
}

/* ---- what is found */

static void print_file(const struct roster *r)
{
	const char *separator = r->separator == '\t' ? "a tab" : r->separator == ';' ? "';'" : "','";
	struct text columns = {""}, further = {""}, file = {""};
	for (int i = 0; i < ROSTER_COLUMN_COUNT; i++) {
		if (r->has[i])
			add(&columns, "%s%s", comma(&columns), roster_column_name((enum roster_column)i));
	}
	for (size_t i = 0; i < r->n_further; i++)
		add(&further, "%s{{%s}}", comma(&further), r->further[i]);
	add(&file, "UTF-8%s, %s between the columns", r->bom ? " with a byte order mark" : "", separator);
	table_field(stdout, "file", file.s);
	table_field(stdout, "columns", columns.s);
	table_field(stdout, "templates", further.s);
}

static void print_short(const struct roster *r)
{
	struct text t = {""};
	if (r->n_short == 0)
		return;
	add(&t,
	    "%zu %s fewer columns than the first line, as some spreadsheets write them; what is missing is taken "
	    "as empty (first: line %ld)",
	    r->n_short, r->n_short == 1 ? "has" : "have", r->first_short);
	table_field(stdout, "lines", t.s);
}

static void print_sums(const struct roster *r)
{
	struct rosterui_sums sums;
	struct text languages = {""}, key_types = {""}, tokens = {""};
	rosterui_sum(&sums, r);
	for (int i = 0; i < ROSTERUI_LANGUAGES && r->has[ROSTER_LANGUAGE]; i++) {
		if (sums.languages[i] != 0)
			add(&languages, "%s%zu %s", comma(&languages), sums.languages[i], rosterui_languages[i]);
	}
	for (int i = 0; i < KEYTYPE_COUNT && r->has[ROSTER_KEY_TYPE]; i++) {
		if (sums.key_types[i] != 0)
			add(&key_types, "%s%zu %s", comma(&key_types), sums.key_types[i],
			    i == KEYTYPE_NONE ? "by the configuration" : keytype_name((enum keytype)i));
	}
	if (sums.reserved != 0)
		add(&tokens, "%zu %s a token of their own (token_serial)", sums.reserved,
		    sums.reserved == 1 ? "has" : "have");
	table_field(stdout, "languages", languages.s);
	table_field(stdout, "key types", key_types.s);
	table_field(stdout, "tokens", tokens.s);
}

static void print_certified(const struct rosterui *u)
{
	struct text t = {""};
	char day[DAY_SIZE];
	if (u->n_certified == 0)
		return;
	add(&t, "%zu %s a valid certificate already:", u->n_certified, u->n_certified == 1 ? "has" : "have");
	for (size_t i = 0; i < u->n_certified && i < SHOWN_PEOPLE; i++) {
		day_format(day, u->certified[i].until);
		add(&t, "%s %s until %s", i != 0 ? "," : "", u->certified[i].entry->user, day);
	}
	if (u->n_certified > SHOWN_PEOPLE)
		add(&t, " and %zu more", u->n_certified - SHOWN_PEOPLE);
	table_field(stdout, "certified", t.s);
}

static void print_taken(const struct rosterui *u)
{
	struct text t = {""};
	for (size_t i = 0; i < u->n_taken && i < SHOWN_PEOPLE; i++) {
		const struct rosterui_person *p = &u->taken[i];
		add(&t, "%s%s for %s (line %ld) is %s's", comma(&t), p->entry->token_serial, p->entry->user,
		    p->entry->line, p->holder);
	}
	if (u->n_taken > SHOWN_PEOPLE)
		add(&t, " and %zu more", u->n_taken - SHOWN_PEOPLE);
	table_field(stdout, "taken", t.s);
}

static void print_merged(const struct rosterui *u)
{
	const struct roster_merged *m = &u->merged;
	struct text t = {""};
	if (u->known)
		add(&t,
		    "since it was opened last: %" PRId64 " new, %" PRId64 " changed, %" PRId64
		    " changed but done, %" PRId64 " withdrawn",
		    m->added, m->changed, m->changed_done, m->withdrawn);
	else
		add(&t, "no station has opened it yet");
	table_field(stdout, "changes", t.s);
	t.s[0] = '\0';
	if (u->holder[0] != '\0')
		add(&t, "at %s", u->holder);
	table_field(stdout, "open", t.s);
}

void rosterui_print(const struct rosterui *u)
{
	const struct roster *r = u->roster;
	char source[512];
	clean_text(source, sizeof source, strcmp(r->source, "-") == 0 ? "standard input" : r->source);
	printf("%s: %zu %s, all lines are good\n", source, r->n, r->n == 1 ? "person" : "people");
	print_file(r);
	print_short(r);
	print_sums(r);
	print_certified(u);
	print_taken(u);
	print_merged(u);
	printf("A station would have %" PRId64 " to enroll; %" PRId64 " %s done, %" PRId64 " %s held.\n",
	       u->merged.now.left - u->merged.now.states[ROSTER_HELD], u->merged.now.states[ROSTER_DONE],
	       u->merged.now.states[ROSTER_DONE] == 1 ? "is" : "are", u->merged.now.states[ROSTER_HELD],
	       u->merged.now.states[ROSTER_HELD] == 1 ? "is" : "are");
}
