#include "core/words.h"

#include "core/xalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

/* The word at *p, which is no blank; goes behind it. NULL if it does not end. */
static char *next_word(const char **p)
{
	char *word = xcalloc(strlen(*p) + 1, 1), *to = word;
	char quote = '\0';
	const char *s = *p;
	for (; *s != '\0' && (quote != '\0' || strchr(blanks, *s) == NULL); s++) {
		bool escapes = *s == '\\' && (quote == '\0' || (quote == '"' && (s[1] == '"' || s[1] == '\\')));
		if (escapes && s[1] == '\0')
			break;
		if (escapes)
			*to++ = *++s;
		else if (quote == '\0' && (*s == '\'' || *s == '"'))
			quote = *s;
		else if (quote != '\0' && *s == quote)
			quote = '\0';
		else
			*to++ = *s;
	}
	*p = s;
	if (quote == '\0' && *s != '\\')
		return word;
	free(word);
	return NULL;
}

int words_split(struct words *ret, const char *text, struct err *e)
{
	struct words w = WORDS_INIT;
	for (const char *p = text + strspn(text, blanks); *p != '\0'; p += strspn(p, blanks)) {
		char *word = next_word(&p);
		if (word == NULL) {
			words_free(&w);
			return err_set(e, ERR_USAGE, "a quote is not closed, or a \\ has nothing behind it: %.200s",
				       text);
		}
		w.list = xrealloc(w.list, w.n + 2, sizeof *w.list);
		w.list[w.n++] = word;
		w.list[w.n] = NULL;
	}
	*ret = w;
	return 0;
}

void words_free(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i]);
	free(w->list);
	*w = (struct words)WORDS_INIT;
}

int words_check(const char *text, struct err *e)
{
	struct words w = WORDS_INIT;
	int ret = words_split(&w, text, e);
	words_free(&w);
	return ret;
}
