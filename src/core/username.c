#include "core/config.h"

#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static int refuse(struct err *e, const char *why)
{
	err_set(e, ERR_USAGE, "this is not a user name: %s", why);
	return err_next(e, "use 1 to 64 of A-Z a-z 0-9 . _ @ - and begin with a letter or digit; the name becomes the "
			   "certificate's common name, a file name and a line in a profile");
}

bool config_is_template_name(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len <= CONFIG_NAME_MAX && strspn(name, LETTERS DIGITS "_-") == len;
}

int config_check_user(const char *name, struct err *e)
{
	size_t len = strlen(name);
	if (len == 0)
		return refuse(e, "it is empty");
	if (len > 64)
		return refuse(e, "it is longer than 64 characters");
	if (strchr(LETTERS DIGITS, name[0]) == NULL)
		return refuse(e, "it does not begin with a letter or digit");
	size_t good = strspn(name, LETTERS DIGITS "._@-");
	if (good == len)
		return 0;
	unsigned char c = (unsigned char)name[good];
	char why[64];
	if (c >= 0x21 && c <= 0x7e)
		snprintf(why, sizeof why, "'%c' is not allowed in it", c);
	else
		snprintf(why, sizeof why, "the byte 0x%02X is not allowed in it (position %zu)", c, good + 1);
	return refuse(e, why);
}
