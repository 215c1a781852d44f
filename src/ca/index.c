#include "ca/index.h"

#include "ca/index_impl.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECENT_BYTES 65536

const char *index_line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	return lf != NULL ? lf : end;
}

static void unmap(struct index *ix)
{
	if (ix->len > 0)
		munmap(ix->map, ix->len);
	ix->map = NULL;
	ix->len = 0;
}

static bool is_regular(const struct stat *st)
{
	errno = EINVAL;
	return S_ISREG(st->st_mode);
}

static int map_file(struct index *ix, struct err *e)
{
	int fd = open(ix->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &ix->st) != 0 || !is_regular(&ix->st)) {
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
	if (map_file(ix, e) != 0 || index_check(ix, 0, e) != 0) {
		int saved = errno;
		index_close(&ix);
		errno = saved;
		return -1;
	}
	*ret = ix;
	return 0;
}

int index_map(struct index **ret, const char *path, struct err *e)
{
	struct index *ix = xcalloc(1, sizeof *ix);
	ix->path = xstrdup(path);
	if (map_file(ix, e) != 0) {
		index_close(&ix);
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
	index_set_free(&(*ix)->serials);
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
	int ret = index_check(ix, grown ? checked : 0, e);
	if (ret != 0)
		ix->st = (struct stat){.st_size = -1}; /* like no file: what was refused is read again */
	return ret;
}

void index_rest(const struct index *ix)
{
	if (ix->len > 0)
		(void)madvise(ix->map, ix->len, MADV_DONTNEED);
}

bool index_next(const struct index *ix, size_t *pos, struct index_row *ret)
{
	const char *end = ix->map + ix->len;
	while (*pos < ix->len) {
		const char *p = ix->map + *pos;
		const char *lf = index_line_end(p, end);
		*pos = (size_t)(lf - ix->map) + 1;
		if (*p != '#' && index_parse_row(p, lf, ret) == NULL)
			return true;
	}
	return false;
}

const char *index_row_start(const struct index *ix, const char *p)
{
	const char *before = memrchr(ix->map, '\n', (size_t)(p - ix->map));
	return before != NULL ? before + 1 : ix->map;
}

int index_row_at(const struct index *ix, const char *start, struct index_row *ret)
{
	return index_parse_row(start, index_line_end(start, ix->map + ix->len), ret) == NULL ? 0 : -1;
}

/* *pos is always where a line begins. */
bool index_next_revoked(const struct index *ix, size_t *pos, struct index_row *ret)
{
	static const char mark[] = "\nR\t";
	const char *end = ix->map + ix->len;
	while (*pos < ix->len) {
		const char *p = ix->map + *pos;
		if (*p != 'R') {
			p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1);
			if (p == NULL)
				break;
			p++;
		}
		const char *lf = index_line_end(p, end);
		*pos = (size_t)(lf - ix->map) + 1;
		if (index_parse_row(p, lf, ret) == NULL)
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
		const char *lf = index_line_end(hit, ix->map + ix->len);
		const char *before = memrchr(ix->map, '\n', (size_t)(hit - ix->map));
		const char *start = before != NULL ? before + 1 : ix->map;
		*pos = (size_t)(hit - ix->map) + 1;
		*ret_hit = hit;
		if (*start != '#' && index_parse_row(start, lf, ret) == NULL)
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
	struct span number = index_number_of((struct span){serial, strlen(serial)});
	if (!index_set_has(&ix->serials, index_key_of(number.p, number.len)))
		return false;
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
