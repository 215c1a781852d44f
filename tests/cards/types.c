#include "card.h"
#include "piv.h"
#include "schsm.h"

#include <string.h>

const struct card_type *const card_types[] = {&schsm_type, &piv_type, NULL};

static bool is_named(const char *option, const char *name)
{
	size_t n = strlen(name);

	return strncmp(option, name, n) == 0 && option[n] == '=';
}

const char *option_value(char *const options[], size_t n, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < n; i++)
		if (is_named(options[i], name))
			value = options[i] + strlen(name) + 1;
	return value;
}

const char *option_unknown(char *const options[], size_t n, const char *const names[])
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (names[k] && !is_named(options[i], names[k]))
			k++;
		if (!names[k])
			return options[i];
	}
	return NULL;
}
