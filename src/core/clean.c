#include "core/clean.h"
#include "core/utf8.h"
#include "core/xalloc.h"

#include <stdint.h>
#include <string.h>

/* Most of what there is. */
static bool is_plain(char c)
{
	return c >= 0x20 && c <= 0x7E;
}

/* Characters that end a line, hide themselves, or turn the text around them. */
static bool is_tricky(uint32_t c)
{
	static const uint32_t ranges[][2] = {
	    {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x061C, 0x061C}, {0x200B, 0x200F},
	    {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB}, {0xE0000, 0xE007F},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	}
	return false;
}

size_t clean_next(const char *s, bool *ret_fit)
{
	if (is_plain(*s)) {
		*ret_fit = true;
		return 1;
	}
	uint32_t c = 0;
	size_t len = utf8_decode(s, &c);
	*ret_fit = len != 0 && !is_tricky(c);
	return len != 0 ? len : 1;
}

size_t clean_span(const char *text)
{
	const char *p = text;
	while (is_plain(*p))
		p++;
	return (size_t)(p - text);
}

void clean_text(char *ret, size_t size, const char *text)
{
	size_t n = 0;
	while (*text != '\0') {
		for (; is_plain(*text) && n + 1 < size; text++)
			ret[n++] = *text;
		bool fit;
		if (*text == '\0')
			break;
		size_t len = clean_next(text, &fit), shown = fit ? len : 1;
		if (n + shown >= size)
			break;
		if (fit)
			memcpy(ret + n, text, len);
		else
			ret[n] = '?';
		n += shown;
		text += len;
	}
	ret[n] = '\0';
}

char *clean_dup(const char *text)
{
	if (text == NULL)
		return xstrdup("");
	size_t size = strlen(text) + 1;
	char *ret = xcalloc(1, size);
	clean_text(ret, size, text);
	return ret;
}
