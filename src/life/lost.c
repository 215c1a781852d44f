#include "ca/reason.h"
#include "core/day.h"
#include "core/xalloc.h"
#include "life/life.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* So long a new token of the user is taken for the one that the loss was made good with. */
#define RECENT_S ((time_t)24 * 60 * 60)

/* One loss under way: what the user has, and what the CA says of it. */
struct loss {
	struct life *l;
	struct life_loss *result;
	struct store_issued *rows;
	struct life_revoked *certs; /* by rows */
	bool *known;                /* by rows: the CA knows the certificate */
	bool *meant;                /* by rows: it is on a token that is lost */
	size_t n;
	struct err busy; /* another process works on this user; ERR_NONE */
};

static bool has_ended(const struct store_issued *r)
{
	return r->state == CRED_REVOKED || r->state == CRED_SUPERSEDED || r->state == CRED_ABANDONED;
}

static bool same_token(const struct store_issued *a, const struct store_issued *b)
{
	return a->token.id == b->token.id;
}

static int no_token(const struct life *l, struct err *e)
{
	err_set(e, ERR_NO_TOKEN, "the inventory knows no token of %s", l->opt->user);
	return err_next(e,
			"what the CA has issued for that name is revoked by: tokenroll revoke %s --reason "
			"keyCompromise",
			l->opt->user);
}

/* Each once. */
static void list_serials(const struct loss *x, char list[256])
{
	size_t len = 0;
	list[0] = '\0';
	for (size_t i = 0; i < x->n; i++) {
		if (strstr(list, x->rows[i].token.serial) == NULL && len < 256)
			len += (size_t)snprintf(list + len, 256 - len, "%s%s", len > 0 ? ", " : "",
						x->rows[i].token.serial);
	}
}

static int not_theirs(const struct loss *x, struct err *e)
{
	char list[256];
	list_serials(x, list);
	err_set(e, ERR_NO_TOKEN, "token %s is none of %s", x->l->opt->serial, x->l->opt->user);
	return err_next(e, "the inventory knows of: %s", list);
}

/* Whoever has the token is let in until somebody has found out how to read the inventory again. */
static int unreadable(const struct life *l, struct err *e)
{
	char advice[sizeof e->next];
	snprintf(advice, sizeof advice, "%s", err_advice(e));
	return err_next(e,
			"at once, because it needs no inventory: tokenroll revoke %s --all --reason keyCompromise. "
			"Then: %.250s",
			l->opt->user, advice);
}

/* Somebody's forgotten prompt keeps no certificate valid: what is valid is revoked without the claim. What that process
 * goes on to make is found when the same command is run again. */
static int claim(struct loss *x, struct err *e)
{
	const struct life *l = x->l;
	if (l->ports->store.claim_user(l->store, l->opt->user, &x->busy) == 0 || x->busy.code == ERR_BUSY)
		return 0;
	*e = x->busy;
	return -1;
}

static int still_busy(const struct loss *x, struct err *e)
{
	*e = x->busy;
	err_prefix(e, "the loss is noted, and what was valid is revoked, but");
	return err_next(e, "it may have another certificate issued for what is lost: end it, or wait until it is done, "
			   "then run the same command again");
}

static int read_rows(struct loss *x, struct err *e)
{
	struct life *l = x->l;
	bool found = l->opt->serial == NULL;
	if (l->ports->store.open(&l->store, l->cfg, e) != 0 ||
	    l->ports->store.issued(l->store, l->opt->user, &x->rows, &x->n, e) != 0)
		return unreadable(l, e);
	if (x->n == 0)
		return no_token(l, e);
	for (size_t i = 0; !found && i < x->n; i++)
		found = strcasecmp(x->rows[i].token.serial, l->opt->serial) == 0;
	return found ? claim(x, e) : not_theirs(x, e);
}

/* What the CA says of each certificate. */
static int ask_ca(struct loss *x, struct err *e)
{
	struct life *l = x->l;
	x->certs = xcalloc(x->n, sizeof *x->certs);
	x->known = xcalloc(x->n, sizeof *x->known);
	x->meant = xcalloc(x->n, sizeof *x->meant);
	for (size_t i = 0; i < x->n; i++) {
		struct ca_known *list = NULL;
		size_t n = 0;
		if (x->rows[i].cert_serial[0] == '\0')
			continue;
		if (l->ports->ca.known(l->signer, NULL, x->rows[i].cert_serial, &list, &n, e) != 0)
			return -1;
		x->known[i] = n > 0;
		if (n > 0)
			x->certs[i].cert = list[0];
		free(list);
	}
	return 0;
}

