/*
 * csvread_open: what the beginning of a file tells of all of it.
 */
#include "station/csvread_impl.h"

#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOM "\xEF\xBB\xBF"
#define SEPARATORS ",;\t"

static int refuse(struct csvread *r, const char *what, const char *next, struct err *e)
{
	err_set(e, ERR_ROSTER, "%s %s", r->name, what);
	return err_next(e, "%s", next);
}

/* ---- the file */

static int open_file(struct csvread *r, const char *path, struct err *e)
{
	struct stat st;
	if (strcmp(path, "-") == 0) {
		r->fd = STDIN_FILENO;
		return 0;
	}
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	r->own_fd = r->fd != -1;
	if (r->fd == -1 || fstat(r->fd, &st) == -1) {
		err_errno(e, ERR_ROSTER, "cannot open the roster %s", path);
		return err_next(e, "name the CSV file with the people who are to get tokens, or - for standard input");
	}
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return refuse(r, "is not a file", "name a CSV file, or - for standard input", e);
	return 0;
}

/* A pipe gives a piece at a time, and what follows looks at the whole first line. */
static int fill_up(struct csvread *r, struct err *e)
{
	while (!r->ended && r->len < sizeof r->buf) {
		if (csvread_fill(r, e) == -1)
			return -1;
	}
	r->ended = r->len < sizeof r->buf;
	return 0;
}

/* ---- its kind */

static bool begins(const struct csvread *r, const char *bytes, size_t n)
{
	return r->len >= n && memcmp(r->buf, bytes, n) == 0;
}

/* Two bytes for each letter, one of which is zero in all that is ASCII: without a mark at the beginning, too. */
static bool is_utf16(const struct csvread *r)
{
	size_t n = r->len < 64 ? r->len & ~(size_t)1 : 64, zeros[2] = {0, 0};
	if (begins(r, "\xFF\xFE", 2) || begins(r, "\xFE\xFF", 2))
		return true;
	for (size_t i = 0; i < n; i++)
		zeros[i % 2] += r->buf[i] == 0;
	return (zeros[0] == 0) != (zeros[1] == 0) && zeros[0] + zeros[1] >= n / 4;
}

static int check_kind(struct csvread *r, struct err *e)
{
	if (r->len == 0)
		return refuse(r, "is empty", "name the file with the people who are to get tokens", e);
	if (is_utf16(r))
		return refuse(r, "is UTF-16 (what Excel calls Unicode Text), not UTF-8",
			      "have the spreadsheet save it as CSV UTF-8", e);
	if (begins(r, "PK\x03\x04", 4) || begins(r, "\xD0\xCF\x11\xE0", 4))
		return refuse(r, "is a spreadsheet and no CSV file",
			      "open it in the spreadsheet program and save it as CSV UTF-8", e);
	return 0;
}

/* ---- its separator */

/* Excel's way to say it: a line "sep=;" before the header; LibreOffice may put it in quotes. */
static bool take_sep_line(struct csvread *r)
{
	const unsigned char *p = r->buf + r->at, *end = r->buf + r->len;
	bool quoted = p < end && *p == '"';
	p += quoted;
	if (end - p < 5 || strncasecmp((const char *)p, "sep=", 4) != 0 || strchr(SEPARATORS, p[4]) == NULL ||
	    p[4] == '\0')
		return false;
	char separator = (char)p[4];
	p += 5;
	if (quoted && (p == end || *p++ != '"'))
		return false;
	/* the line is a record of its own in all files that have it */
	while (p < end && (strchr(SEPARATORS, *p) != NULL && *p != '\0'))
		p++;
	if (p < end && *p != '\r' && *p != '\n')
		return false;
	r->separator = separator;
	p += p < end && *p == '\r';
	p += p < end && *p == '\n';
	r->at = (size_t)(p - r->buf);
	r->line++;
	return true;
}

/* The one that stands most often in the first line that has anything in it, outside of quotes. */
static char find_separator(const struct csvread *r)
{
	static const char separators[] = SEPARATORS;
	size_t found[sizeof separators - 1] = {0}, best = 0;
	bool quoted = false, any = false;
	for (size_t i = r->at; i < r->len; i++) {
		char c = (char)r->buf[i];
		const char *which = c != '\0' ? strchr(separators, c) : NULL;
		if ((c == '\n' || c == '\r') && any && !quoted)
			break;
		quoted = quoted != (c == '"');
		any = any || (c != '\n' && c != '\r');
		if (which != NULL && !quoted)
			found[which - separators]++;
	}
	for (size_t i = 1; i < sizeof separators - 1; i++)
		best = found[i] > found[best] ? i : best;
	return separators[best];
}

int csvread_open(struct csvread **ret, const char *path, struct err *e)
{
	struct csvread *r = xcalloc(1, sizeof *r);
	r->name = xstrdup(strcmp(path, "-") == 0 ? "standard input" : path);
	r->line = 1;
	if (open_file(r, path, e) == -1 || fill_up(r, e) == -1)
		goto out;
	r->bom = begins(r, BOM, 3);
	r->at = r->bom ? 3 : 0;
	if (check_kind(r, e) == -1)
		goto out;
	if (!take_sep_line(r))
		r->separator = find_separator(r);
	*ret = r;
	return 0;
out:
	csvread_close(&r);
	return -1;
}
