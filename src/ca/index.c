#include "ca/index.h"

#include "ca/index_impl.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SERIAL_DIGITS_MAX 40 /* RFC 5280, 4.1.2.2 */
#define RECENT_BYTES 65536

static bool is_upper_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static unsigned two_digits(const char *p)
{
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* The length of the UTCTime or GeneralizedTime at p, 0 if there is none. */
static size_t date_length(const char *p, const char *end)
{
	size_t n = 0;
	while (p + n < end && n < 15 && p[n] >= '0' && p[n] <= '9')
		n++;
	if ((n != 12 && n != 14) || p + n == end || p[n] != 'Z')
		return 0;
	const char *m = p + n - 10;
	bool good = two_digits(m) - 1 < 12 && two_digits(m + 2) - 1 < 31 && two_digits(m + 4) < 24 &&
		    two_digits(m + 6) < 60 && two_digits(m + 8) < 60;
	return good ? n + 1 : 0;
}

/* The revocation column of an R row: a date, and after a comma the reason. */
static const char *parse_revoked(const char *p, const char *end, struct index_row *row)
{
	const char *tab = memchr(p, '\t', (size_t)(end - p));
	row->revoked = (struct span){p, tab != NULL ? (size_t)(tab - p) : 0};
	if (tab == NULL)
		return "has too few columns";
	size_t date = date_length(p, tab);
	if (row->status == 'R' && (date == 0 || (p + date != tab && p[date] != ',')))
		return "has a bad revocation date";
	return row->status != 'R' && tab != p ? "is not revoked but has a revocation date" : NULL;
}

static const char *parse_serial(const char *p, const char *end, struct index_row *row)
{
	size_t n = 0;
	while (p + n < end && is_upper_hex(p[n]))
		n++;
	row->serial = (struct span){p, n};
	if (p + n < end && p[n] != '\t')
		return p[n] >= 'a' && p[n] <= 'f' ? "has a serial in lowercase hex" : "has a serial that is not hex";
	if (p + n == end)
		return "has too few columns";
	if (n == 0 || n % 2 != 0 || n > SERIAL_DIGITS_MAX)
		return "has a serial with an odd, missing or excessive number of digits";
	return NULL;
}

/* The last two columns. */
static const char *parse_subject(const char *p, const char *end, struct index_row *row)
{
	const char *tab = memchr(p, '\t', (size_t)(end - p));
	if (tab == NULL)
		return "has too few columns";
	row->subject = (struct span){tab + 1, (size_t)(end - tab - 1)};
	if (row->subject.len == 0)
		return "has no subject";
	return memchr(tab + 1, '\t', row->subject.len) != NULL ? "has too many columns" : NULL;
}

static const char *parse_row(const char *p, const char *end, struct index_row *row)
{
	row->line = (struct span){p, (size_t)(end - p)};
	if (p == end)
		return "is blank";
	row->status = *p;
	if (*p != 'V' && *p != 'R' && *p != 'E')
		return "has a status that is none of V, R and E";
	if (end - p < 2 || p[1] != '\t')
		return "has too few columns";
	p += 2;
	size_t date = date_length(p, end);
	row->not_after = (struct span){p, date};
	if (date == 0 || p + date == end || p[date] != '\t')
		return "has a bad expiry date";
	p += date + 1;
	const char *fault = parse_revoked(p, end, row);
	if (fault != NULL)
		return fault;
	p += row->revoked.len + 1;
	fault = parse_serial(p, end, row);
	return fault != NULL ? fault : parse_subject(p + row->serial.len + 1, end, row);
}

static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	return lf != NULL ? lf : end;
}

/* From the offset on; what is before was checked earlier. */
static int check_rows(const struct index *ix, size_t from, struct err *e)
{
	const char *end = ix->map + ix->len;
	size_t line = 0;
	for (const char *p = ix->map + from; p < end;) {
		size_t plain = index_plain_row(p, end);
		if (plain > 0) {
			p += plain;
			continue;
		}
		struct index_row row;
		const char *lf = line_end(p, end);
		/* openssl passes over such lines, too */
		const char *fault = p < lf && *p == '#' ? NULL : parse_row(p, lf, &row);
		if (fault != NULL) {
			for (const char *q = ix->map; q <= p; q = line_end(q, end) + 1)
				line++;
			err_set(e, ERR_CA_PKI, "index.txt line %zu: the row %s (%s)", line, fault, ix->path);
			return err_next(e, "correct that line; index.txt.old is the state before the last change");
		}
		p = lf + 1;
	}
	return 0;
}

static void unmap(struct index *ix)
{
	if (ix->len > 0)
		munmap(ix->map, ix->len);
	ix->map = NULL;
	ix->len = 0;
}

static int map_file(struct index *ix, struct err *e)
{
	int fd = open(ix->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &ix->st) != 0) {
		err_errno(e, ERR_CA_PKI, "cannot open %s", ix->path);
		int saved = errno;
		if (fd >= 0)
			close(fd);
		errno = saved;
		return -1;
	}
	unmap(ix);
	if (ix->st.st_size > 0) {
		size_t len = (size_t)ix->st.st_size;
		void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE | (ix->was_read ? 0 : MAP_POPULATE), fd, 0);
		if (map == MAP_FAILED) {
			err_errno(e, ERR_CA_PKI, "cannot read %s", ix->path);
			close(fd);
			return -1;
		}
		ix->map = map;
		ix->len = len;
		ix->was_read = true;
	}
	close(fd);
	return 0;
}

