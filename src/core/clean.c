#include "core/clean.h"
#include "core/xalloc.h"

#include <stdint.h>
#include <string.h>

/* Most of what there is. */
static bool is_plain(char c)
{
	return c >= 0x20 && c <= 0x7E;
}

/* Reads one character. Returns its length, or 0 if the bytes are malformed. */
static size_t utf8_decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
	if (s[0] >= 0xF8 || (s[0] & 0xC0) == 0x80)
		return 0;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7FU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80) /* also stops at the terminating NUL */
			return 0;
		c = c << 6 | (s[i] & 0x3F);
	}
	if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*ret = c;
	return len;
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
	size_t len = utf8_decode((const unsigned char *)s, &c);
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
