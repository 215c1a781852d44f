#include "pkcs11/profile_read.h"

#include <ctype.h>
#include <string.h>

/* An ATR of another edition of a card has this many bytes in a row in common with the known one. */
#define ALIKE_BYTES 8

static bool same_letter(char a, char b)
{
	return a == b || tolower((unsigned char)a) == tolower((unsigned char)b);
}

int profile_pattern(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;
	for (const char *p = pattern; *text != '\0' || *p != '\0';) {
		if (*p == '*') {
			star = p++;
			resume = text;
		} else if (*text != '\0' && *p != '\0' && (*p == '?' || same_letter(*p, *text))) {
			p++, text++;
		} else if (star != NULL && *resume != '\0') {
			p = star + 1;
			text = ++resume;
		} else {
			return -1;
		}
	}
	int literal = 0;
	for (; *pattern != '\0'; pattern++)
		literal += *pattern != '*' && *pattern != '?';
	return literal;
}

static int best_pattern(const struct profile_list *patterns, const char *text)
{
	int best = -1;
	for (size_t i = 0; text != NULL && *text != '\0' && i < patterns->n; i++) {
		int literal = profile_pattern(patterns->v[i], text);
		best = literal > best ? literal : best;
	}
	return best;
}

/* The characters that fit, -1 if a fact does not. */
static int score(const struct profile_match *m, const struct profile_token *t)
{
	int sum = 0;
	for (size_t i = 0; i < PROFILE_FACT_COUNT; i++) {
		int one = best_pattern(&m->fact[i], t->fact[i]);
		if (m->fact[i].n != 0 && one < 0)
			return -1;
		sum += one > 0 ? one : 0;
	}
	return sum;
}

static bool is_known(const char *fact)
{
	return fact != NULL && *fact != '\0';
}

static int best_section(const struct profile *p, const struct profile_token *t)
{
	bool described = is_known(t->fact[PROFILE_MANUFACTURER]) || is_known(t->fact[PROFILE_MODEL]);
	int best = -1;
	for (size_t i = 0; i < p->n_match; i++) {
		int one = score(&p->match[i], t);
		best = one > best ? one : best;
	}
	for (size_t i = 0; i < p->n_card && !described; i++) {
		int one = score(&p->card[i], t);
		best = one > best ? one : best;
	}
	return best;
}

const struct profile *profiles_match(const struct profiles *profiles, const struct profile_token *t)
{
	const struct profile *p, *best = profiles_builtin(profiles);
	int best_score = -1;
	for (size_t i = 0; (p = profiles_at(profiles, i)) != NULL; i++) {
		int one = best_section(p, t);
		if (one < 0 || one < best_score || (one == best_score && p->folder <= best->folder))
			continue;
		best = p;
		best_score = one;
	}
	return best;
}

/* The longest run of bytes that two ATRs in hex have in common, in digits; a wildcard is no digit. */
static size_t common_run(const char *pattern, const char *atr)
{
	size_t longest = 0;
	for (size_t i = 0; pattern[i] != '\0'; i++) {
		for (size_t k = 0; atr[k] != '\0'; k += 2) {
			size_t n = 0;
			while (pattern[i + n] != '\0' && pattern[i + n] == atr[k + n])
				n++;
			longest = n > longest ? n : longest;
		}
	}
	return longest - longest % 2;
}

static size_t atr_alike(const struct profile_list *patterns, const char *atr)
{
	size_t best = 0;
	for (size_t i = 0; is_known(atr) && i < patterns->n; i++) {
		size_t run = common_run(patterns->v[i], atr);
		best = run > best ? run : best;
	}
	return best >= (size_t)2 * ALIKE_BYTES ? best : 0;
}

/* As score, but of the facts that agree, whatever the others say. */
static size_t agreement(const struct profile_match *m, const struct profile_token *t, unsigned *ret_facts)
{
	size_t sum = 0;
	*ret_facts = 0;
	for (size_t i = 0; i < PROFILE_FACT_COUNT; i++) {
		int exact = best_pattern(&m->fact[i], t->fact[i]);
		size_t one = exact > 0 ? (size_t)exact : 0;
		if (one == 0 && i == PROFILE_ATR)
			one = atr_alike(&m->fact[i], t->fact[i]);
		if (one != 0)
			*ret_facts |= 1u << i;
		sum += one;
	}
	return sum;
}

const struct profile *profiles_nearest(const struct profiles *profiles, const struct profile_token *t,
				       unsigned *ret_facts)
{
	const struct profile *p, *best = profiles_builtin(profiles);
	size_t most = 0;
	unsigned facts;
	*ret_facts = 0;
	for (size_t i = 0; (p = profiles_at(profiles, i)) != NULL; i++) {
		for (size_t k = 0; k < p->n_match + p->n_card; k++) {
			const struct profile_match *m = k < p->n_match ? &p->match[k] : &p->card[k - p->n_match];
			size_t one = agreement(m, t, &facts);
			if (one <= most)
				continue;
			most = one;
			best = p;
			*ret_facts = facts;
		}
	}
	return best;
}

const struct profile *profiles_named(const struct profiles *profiles, const char *id)
{
	const struct profile *p = NULL;
	for (size_t i = 0; (p = profiles_at(profiles, i)) != NULL && strcmp(p->id, id) != 0; i++)
		;
	return p;
}

bool profile_hides(const struct profile *p, const char *label, const char *model)
{
	return best_pattern(&p->hide_label, label) >= 0 || best_pattern(&p->hide_model, model) >= 0;
}

bool profile_looks_at(const struct profile *p, const char *reader)
{
	return p->module.readers.n == 0 || best_pattern(&p->module.readers, reader) >= 0;
}
