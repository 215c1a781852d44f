#include "handover/profile.h"
#include "core/xalloc.h"
#include "handover/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

/* One line, cut into words by OpenVPN's rules of quoting. */
struct words {
	char *v[WORDS_MAX]; /* into buf */
	size_t n;
	char buf[PROFILE_LINE_MAX + WORDS_MAX + 1];
	size_t used;
	const char *fault; /* why OpenVPN would not take the line; NULL if it would */
};

struct scan {
	const char *file, *id;
	int line;
	struct words w;
	char block[PROFILE_LINE_MAX + 2]; /* "</tag>" that ends the inline block we are in, or "" */
	int block_line;
	int providers_line;
	bool has_identity;
};

static int fault(const struct scan *s, const char *next, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int fault(const struct scan *s, const char *next, struct err *e, const char *fmt, ...)
{
	char why[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	if (s->line > 0)
		err_set(e, ERR_TEMPLATE, "%s, rendered line %d: %s", s->file, s->line, why);
	else
		err_set(e, ERR_TEMPLATE, "%s: %s", s->file, why);
	return err_next(e, "%s", next);
}

static bool is_space(char c)
{
	return isspace((unsigned char)c) != 0;
}

/* Reads a word in single quotes; nothing is special in it. Returns the place behind it. */
static const char *read_single(struct words *w, const char *p)
{
	for (; *p != '\0' && *p != '\''; p++)
		w->buf[w->used++] = *p;
	if (*p == '\0')
		w->fault = "a single quote is not closed";
	return *p == '\0' ? p : p + 1;
}

/* Reads a word that is bare, or in double quotes, where a backslash escapes. */
static const char *read_escaped(struct words *w, const char *p, bool quoted)
{
	for (; *p != '\0' && (quoted ? *p != '"' : !is_space(*p)); p++) {
		if (*p == '\\') {
			p++;
			if (*p != '\\' && *p != '"' && !is_space(*p)) {
				w->fault =
				    "a backslash may stand only before a backslash, a double quote or a blank here";
				return p;
			}
		}
		w->buf[w->used++] = *p;
	}
	if (quoted && *p == '\0')
		w->fault = "a double quote is not closed";
	return quoted && *p != '\0' ? p + 1 : p;
}

static void split(struct words *w, const char *p)
{
	w->n = w->used = 0;
	w->fault = NULL;
	while (w->fault == NULL && w->n < WORDS_MAX) {
		while (is_space(*p))
			p++;
		if (*p == '\0' || *p == '#' || *p == ';')
			break;
		w->v[w->n] = w->buf + w->used;
		if (*p == '\'')
			p = read_single(w, p + 1);
		else
			p = read_escaped(w, *p == '"' ? p + 1 : p, *p == '"');
		w->buf[w->used++] = '\0';
		w->n++;
	}
}

/* "--option" and "setenv opt option" are the option too. */
static void strip_disguise(struct words *w)
{
	size_t skip = 0;
	if (w->n > 2 && strcmp(w->v[0], "setenv") == 0 && strcmp(w->v[1], "opt") == 0)
		skip = 2;
	w->n -= skip;
	memmove(w->v, w->v + skip, w->n * sizeof *w->v);
	if (w->n > 0 && strncmp(w->v[0], "--", 2) == 0)
		w->v[0] += 2;
}

static bool is_software_key(const char *option)
{
	static const char *const options[] = {"key", "cert", "pkcs12"};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		if (strcmp(option, options[i]) == 0)
			return true;
	}
	return false;
}

static int refuse_software_key(const struct scan *s, const char *option, bool block, struct err *e)
{
	static const char next[] = "remove it from the template, and write pkcs11-providers \"{{pkcs11_module}}\" and "
				   "pkcs11-id '{{pkcs11_id}}' instead";
	return fault(s, next, e, "%s%s%s cannot stand beside a key on a token, OpenVPN would refuse the profile",
		     block ? "<" : "the option ", option, block ? ">" : "");
}

/* A line that is only "<tag>" begins a block, but <connection>, whose lines are options. */
static int begin_block(struct scan *s, bool *ret_begun, struct err *e)
{
	char *tag = s->w.v[0];
	size_t len = strlen(tag);
	*ret_begun = s->w.n == 1 && len > 2 && tag[0] == '<' && tag[len - 1] == '>';
	if (!*ret_begun || strcmp(tag, "<connection>") == 0 || strcmp(tag, "</connection>") == 0)
		return 0;
	snprintf(s->block, sizeof s->block, "</%s", tag + 1);
	s->block_line = s->line;
	tag[len - 1] = '\0';
	return is_software_key(tag + 1) ? refuse_software_key(s, tag + 1, true, e) : 0;
}

static int check_id(struct scan *s, struct err *e)
{
	s->has_identity = true;
	if (s->w.n >= 2 && strcmp(s->w.v[1], s->id) == 0)
		return 0;
	return fault(s, "write pkcs11-id '{{pkcs11_id}}', with single quotes", e,
		     "OpenVPN would not read the id of the user's key here");
}

static int check_option(struct scan *s, struct err *e)
{
	static const char *const others[] = {"cryptoapicert", "pkcs11-id-management"};
	const char *option = s->w.v[0];
	if (is_software_key(option))
		return refuse_software_key(s, option, false, e);
	if (strcmp(option, "pkcs11-id") == 0)
		return check_id(s, e);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		s->has_identity = s->has_identity || strcmp(option, others[i]) == 0;
	if (strcmp(option, "pkcs11-providers") != 0)
		return 0;
	if (s->providers_line != 0)
		return fault(s, "name all modules on one pkcs11-providers line", e,
			     "a second pkcs11-providers line, which makes OpenVPN forget the one in line %d",
			     s->providers_line);
	s->providers_line = s->line;
	return 0;
}

static int check_length(const struct scan *s, const char *p, size_t len, struct err *e)
{
	while (len > 0 && is_space(*p)) {
		p++;
		len--;
	}
	if (strncmp(p, "pkcs11-id", 9) == 0 && (len == 9 || is_space(p[9])))
		return fault(
		    s,
		    "give the token a shorter label of plain letters: in the id each byte of another script and each "
		    "blank takes four characters",
		    e, "the line is %zu bytes long and OpenVPN takes %d; the id of the token's key is too long for it",
		    len, PROFILE_LINE_MAX);
	return fault(s, "make the line in the template, or the value in it, shorter", e,
		     "the line is %zu bytes long and OpenVPN takes %d", len, PROFILE_LINE_MAX);
}

static bool ends_block(const struct scan *s, const char *line)
{
	while (is_space(*line))
		line++;
	return strncmp(line, s->block, strlen(s->block)) == 0;
}

/* line has len bytes, with its CR if it has one, and a NUL in place of the LF. */
static int check_line(struct scan *s, const char *line, size_t len, struct err *e)
{
	bool block = false;
	s->line++;
	if (s->block[0] != '\0') {
		if (ends_block(s, line))
			s->block[0] = '\0';
		return 0;
	}
	if (len > PROFILE_LINE_MAX)
		return check_length(s, line, len, e);
	if (s->line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0)
		line += 3;
	split(&s->w, line);
	if (s->w.fault != NULL)
		return fault(s, "correct the quotes and backslashes in the template's line", e, "%s", s->w.fault);
	strip_disguise(&s->w);
	if (s->w.n == 0)
		return 0;
	if (begin_block(s, &block, e) != 0)
		return -1;
	return block ? 0 : check_option(s, e);
}

static int check_end(struct scan *s, struct err *e)
{
	if (s->block[0] != '\0') {
		s->line = s->block_line;
		return fault(s, "put the closing tag on a line of its own", e, "the block that begins here has no %s",
			     s->block);
	}
	s->line = 0;
	if (!s->has_identity)
		return fault(s, "write pkcs11-id '{{pkcs11_id}}' into the template, with single quotes", e,
			     "the profile has no pkcs11-id line, so OpenVPN would not find the key on the token");
	return 0;
}

int profile_check(const char *file, const struct blob *text, const char *id, struct err *e)
{
	struct scan s = {.file = file, .id = id};
	char *copy = xcalloc(1, text->len + 1), *p = copy, *end = copy + text->len;
	int ret = 0;
	if (text->len > 0)
		memcpy(copy, text->data, text->len);
	while (ret == 0 && p < end) {
		char *lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			lf = end;
		*lf = '\0';
		ret = check_line(&s, p, (size_t)(lf - p), e);
		p = lf + 1;
	}
	if (ret == 0)
		ret = check_end(&s, e);
	free(copy);
	return ret;
}

/* Whether OpenVPN takes it for an option. line has len bytes and need not end there. */
static bool split_line(struct words *w, const char *line, size_t len)
{
	char copy[PROFILE_LINE_MAX + 1];
	if (len > PROFILE_LINE_MAX)
		return false;
	snprintf(copy, sizeof copy, "%.*s", (int)len, line);
	split(w, copy);
	strip_disguise(w);
	return w->n > 0;
}

/* Cuts the next line off; NULL at the end. */
static const char *next_line(const struct blob *text, size_t *at, size_t *ret_len)
{
	if (*at >= text->len)
		return NULL;
	const char *line = (const char *)text->data + *at, *lf = memchr(line, '\n', text->len - *at);
	*ret_len = lf != NULL ? (size_t)(lf - line) : text->len - *at;
	*at += *ret_len + 1;
	return line;
}

bool profile_is_client(const struct blob *text)
{
	static const char *const options[] = {"client", "tls-client", "remote"};
	struct words w;
	const char *line = NULL;
	for (size_t at = 0, len = 0; (line = next_line(text, &at, &len)) != NULL;) {
		bool option = split_line(&w, line, len);
		for (size_t i = 0; option && i < sizeof options / sizeof *options; i++) {
			if (strcmp(w.v[0], options[i]) == 0)
				return true;
		}
	}
	return false;
}

/* Of several lines the last one counts. */
static void take_named(const struct words *w, struct profile_named *ret)
{
	if (strcmp(w->v[0], "pkcs11-id") == 0 && w->n > 1)
		snprintf(ret->id, sizeof ret->id, "%s", w->v[1]);
	if (strcmp(w->v[0], "pkcs11-providers") != 0)
		return;
	ret->n = w->n - 1;
	for (size_t i = 0; i < ret->n; i++)
		snprintf(ret->modules[i], sizeof ret->modules[i], "%s", w->v[i + 1]);
}

void profile_named(const struct blob *text, struct profile_named *ret)
{
	struct words w;
	const char *line = NULL;
	*ret = (struct profile_named){.n = 0};
	for (size_t at = 0, len = 0; (line = next_line(text, &at, &len)) != NULL;) {
		if (split_line(&w, line, len))
			take_named(&w, ret);
	}
}

void profile_line_ends(struct blob *text, bool crlf)
{
	struct blob out = BLOB_INIT;
	const char *p = (const char *)text->data, *end = p + text->len;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((lf != NULL ? lf : end) - p);
		size_t bare = len > 0 && p[len - 1] == '\r' ? len - 1 : len;
		text_append(&out, p, bare);
		text_append(&out, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
		p += len + (lf != NULL);
	}
	blob_free(text);
	*text = out;
}
