#include "setup/conffile.h"

#include "core/file.h"
#include "core/share.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define EXAMPLE "tokenroll.conf.example"
#define EXAMPLE_BYTES_MAX 65536
#define SECTION_MAX 64

static int read_example(struct blob *ret, struct err *e)
{
	char *path = share_path(EXAMPLE);
	int got = file_read(path, EXAMPLE_BYTES_MAX, ret, e);
	free(path);
	return got == 0 ? 0 : err_next(e, "tokenroll is not installed as a whole: repeat `make install`");
}

/* inih takes " ;" for the beginning of a comment, and cuts blanks at both ends. */
static int check_value(const struct conffile_value *v, struct err *e)
{
	const char *s = v->value;
	size_t n = strlen(s);
	if (n != 0 && n < 400 && s[0] != ' ' && s[n - 1] != ' ' && strpbrk(s, "\r\n\t") == NULL &&
	    strstr(s, " ;") == NULL)
		return 0;
	err_set(e, ERR_USAGE, "\"%s\" cannot be written into the configuration as [%s] %s", s, v->section, v->key);
	return err_next(e, "choose a text that is not empty, has no line ends in it, no blanks at its ends, and no "
			   "blank before a semicolon");
}

/* Whether a line is "key = …" or shows it as ";key = …". */
static bool shows(const char *line, const char *key)
{
	size_t n = strlen(key);
	if (*line == ';')
		line++;
	return strncmp(line, key, n) == 0 && line[n + strspn(line + n, " ")] == '=';
}

static const struct conffile_value *value_for(const char *line, const char *section,
					      const struct conffile_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (values[i].value != NULL && strcmp(values[i].section, section) == 0 && shows(line, values[i].key))
			return &values[i];
	}
	return NULL;
}

/* Takes line over. */
static void append(char **text, char *line)
{
	char *all = xasprintf("%s%s\n", *text, line);
	free(line);
	free(*text);
	*text = all;
}

int conffile_fill(char **ret, const struct conffile_value *values, size_t n, struct err *e)
{
	struct blob example = BLOB_INIT;
	char section[SECTION_MAX] = "", *text = xstrdup("");
	int got = 0;
	for (size_t i = 0; got == 0 && i < n; i++)
		got = values[i].value != NULL ? check_value(&values[i], e) : 0;
	if (got == 0)
		got = read_example(&example, e);
	for (char *line = got == 0 ? (char *)example.data : NULL, *end; line != NULL && *line != '\0'; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		(void)sscanf(line, "[%63[^]]]", section);
		const struct conffile_value *v = value_for(line, section, values, n);
		append(&text, v != NULL ? xasprintf("%s = %s", v->key, v->value) : xstrdup(line));
	}
	blob_free(&example);
	if (got == 0)
		*ret = text;
	else
		free(text);
	return got;
}
