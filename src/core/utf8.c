#include "core/utf8.h"

size_t utf8_decode(const char *text, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
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

size_t utf8_encode(char ret[UTF8_MAX], uint32_t c)
{
	static const unsigned char heads[] = {0, 0, 0xC0, 0xE0, 0xF0};
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = len; i-- > 1; c >>= 6)
		ret[i] = (char)(0x80 | (c & 0x3F));
	ret[0] = (char)(heads[len] | c);
	return len;
}

size_t utf8_span(const char *s)
{
	const char *p = s;
	uint32_t c;
	while (*p != '\0') {
		size_t len = utf8_decode(p, &c);
		if (len == 0)
			break;
		p += len;
	}
	return (size_t)(p - s);
}
