#include "handover/pinletter_language.h"

#include <string.h>
#include <strings.h>

static int find_exactly(const struct config_list *languages, const char *language, size_t len)
{
	for (size_t i = 0; i < languages->n; i++) {
		if (strlen(languages->text[i]) == len && strncasecmp(languages->text[i], language, len) == 0)
			return (int)i;
	}
	return -1;
}

int pinletter_language_find(const struct config_list *languages, const char *language)
{
	int whole = find_exactly(languages, language, strlen(language));
	return whole >= 0 ? whole : find_exactly(languages, language, strcspn(language, "-_.@"));
}
