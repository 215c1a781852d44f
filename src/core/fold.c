#include "core/fold.h"
#include "core/utf8.h"
#include "core/xalloc.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

struct fold {
	locale_t locale; /* (locale_t)0: ASCII only */
	char *text;
	size_t size;
};

/* The locale of whoever runs this need not be one of UTF-8. */
struct fold *fold_new(void)
{
	struct fold *f = xcalloc(1, sizeof *f);
	f->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return f;
}

void fold_free(struct fold **f)
{
	if (f == NULL || *f == NULL)
		return;
	if ((*f)->locale != (locale_t)0)
		freelocale((*f)->locale);
	free((*f)->text);
	free(*f);
	*f = NULL;
}

static size_t fold_one(const struct fold *f, char *ret, const char *s, size_t *ret_len)
{
	uint32_t c = (unsigned char)*s;
	size_t len = c < 0x80 ? 1 : utf8_decode(s, &c);
	if (len == 0) {
		*ret = *s;
		*ret_len = 1;
		return 1;
	}
	*ret_len = len;
	if (c < 0x80) {
		*ret = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
		return 1;
	}
	/* glibc's wide characters are Unicode (__STDC_ISO_10646__) */
	return utf8_encode(ret, f->locale != (locale_t)0 ? (uint32_t)towlower_l((wint_t)c, f->locale) : c);
}

const char *fold_text(struct fold *f, const char *text)
{
	/* no letter grows to more than twice its bytes */
	size_t need = 2 * strlen(text) + UTF8_MAX + 1, n = 0;
	if (need > f->size) {
		f->text = xrealloc(f->text, need, 1);
		f->size = need;
	}
	for (size_t len; *text != '\0'; text += len)
		n += fold_one(f, f->text + n, text, &len);
	f->text[n] = '\0';
	return f->text;
}