bool index_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int index_open(struct index **ret, const char *path, struct err *e)
{
	struct index *ix = xcalloc(1, sizeof *ix);
	ix->path = xstrdup(path);
	if (map_file(ix, e) != 0 || check_rows(ix, 0, e) != 0) {
		int saved = errno;
		index_close(&ix);
		errno = saved;
		return -1;
	}
	*ret = ix;
	return 0;
}

void index_close(struct index **ix)
{
	if (ix == NULL || *ix == NULL)
		return;
	unmap(*ix);
	free((*ix)->last_cn);
	free((*ix)->path);
	free(*ix);
	*ix = NULL;
}

int index_refresh(struct index *ix, struct err *e)
{
	struct stat now, before = ix->st;
	if (stat(ix->path, &now) == 0 && index_same_file(&now, &ix->st))
		return 0;
	bool whole_rows = ix->len == 0 || ix->map[ix->len - 1] == '\n';
	size_t checked = ix->len;
	if (map_file(ix, e) != 0)
		return -1;
	/* The same file that has grown: rows were appended. All else that writes it makes a new file. */
	bool grown =
	    before.st_dev == ix->st.st_dev && before.st_ino == ix->st.st_ino && ix->len > checked && whole_rows;
	if (!grown) {
		free(ix->last_cn);
		ix->last_cn = NULL;
	}
	return check_rows(ix, grown ? checked : 0, e);
}

bool index_next(const struct index *ix, size_t *pos, struct index_row *ret)
{
	const char *end = ix->map + ix->len;
	while (*pos < ix->len) {
		const char *p = ix->map + *pos;
		const char *lf = line_end(p, end);
		*pos = (size_t)(lf - ix->map) + 1;
		if (*p != '#' && parse_row(p, lf, ret) == NULL)
			return true;
	}
	return false;
}

/* Searching the text is ten times as fast as going through the columns of a million rows. */
static bool next_with(const struct index *ix, const char *needle, size_t *pos, struct index_row *ret,
		      const char **ret_hit)
{
	while (*pos < ix->len) {
		const char *hit = memmem(ix->map + *pos, ix->len - *pos, needle, strlen(needle));
		if (hit == NULL)
			return false;
		const char *lf = line_end(hit, ix->map + ix->len);
		const char *before = memrchr(ix->map, '\n', (size_t)(hit - ix->map));
		const char *start = before != NULL ? before + 1 : ix->map;
		*pos = (size_t)(hit - ix->map) + 1;
		*ret_hit = hit;
		if (*start != '#' && parse_row(start, lf, ret) == NULL)
			return true;
	}
	return false;
}

/* Where the first row of that name is, or that there is none, is remembered: it is asked several times, and rows
 * only come in behind it. */
static void remember(struct index *ix, const char *cn, size_t first)
{
	free(ix->last_cn);
	ix->last_cn = xstrdup(cn);
	ix->last_first = first;
}

bool index_next_named(struct index *ix, const char *cn, size_t *pos, struct index_row *ret)
{
	bool from_start = *pos == 0;
	if (from_start && ix->last_cn != NULL && strcmp(ix->last_cn, cn) == 0)
		*pos = ix->last_first;
	char *needle = xasprintf("/CN=%s", cn);
	size_t len = strlen(needle);
	const char *hit;
	bool found = false;
	while (!found && next_with(ix, needle, pos, ret, &hit)) {
		const char *end = ret->line.p + ret->line.len;
		found = hit >= ret->subject.p && (hit + len == end || hit[len] == '/');
	}
	if (from_start)
		remember(ix, cn, found ? (size_t)(ret->line.p - ix->map) : ix->len);
	if (found) /* one row is one answer, even if it says the name twice */
		*pos = (size_t)(ret->line.p + ret->line.len - ix->map);
	free(needle);
	return found;
}

bool index_by_serial(const struct index *ix, const char *serial, struct index_row *ret)
{
	char *needle = xasprintf("\t%s\t", serial);
	const char *hit;
	bool found = false;
	/* new rows are at the end: there first */
	size_t pos = ix->len > RECENT_BYTES ? ix->len - RECENT_BYTES : 0, last_part = pos;
	while (!found && next_with(ix, needle, &pos, ret, &hit))
		found = hit + 1 == ret->serial.p;
	pos = 0;
	while (!found && last_part > 0 && next_with(ix, needle, &pos, ret, &hit))
		found = hit + 1 == ret->serial.p;
	free(needle);
	return found;
}

char *span_text(struct span s)
{
	return xasprintf("%.*s", (int)s.len, s.p);
}

time_t index_time(struct span s)
{
	struct tm tm = {0};
	const char *m = s.p + (s.len == 15 ? 4 : 2);
	unsigned year = two_digits(s.p);
	if (s.len == 15)
		year = year * 100 + two_digits(s.p + 2);
	else
		year += year < 50 ? 2000 : 1900; /* RFC 5280, 4.1.2.5.1 */
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)two_digits(m) - 1;
	tm.tm_mday = (int)two_digits(m + 2);
	tm.tm_hour = (int)two_digits(m + 4);
	tm.tm_min = (int)two_digits(m + 6);
	tm.tm_sec = (int)two_digits(m + 8);
	return timegm(&tm);
}
