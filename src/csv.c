#include "csv.h"
#include "core/clean.h"

#include <stdlib.h>
#include <string.h>

/* The length of a value that is written as it is; 0 for all others. */
static size_t plain_length(const char *raw)
{
	size_t n = clean_span(raw);
	bool plain = raw[n] == '\0' && strchr("=+-@", raw[0]) == NULL && memchr(raw, ',', n) == NULL &&
		     memchr(raw, '"', n) == NULL;
	return plain ? n : 0;
}

static void put_value(FILE *out, const char *raw)
{
	size_t plain = raw != NULL ? plain_length(raw) : 0;
	if (plain > 0) {
		(void)fwrite(raw, 1, plain, out); /* whoever has written all looks at ferror */
		return;
	}
	char *value = clean_dup(raw);
	bool formula = *value != '\0' && strchr("=+-@", *value) != NULL;
	bool quoted = strpbrk(value, ",\"") != NULL;
	if (quoted)
		fputc('"', out);
	if (formula)
		fputc('\'', out);
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '"')
			fputc('"', out);
		fputc(*p, out);
	}
	if (quoted)
		fputc('"', out);
	free(value);
}

void csv_line(FILE *out, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i != 0)
			fputc(',', out);
		put_value(out, values[i]);
	}
	fputs("\r\n", out);
}
