#include "life/status.h"

#include "core/xalloc.h"
#include "life/status_impl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *title;
} topics[STATUS_TOPIC_COUNT] = {
    [STATUS_PKI] = {"pki", "the PKI cannot be read"},
    [STATUS_CA] = {"ca", "the CA certificate"},
    [STATUS_CRL] = {"crl", "the certificate revocation list"},
    [STATUS_EXPIRING] = {"expiring", "certificates that end"},
    [STATUS_UNFINISHED] = {"unfinished", "enrollments that were not finished"},
    [STATUS_WAITING] = {"waiting", "certificates that are to be revoked"},
    [STATUS_LOST] = {"lost", "lost tokens with a certificate that counts"},
    [STATUS_INDEX_UNKNOWN] = {"index-unknown", "rows of index.txt that the inventory does not know"},
    [STATUS_INDEX_MISSING] = {"index-missing", "certificates that index.txt does not know"},
    [STATUS_INDEX_DIFFERS] = {"index-differs", "certificates of which index.txt says something else"},
    [STATUS_ESCROW_PENDING] = {"escrow-pending", "secrets in escrow that were never confirmed"},
    [STATUS_ESCROW_MISSING] = {"escrow-missing", "tokens with nothing in escrow"},
    [STATUS_LETTERS] = {"letters", "PIN letters that are to be printed"},
};

const char *status_topic_name(enum status_topic t)
{
	return topics[t].name;
}

const char *status_topic_title(enum status_topic t)
{
	return topics[t].title;
}

const char *status_level_name(enum status_level l)
{
	static const char *const names[] = {
	    [STATUS_FINE] = "fine", [STATUS_SOON] = "soon", [STATUS_WRONG] = "wrong", [STATUS_UNTOLD] = "untold"};
	return names[l];
}

enum status_level status_worse(enum status_level a, enum status_level b)
{
	static const int rank[] = {[STATUS_FINE] = 0, [STATUS_SOON] = 1, [STATUS_UNTOLD] = 2, [STATUS_WRONG] = 3};
	return rank[a] >= rank[b] ? a : b;
}

long status_days(const struct status *st, time_t t)
{
	time_t left = t - st->now;
	return (long)(left >= 0 ? left / STATUS_DAY : -((-left + STATUS_DAY - 1) / STATUS_DAY));
}

struct status_finding *status_add(struct status *st, enum status_topic topic, enum status_level level)
{
	struct status_group *g = &st->group[topic];
	g->level = status_worse(g->level, level);
	st->level = status_worse(st->level, level);
	g->n++;
	if (g->n_kept == STATUS_KEPT)
		return NULL;
	struct status_finding *f = &g->kept[g->n_kept++];
	*f = (struct status_finding){.level = level};
	return f;
}

static char *format(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *format(const char *fmt, va_list ap)
{
	char text[2048];
	vsnprintf(text, sizeof text, fmt, ap);
	return xstrdup(text);
}

void status_say(struct status_finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	free(f->what);
	f->what = format(fmt, ap);
	va_end(ap);
}

void status_next(struct status_finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	free(f->next);
	f->next = format(fmt, ap);
	va_end(ap);
}

void status_untold(struct status *st, const struct err *why)
{
	struct status_finding *f = status_add(st, STATUS_PKI, STATUS_UNTOLD);
	if (f == NULL)
		return;
	status_say(f, "%s%s%s%s", why->what, why->native[0] != '\0' ? " (" : "", why->native,
		   why->native[0] != '\0' ? ")" : "");
	status_next(f, "%s", err_advice(why));
}

/* What has become of the signer on the way is a finding; the inventory has to be there. */
static int compare_index(struct status_run *r, struct err *e)
{
	struct err why = ERR_INIT;
	if (!r->st->look.has_index || status_index(r, &why) == 0)
		return 0;
	if (why.code != ERR_STORE) {
		status_untold(r->st, &why);
		return 0;
	}
	*e = why;
	return -1;
}

/* The signer reads the PKI while the database is asked. */
int status_take(struct status **ret, struct store *s, const struct config *cfg, bool verbose, struct err *e)
{
	struct status *st = xcalloc(1, sizeof *st);
	struct status_run r = {.st = st, .store = s, .cfg = cfg};
	struct err why = ERR_INIT;
	st->now = time(NULL);
	*ret = st;
	if (signer_look_begin(&r.ca, &cfg->ca, verbose, NULL, NULL, &why) != 0)
		r.ca = NULL;
	int status = store_count(s, &st->counts, e);
	if (status == 0)
		status = status_people(&r, e);
	if (status == 0)
		status = status_escrow(&r, e);
	if (status == 0)
		status = status_letters(&r, e);
	if (r.ca != NULL && signer_look_end(r.ca, &st->look, &why) == 0)
		st->has_look = true;
	if (st->has_look)
		status_pki(&r);
	else
		status_untold(st, &why);
	if (status == 0)
		status = status_unfinished(&r, e);
	if (status == 0 && st->has_look)
		status = compare_index(&r, e);
	signer_stop(&r.ca);
	return status;
}

void status_free(struct status **st)
{
	if (*st == NULL)
		return;
	for (int t = 0; t < STATUS_TOPIC_COUNT; t++) {
		struct status_group *g = &(*st)->group[t];
		for (size_t i = 0; i < g->n_kept; i++) {
			free(g->kept[i].what);
			free(g->kept[i].next);
		}
	}
	free(*st);
	*st = NULL;
}