/* As far as anybody here knows. */
static bool is_valid(const struct loss *x, size_t i)
{
	const struct store_issued *r = &x->rows[i];
	if (r->cert_serial[0] == '\0' || r->not_after <= time(NULL))
		return false;
	return x->known[i] ? !x->certs[i].cert.revoked : !has_ended(r);
}

/* A loss of the last day that this row came after; NULL if there is none. */
static const struct store_issued *made_good(const struct loss *x, size_t i)
{
	for (size_t k = 0; k < x->n; k++) {
		const struct store_issued *r = &x->rows[k];
		if (r->lost != 0 && r->lost > time(NULL) - RECENT_S && r->lost <= x->rows[i].created)
			return r;
	}
	return NULL;
}

static int refuse_later(const struct loss *x, const struct store_issued *before, size_t i, struct err *e)
{
	char day[DAY_SIZE];
	day_format(day, before->lost);
	err_set(e, ERR_TOKEN_LOST, "token %s of %s was reported lost on %s, and %s has got token %s since",
		before->token.serial, x->l->opt->user, day, x->l->opt->user, x->rows[i].token.serial);
	return err_next(e, "if that is lost, too: tokenroll lost %s --serial %s; nothing was changed", x->l->opt->user,
			x->rows[i].token.serial);
}

/* Whether a row by itself makes its token one that is lost. */
static int is_meant(const struct loss *x, size_t i, bool *ret, struct err *e)
{
	const struct store_issued *r = &x->rows[i], *before;
	const struct life_options *opt = x->l->opt;
	*ret = false;
	if (opt->serial != NULL) {
		*ret = strcasecmp(r->token.serial, opt->serial) == 0;
		return 0;
	}
	if (r->lost == 0 && has_ended(r) && !is_valid(x, i))
		return 0;
	before = r->lost == 0 ? made_good(x, i) : NULL;
	if (before != NULL)
		return opt->temporary ? 0 : refuse_later(x, before, i, e);
	*ret = true;
	return 0;
}

/* Nothing on a token is valid any more: it is the last one that is lost, unless somebody else has that by now. */
static int choose_last(struct loss *x, struct err *e)
{
	struct store_credential c = {.id = 0};
	const struct store_issued *last = &x->rows[x->n - 1];
	const struct life *l = x->l;
	char list[256];
	bool found = false;
	if (l->ports->store.find_by_token(l->store, &last->token, &found, &c, e) != 0)
		return -1;
	bool theirs = !found || strcmp(c.user, l->opt->user) == 0;
	store_credential_free(&c);
	for (size_t k = 0; theirs && k < x->n; k++)
		x->meant[k] = same_token(last, &x->rows[k]);
	if (theirs)
		return 0;
	list_serials(x, list);
	err_set(e, ERR_NO_TOKEN, "%s has no token any more that could be lost: token %s is somebody else's now",
		l->opt->user, last->token.serial);
	return err_next(e, "if another one of %s is lost all the same, name it with --serial: %s", l->opt->user, list);
}

static int choose(struct loss *x, struct err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < x->n; i++) {
		bool meant = false;
		if (is_meant(x, i, &meant, e) != 0)
			return -1;
		n += meant;
		for (size_t k = 0; meant && k < x->n; k++)
			x->meant[k] = x->meant[k] || same_token(&x->rows[i], &x->rows[k]);
	}
	return n > 0 ? 0 : choose_last(x, e);
}

static void list_tokens(struct loss *x)
{
	struct life_loss *r = x->result;
	for (size_t i = 0; i < x->n; i++) {
		bool listed = false;
		for (size_t k = 0; k < r->n_tokens; k++)
			listed = listed || same_token(&r->tokens[k], &x->rows[i]);
		if (!x->meant[i] || listed)
			continue;
		r->tokens = xrealloc(r->tokens, r->n_tokens + 1, sizeof *r->tokens);
		r->tokens[r->n_tokens++] = x->rows[i];
	}
}

static bool is_to_do(const struct loss *x, size_t i)
{
	const struct ca_known *k = &x->certs[i].cert;
	return x->meant[i] && x->known[i] && (k->revoked ? !k->on_crl : is_valid(x, i));
}

/* Asked before anything is changed. */
static int unlock(struct loss *x, struct err *e)
{
	for (size_t i = 0; i < x->n; i++) {
		if (is_to_do(x, i) && x->l->ca.has_key)
			return life_ca_unlock(x->l, e);
	}
	return 0;
}

