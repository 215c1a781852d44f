#include "handover/text.h"
#include "core/xalloc.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

void text_append(struct blob *b, const void *data, size_t len)
{
	b->data = xrealloc(b->data, 1, b->len + len + 1);
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void text_append_html(struct blob *b, const char *s)
{
	static const char special[] = "&<>\"'";
	static const char *const reference[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	while (*s != '\0') {
		size_t plain = strcspn(s, special);
		text_append(b, s, plain);
		s += plain;
		if (*s == '\0')
			break;
		const char *r = reference[strchr(special, *s) - special];
		text_append(b, r, strlen(r));
		s++;
	}
}

/* Reads one character of UTF-8 (RFC 3629). Returns its length, or 0 if the bytes are malformed. */
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

static char *clean(const char *text, const char *unwanted)
{
	const unsigned char *s = (const unsigned char *)text;
	char *ret = xcalloc(1, strlen(text) + 1);
	for (size_t n = 0; *s != '\0';) {
		uint32_t c = 0;
		size_t len = utf8_decode(s, &c);
		if (len == 0 || is_tricky(c)) {
			ret[n++] = '?';
		} else if (len == 1 && strchr(unwanted, (int)c) != NULL) {
			ret[n++] = '_';
		} else {
			memcpy(ret + n, s, len);
			n += len;
		}
		s += len == 0 ? 1 : len;
	}
	return ret;
}

char *text_one_line(const char *s)
{
	return clean(s, "");
}

char *text_for_profile(const char *s)
{
	return clean(s, "\"'\\");
}

bool text_is_one_line(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return false;
	}
	return true;
}

bool text_has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);
	return len >= n && strcasecmp(s + len - n, suffix) == 0;
}
