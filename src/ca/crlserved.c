#include "ca/crlserved.h"

#include "ca/crlabove.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The VPN server's user has no name here: an owner or a group that is neither root's nor ours is taken for it. */
static bool is_open(const struct stat *st)
{
	mode_t need = S_ISDIR(st->st_mode) ? S_IXOTH : S_IROTH;
	bool group = st->st_gid != 0 && st->st_gid != getegid();
	bool owner = st->st_uid != 0 && st->st_uid != geteuid();
	return (st->st_mode & need) != 0 || (group && (st->st_mode & (need << 3)) != 0) ||
	       (owner && (st->st_mode & (need << 6)) != 0);
}

char *crlserved_closed_part(const char *path)
{
	char *part = xstrdup(path);
	size_t len = strlen(path);
	for (size_t i = 1; i <= len; i++) {
		struct stat st;
		if (path[i] != '/' && path[i] != '\0')
			continue;
		part[i] = '\0';
		if (stat(part, &st) == 0 && !is_open(&st))
			return part;
		part[i] = path[i];
	}
	free(part);
	return NULL;
}

/* A serial number, without leading zeros. */
struct number {
	const unsigned char *p;
	size_t len;
};

/* Those of the CRL, each at the first free place behind that of its hash: a hundred thousand are looked up at once. */
struct numbers {
	struct number *list;
	size_t mask;
};

/* Where it is, or would be. */
static struct number *place_of(const struct numbers *all, const struct number *n)
{
	uint64_t hash = 0xCBF29CE484222325U; /* FNV-1a */
	for (size_t i = 0; i < n->len; i++)
		hash = (hash ^ n->p[i]) * 0x100000001B3U;
	size_t at = (hash ^ hash >> 32) & all->mask;
	while (all->list[at].p != NULL && (all->list[at].len != n->len || memcmp(all->list[at].p, n->p, n->len) != 0))
		at = (at + 1) & all->mask;
	return &all->list[at];
}

static struct numbers numbers_of(const struct certlist *crl)
{
	struct numbers all = {NULL, 15};
	struct number one;
	const unsigned char *at = NULL;
	for (size_t n = certlist_count(crl); all.mask / 2 < n;)
		all.mask = 2 * all.mask + 1;
	all.list = xcalloc(all.mask + 1, sizeof *all.list);
	while (certlist_next(crl, &at, &one.p, &one.len))
		*place_of(&all, &one) = one;
	return all;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Into bytes, as the CRL has it; false for what is no serial number. */
static bool number_of(struct span hex, unsigned char buf[CA_SERIAL_HEX_MAX], struct number *ret)
{
	size_t n = 0, zeros = 0;
	if (hex.len % 2 != 0 || hex.len >= CA_SERIAL_HEX_MAX)
		return false;
	for (; n < hex.len / 2; n++) {
		int high = digit_of(hex.p[2 * n]), low = digit_of(hex.p[2 * n + 1]);
		if (high < 0 || low < 0)
			return false;
		buf[n] = (unsigned char)(high << 4 | low);
	}
	while (zeros + 1 < n && buf[zeros] == 0)
		zeros++;
	*ret = (struct number){buf + zeros, n - zeros};
	return true;
}

static bool has_row(const struct numbers *all, const struct index_row *row)
{
	unsigned char buf[CA_SERIAL_HEX_MAX];
	struct number want;
	return !number_of(row->serial, buf, &want) || place_of(all, &want)->p != NULL;
}

/* One that has expired is let in by nobody. */
static void count_lacking(const struct index *ix, const struct certlist *crl, struct ca_crl_served *ret)
{
	struct numbers all = numbers_of(crl);
	struct index_row row;
	time_t now = time(NULL);
	for (size_t pos = 0; index_next_revoked(ix, &pos, &row);) {
		if (has_row(&all, &row) || index_time(row.not_after) <= now)
			continue;
		if (ret->lacking++ == 0)
			snprintf(ret->lacks, sizeof ret->lacks, "%.*s", (int)row.serial.len, row.serial.p);
	}
	free(all.list);
}

void crlserved_look(const struct ca *ca, const struct crls *c, const struct certlist *crl, struct ca_crl_served *ret)
{
	char *closed = ca->crl_file != NULL ? crlserved_closed_part(ca->crl_file) : NULL;
	*ret = (struct ca_crl_served){.closed = ""};
	if (closed != NULL && crl != NULL)
		snprintf(ret->closed, sizeof ret->closed, "%s", closed);
	free(closed);
	crlabove_first(ca, &c->read_text, ret->above, sizeof ret->above, &ret->above_until);
	if (ca->index != NULL && crl != NULL)
		count_lacking(ca->index, crl, ret);
}