static int mark(struct loss *x, const char *reason, struct err *e)
{
	struct life_loss *r = x->result;
	struct store_token *list = xcalloc(r->n_tokens, sizeof *list);
	r->already = true;
	for (size_t i = 0; i < r->n_tokens; i++) {
		list[i] = r->tokens[i].token;
		r->already = r->already && r->tokens[i].lost != 0;
		if (r->tokens[i].lost == 0)
			r->tokens[i].lost = time(NULL);
	}
	int got = x->l->ports->store.lost(x->l->store, x->l->opt->user, list, r->n_tokens, reason, e);
	free(list);
	return got;
}

static int revoke_row(struct loss *x, size_t i, const char *reason, struct err *e)
{
	struct life *l = x->l;
	struct life_loss *r = x->result;
	struct life_revoked *c = &x->certs[i];
	bool to_do = is_to_do(x, i);
	int got = to_do ? life_revoke_known(l, reason, c, e) : 0;
	if (!c->cert.revoked)
		return got;
	c->already = c->already || !to_do;
	r->already = r->already && !to_do;
	r->certs = xrealloc(r->certs, r->n_certs + 1, sizeof *r->certs);
	r->certs[r->n_certs++] = *c;
	struct err unnoted = ERR_INIT;
	int noted =
	    l->ports->store.revoked(l->store, c->cert.serial, l->opt->user, c->cert.when, c->cert.reason, &unnoted);
	if (got == 0 && noted != 0)
		*e = unnoted;
	return got != 0 ? got : noted;
}

/* What only the CA that has signed it can revoke. */
static int elsewhere(const struct loss *x, const struct store_issued *r, struct err *e)
{
	err_set(e, ERR_CA_REFUSED,
		"token %s of %s is marked as lost, but certificate %s on it is not known to the CA here",
		r->token.serial, x->l->opt->user, r->cert_serial);
	return err_next(e, "have it revoked where it was signed, and bring the CRL to the VPN server");
}

/* All of them, whatever happens to one. */
static int revoke_all(struct loss *x, const char *reason, struct err *e)
{
	int ret = 0;
	for (size_t i = 0; i < x->n; i++) {
		struct err why = ERR_INIT;
		if (!x->meant[i] || x->rows[i].cert_serial[0] == '\0')
			continue;
		int got = x->known[i]      ? revoke_row(x, i, reason, &why)
			  : is_valid(x, i) ? elsewhere(x, &x->rows[i], &why)
					   : 0;
		if (got != 0 && ret == 0)
			*e = why;
		ret = got != 0 ? got : ret;
	}
	return ret;
}

/* A key in a file, or one of easy-rsa's: it did not get lost with the token. */
static void note_others(const struct loss *x)
{
	const struct life *l = x->l;
	struct ca_known *list = NULL;
	struct err unread = ERR_INIT;
	char text[400];
	size_t n = 0;
	if (l->ports->ca.known(l->signer, l->opt->user, NULL, &list, &n, &unread) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		bool ours = list[i].revoked || list[i].not_after <= time(NULL);
		for (size_t k = 0; k < x->n; k++)
			ours = ours || strcmp(x->rows[k].cert_serial, list[i].serial) == 0;
		if (ours)
			continue;
		snprintf(text, sizeof text,
			 "the CA has another valid certificate of %s, %s, which is on none of these tokens; if its key "
			 "is lost, too: tokenroll revoke --cert-serial %s",
			 l->opt->user, list[i].serial, list[i].serial);
		l->ui->note(l->ui->arg, text);
	}
	free(list);
}

static int lose(struct loss *x, struct err *e)
{
	const char *reason = x->l->opt->reason != NULL ? x->l->opt->reason : "keyCompromise";
	if (reason_check(reason, e) != 0 || read_rows(x, e) != 0 || life_ca_open(x->l, e) != 0 || ask_ca(x, e) != 0 ||
	    choose(x, e) != 0)
		return -1;
	list_tokens(x);
	if (unlock(x, e) != 0 || mark(x, reason, e) != 0)
		return -1;
	int got = revoke_all(x, reason, e);
	note_others(x);
	return got == 0 && x->busy.code != ERR_NONE ? still_busy(x, e) : got;
}

int life_lost(struct life *l, struct life_loss *ret, struct err *e)
{
	struct loss x = {.l = l, .result = ret, .busy = ERR_INIT};
	memset(ret, 0, sizeof *ret);
	int got = lose(&x, e);
	free(x.rows);
	free(x.certs);
	free(x.known);
	free(x.meant);
	return got;
}

void life_loss_free(struct life_loss *r)
{
	free(r->tokens);
	free(r->certs);
	memset(r, 0, sizeof *r);
}
