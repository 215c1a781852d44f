#include "core/clean.h"
#include "pkcs11/profile_read.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Limits where neither the profile nor the token says any. */
#define USUAL_MIN 4
#define USUAL_MAX 64
#define USUAL_PIN 8    /* bytes of a random PIN ... */
#define USUAL_OTHER 16 /* ... and of what nobody types every day */
#define DRAWS 100

static const struct {
	const char *name, *letters; /* without those that look alike, where there is a choice */
} alphabets[PROFILE_ALPHABET_COUNT] = {
    [PROFILE_DIGITS] = {"digits", "0123456789"},
    [PROFILE_HEX] = {"hex digits (0-9, A-F)", "0123456789ABCDEF"},
    [PROFILE_ALPHANUMERIC] = {"letters A-Z, a-z and digits",
			      "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"},
    [PROFILE_ASCII] = {"letters, digits, signs and blanks of ASCII",
		       "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"},
    [PROFILE_UTF8] = {"characters", "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"},
};

static bool is_utf8(const char *bytes, size_t len)
{
	bool fit = true;
	for (size_t i = 0; fit && i < len;)
		i += clean_next(bytes + i, &fit);
	return fit;
}

static bool is_letter(enum profile_alphabet a, unsigned char c)
{
	if (a == PROFILE_DIGITS)
		return c >= '0' && c <= '9';
	if (a == PROFILE_HEX)
		return isxdigit(c) && c < 0x80;
	return a == PROFILE_ALPHANUMERIC ? isalnum(c) && c < 0x80 : c >= 0x20 && c <= 0x7E;
}

bool profile_alphabet_has(enum profile_alphabet a, const char *bytes, size_t len)
{
	if (memchr(bytes, '\0', len) != NULL)
		return false;
	if (a == PROFILE_UTF8)
		return is_utf8(bytes, len);
	for (size_t i = 0; i < len; i++) {
		if (!is_letter(a, (unsigned char)bytes[i]))
			return false;
	}
	return true;
}

/* A report that says something: some modules have 0, some all ones. */
static size_t reported(unsigned long v)
{
	return v > 1024 ? 0 : (size_t)v;
}

void profile_limits(struct profile_limits *ret, const struct profile_pin *pin, unsigned long token_min,
		    unsigned long token_max)
{
	size_t min = reported(token_min), max = reported(token_max);
	ret->pin = pin;
	ret->min = pin->min;
	ret->max = pin->max;
	if (ret->min == 0 || (pin->report_narrows && min > ret->min))
		ret->min = min;
	if (ret->max == 0 || (pin->report_narrows && max != 0 && max < ret->max))
		ret->max = max;
	if (ret->max != 0 && ret->min > ret->max) {
		ret->min = min;
		ret->max = max;
	}
	if (ret->min == 0)
		ret->min = ret->max != 0 && ret->max < USUAL_MIN ? ret->max : USUAL_MIN;
	if (ret->max == 0)
		ret->max = ret->min > USUAL_MAX ? ret->min : USUAL_MAX;
}

void profile_limits_of(struct profile_limits *ret, const struct profile *p, enum profile_secret which,
		       unsigned long token_min, unsigned long token_max)
{
	bool tells = which == PROFILE_PIN || p->pin[which].max == 0;
	profile_limits(ret, &p->pin[which], tells ? token_min : 0, tells ? token_max : 0);
}

void profile_limits_text(char *ret, size_t size, const struct profile_limits *l)
{
	char count[48], step[48] = "";
	if (l->min == l->max)
		snprintf(count, sizeof count, "exactly %zu", l->min);
	else
		snprintf(count, sizeof count, "%zu to %zu", l->min, l->max);
	if (l->min != l->max && l->pin->multiple > 1)
		snprintf(step, sizeof step, " (a multiple of %zu)", l->pin->multiple);
	snprintf(ret, size, "%s%s %s", count, step, alphabets[l->pin->alphabet].name);
}

static bool has_length(const struct profile_limits *l, size_t len)
{
	return len >= l->min && len <= l->max && len % l->pin->multiple == 0;
}

int profile_pin_check(const struct profile_limits *l, const struct secret *s, struct err *e)
{
	char rule[128];
	if (has_length(l, s->len) && profile_alphabet_has(l->pin->alphabet, s->bytes, s->len))
		return 0;
	profile_limits_text(rule, sizeof rule, l);
	err_set(e, ERR_PIN_RULES, "the %s of this token has %s; what was given %s", l->pin->name, rule,
		has_length(l, s->len) ? "has other characters" : "has another length");
	return err_next(e, "nothing was sent to the token; give one by these rules");
}

