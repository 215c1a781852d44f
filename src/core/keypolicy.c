#include "core/keypolicy.h"

#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

static const char *const pin_names[KEYPOLICY_PIN_COUNT] = {
    [KEYPOLICY_PIN_UNKNOWN] = "unknown",
    [KEYPOLICY_PIN_NEVER] = "never",
    [KEYPOLICY_PIN_ONCE] = "once",
    [KEYPOLICY_PIN_ALWAYS] = "always",
    [KEYPOLICY_PIN_MATCH_ONCE] = "match-once",
    [KEYPOLICY_PIN_MATCH_ALWAYS] = "match-always",
};

const char *keypolicy_pin_name(enum keypolicy_pin p)
{
	return pin_names[p < KEYPOLICY_PIN_COUNT ? p : KEYPOLICY_PIN_UNKNOWN];
}

const char *keypolicy_touch_name(enum keypolicy_touch t)
{
	static const char *const names[KEYPOLICY_TOUCH_COUNT] = {"unknown", "never", "always", "cached"};
	return names[t < KEYPOLICY_TOUCH_COUNT ? t : KEYPOLICY_TOUCH_UNKNOWN];
}

static enum keypolicy_pin find_pin(const char *name)
{
	for (enum keypolicy_pin p = KEYPOLICY_PIN_NEVER; p < KEYPOLICY_PIN_COUNT; p++) {
		if (strcmp(pin_names[p], name) == 0)
			return p;
	}
	return KEYPOLICY_PIN_UNKNOWN;
}

int keypolicy_parse_pins(unsigned *ret, const char *names, struct err *e)
{
	char *words = xstrdup(names), *save = NULL;
	unsigned set = 0;
	int status = 0;
	for (char *w = strtok_r(words, ", \t", &save); w != NULL && status == 0; w = strtok_r(NULL, ", \t", &save)) {
		enum keypolicy_pin p = find_pin(w);
		set |= KEYPOLICY_PIN_BIT(p);
		if (p == KEYPOLICY_PIN_UNKNOWN)
			status = err_set(e, ERR_CONFIG,
					 "'%.64s' is not one of never, once, always, match-once, match-always", w);
	}
	free(words);
	if (status == 0 && set != 0)
		*ret = set;
	return status;
}
