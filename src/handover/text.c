#include "handover/text.h"
#include "core/clean.h"
#include "core/xalloc.h"

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

void text_append_script(struct blob *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._:@+,/-";
	for (; *s != '\0'; s++) {
		if (((unsigned char)*s & 0xC0) == 0x80)
			continue; /* the rest of a character that was replaced */
		text_append(b, strchr(plain, *s) != NULL ? s : "_", 1);
	}
}

char *text_one_line(const char *s)
{
	return clean_dup(s);
}

char *text_for_profile(const char *s)
{
	char *ret = clean_dup(s);
	for (char *c = ret; (c = strpbrk(c, "\"'\\")) != NULL;)
		*c = '_';
	return ret;
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
