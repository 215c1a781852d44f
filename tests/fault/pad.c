#include "pad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 4096

const char *pad_file(void)
{
	return getenv("FAULTY_PAD");
}

static bool read_all(char text[FILE_MAX])
{
	FILE *f = fopen(pad_file(), "re");
	size_t n = f ? fread(text, 1, FILE_MAX - 1, f) : 0;

	text[n] = 0;
	if (f)
		fclose(f);
	return f != NULL;
}

static bool write_all(const char *text)
{
	FILE *f = fopen(pad_file(), "we");
	bool ok = f && fputs(text, f) >= 0;

	return f && fclose(f) == 0 && ok;
}

/* Takes the first line away. */
static bool type(struct pad_pin *ret)
{
	char text[FILE_MAX], *end;

	if (!read_all(text) || !(end = strchr(text, '\n')) || end == text || end - text > PAD_PIN_MAX)
		return false;
	ret->len = (size_t)(end - text);
	memcpy(ret->bytes, text, ret->len);
	return write_all(end + 1);
}

enum pad_answer pad_ask(struct pad_pin *ret, bool new)
{
	struct pad_pin again;

	if (!type(ret))
		return PAD_CANCELED;
	if (!new)
		return PAD_ENTERED;
	if (!type(&again))
		return PAD_CANCELED;
	return ret->len == again.len && memcmp(ret->bytes, again.bytes, again.len) == 0 ? PAD_ENTERED : PAD_DIFFERENT;
}