void profile_limits_possible(struct profile_limits *ret, const struct profile *p, enum profile_secret which,
			     unsigned long token_min, unsigned long token_max)
{
	const struct profile_pin *pin = &p->pin[which];
	bool tells = which == PROFILE_PIN;
	profile_limits(ret, pin, tells ? token_min : 0, tells ? token_max : 0);
	ret->min = pin->min == 0 && (!tells || token_min == 0) ? 1 : ret->min;
	ret->max = pin->max == 0 && (!tells || token_max == 0) ? SECRET_MAX : ret->max;
}

int profile_pin_possible(const struct profile *p, enum profile_secret which, unsigned long token_min,
			 unsigned long token_max, const struct secret *s, struct err *e)
{
	struct profile_limits limits;
	profile_limits_possible(&limits, p, which, token_min, token_max);
	return profile_pin_check(&limits, s, e);
}

bool profile_pin_is_factory(const struct profile_pin *pin, const struct secret *s)
{
	for (size_t i = 0; i < pin->factory.n; i++) {
		const char *v = pin->factory.v[i];
		if (strlen(v) != s->len)
			continue;
		if (pin->alphabet == PROFILE_HEX ? strncasecmp(v, s->bytes, s->len) == 0
						 : memcmp(v, s->bytes, s->len) == 0)
			return true;
	}
	return false;
}

static size_t random_length(const struct profile_limits *l)
{
	size_t n = l->pin->random;
	if (n == 0)
		n = l->pin->random_alphabet == PROFILE_DIGITS ? USUAL_PIN : USUAL_OTHER;
	n = n < l->min ? l->min : n > l->max ? l->max : n;
	return n - n % l->pin->multiple >= l->min ? n - n % l->pin->multiple
						  : n + l->pin->multiple - n % l->pin->multiple;
}

/* Tokens with rules of their own refuse one character over and over, and so would anybody who guesses. */
static bool is_plain(const struct secret *s)
{
	size_t changes = 0;
	for (size_t i = 1; i < s->len; i++)
		changes += s->bytes[i] != s->bytes[i - 1];
	return changes < 2 && s->len > 3;
}

int profile_pin_random(const struct profile_limits *l, struct secret *ret, struct err *e)
{
	size_t n = random_length(l);
	for (int draw = 0; draw < DRAWS; draw++) {
		if (secret_random(ret, alphabets[l->pin->random_alphabet].letters, n, e) != 0)
			return -1;
		if (!is_plain(ret) && !profile_pin_is_factory(l->pin, ret) && profile_pin_check(l, ret, NULL) == 0)
			return 0;
	}
	secret_clear(ret);
	err_set(e, ERR_PIN_RULES, "no random %s fits the rules of the token's profile", l->pin->name);
	return err_next(e, "correct min, max, multiple and random there, or give the %s yourself", l->pin->name);
}

int profile_answer_tries(const struct profile_pin *pin, const void *data, size_t len)
{
	char hex[2 * 256 + 1], pattern[256];
	const char *at = pin->tries_answer != NULL ? strstr(pin->tries_answer, "##") : NULL;
	if (at == NULL || len > 256)
		return -1;
	hex_encode(hex, sizeof hex, data, len);
	for (int tries = 0; tries <= 0xFF; tries++) {
		snprintf(pattern, sizeof pattern, "%.*s%02X%s", (int)(at - pin->tries_answer), pin->tries_answer, tries,
			 at + 2);
		if (profile_pattern(pattern, hex) >= 0)
			return tries;
	}
	return -1;
}

static bool answer_matches(const char *pattern, const void *data, size_t len)
{
	char hex[2 * 256 + 1];
	if (pattern == NULL || len > 256)
		return false;
	hex_encode(hex, sizeof hex, data, len);
	return profile_pattern(pattern, hex) >= 0;
}

bool profile_answer_is_factory(const struct profile_pin *pin, const void *data, size_t len)
{
	return answer_matches(pin->factory_answer, data, len);
}

bool profile_answer_is_own(const struct profile_pin *pin, const void *data, size_t len)
{
	return pin->own_answer != NULL ? answer_matches(pin->own_answer, data, len)
				       : !profile_answer_is_factory(pin, data, len);
}
