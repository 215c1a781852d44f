#include "core/clean.h"
#include "core/xalloc.h"
#include "enroll/run.h"
#include "enroll/same.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(const struct worker_token *t)
{
	return (t->flags & WORKER_TOKEN_INITIALIZED) == 0;
}

/* What decides how a token is set up. */
static unsigned stage_of(const struct worker_token *t)
{
	return t->flags & (WORKER_TOKEN_INITIALIZED | WORKER_TOKEN_NO_PIN);
}

bool enroll_is_blank(const struct enroll_run *r)
{
	return is_blank(&r->token);
}

bool enroll_needs_setup(const struct enroll_run *r)
{
	return stage_of(&r->token) != WORKER_TOKEN_INITIALIZED;
}

void enroll_new_label(const struct enroll_run *r, char ret[WORKER_LABEL_MAX + 1])
{
	snprintf(ret, WORKER_LABEL_MAX + 1, "%s", r->opt->label != NULL ? r->opt->label : r->opt->user);
}

/* Some modules add " (User PIN)" or the like. */
static bool has_label(const struct enroll_run *r, const struct worker_token *t)
{
	char label[WORKER_LABEL_MAX + 1];
	enroll_new_label(r, label);
	size_t n = strlen(label);
	return strncmp(t->label, label, n) == 0 && (t->label[n] == '\0' || strncmp(t->label + n, " (", 2) == 0);
}

static bool is_anybodys(struct enroll_run *r, const struct profile *p, const struct worker_token *t)
{
	struct store_credential cred = {.id = 0};
	struct store_token id;
	bool found = false;
	same_identify(t, p, &id);
	int ret = r->ports->store.find_by_token(r->store, &id, &found, &cred, NULL);
	store_credential_free(&cred);
	return ret != 0 || found;
}

static bool is_begun(struct enroll_run *r, const struct worker_token *t)
{
	bool begun = false;
	return !is_blank(t) && t->serial[0] != '\0' &&
	       r->ports->store.pin_begun(r->store, t->serial, &begun, NULL) == 0 && begun;
}

void enroll_apply_journal(struct enroll_run *r, const struct profile *p, struct worker_token *t)
{
	if (p->init.sets_pin && is_begun(r, t))
		t->flags |= WORKER_TOKEN_NO_PIN;
}

bool enroll_is_left_behind(struct enroll_run *r, const struct profile *p, const struct worker_token *t)
{
	bool begun = false;
	char serial[sizeof t->serial] = "";
	if ((t->flags & WORKER_TOKEN_NO_PIN) == 0 ||
	    r->ports->store.init_begun(r->store, r->opt->user, &begun, serial, NULL) != 0 || !begun)
		return false;
	/* as it is in the trail */
	char is[sizeof t->serial];
	clean_text(is, sizeof is, t->serial);
	bool same = serial[0] != '\0' ? strcmp(serial, is) == 0 : has_label(r, t);
	return same && !is_anybodys(r, p, t);
}

/* Whether nobody has to be asked: it is known that this token is to be set up for this user. */
static bool is_agreed(struct enroll_run *r)
{
	return r->opt->init || (!enroll_is_blank(r) && (r->known || enroll_is_left_behind(r, r->profile, &r->token)));
}

static void note_pad(struct enroll_run *r)
{
	const char *given = r->opt->pin_given || r->opt->new_pin_file != NULL || r->opt->so_pin_given
				? "; what files would give is not used"
				: "";
	char text[300];
	snprintf(text, sizeof text,
		 "the token has a PIN pad: its SO PIN and PIN are entered there, and neither is in escrow%s", given);
	r->ui->note(r->ui->arg, text);
}

int enroll_ask_new_pins(struct enroll_run *r, struct err *e)
{
	if (!is_agreed(r) && r->ui->confirm_init(r->ui->arg, &r->token, e) != 0)
		return -1;
	if (enroll_sets_up_on_pad(r)) {
		note_pad(r);
		return 0;
	}
	r->so_pin = secret_new();
	if (r->pin == NULL)
		r->pin = secret_new();
	if (enroll_setup_so_pin(r, e) != 0 || (r->so_pin_current && enroll_ask_replacements(r, e) != 0))
		return -1;
	return r->ui->new_pins(r->ui->arg, &r->token, r->profile, r->so_pin, r->pin, e);
}

/* A new worker, which loads the module only when it is alone at setting up such a token. */
static int take_turn(struct enroll_run *r, struct err *e)
{
	char *turn = xasprintf("%s" WORKER_TURN_SUFFIX, r->cfg->store_path);
	r->ports->token.stop(&r->worker);
	int ret = enroll_start_worker(r, false, &r->worker, e);
	if (ret == 0)
		ret = r->ports->token.turn(r->worker, &r->token, turn, e);
	free(turn);
	return ret;
}

static bool is_in_list(const struct worker_token *list, size_t n, const char *reader)
{
	size_t i = 0;
	while (i < n && strcmp(list[i].reader, reader) != 0)
		i++;
	return i < n;
}

/* Whether this may be the blank token that was chosen: in its reader; or the only one there is, as it was before, where
 * the reader is gone: SoftHSM's empty slot gets another name with each token. */
static bool may_be_blank(const struct enroll_run *r, const struct worker_token *list, size_t n, size_t i)
{
	size_t blank = 0;
	for (size_t k = 0; k < n; k++)
		blank += is_blank(&list[k]);
	bool moved = blank == 1 && r->only_blank && list[i].serial[0] == '\0' && !is_in_list(list, n, r->token.reader);
	return is_blank(&list[i]) && worker_same_token(&list[i], &r->token) && enroll_allows(r->opt, &list[i]) &&
	       (strcmp(list[i].reader, r->token.reader) == 0 || moved);
}

/* The chosen token in a new list. Instead of a blank one it may also be the one that an earlier run of the same command
 * has initialized: that was killed, but its worker ended the call it was in. */
static const struct worker_token *find_again(struct enroll_run *r, const struct worker_token *list, size_t n)
{
	if (!enroll_is_blank(r))
		return same_find(list, n, &r->token, r->profile);
	for (size_t i = 0; i < n; i++) {
		if (enroll_allows(r->opt, &list[i]) && enroll_is_left_behind(r, r->profile, &list[i]))
			return &list[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (may_be_blank(r, list, n, i))
			return &list[i];
	}
	return NULL;
}

static int look_again(struct enroll_run *r, struct worker_token *ret, struct err *e)
{
	struct worker_token *list = NULL;
	size_t n = 0;
	if (r->ports->token.tokens_begin(r->worker, r->module, e) != 0 ||
	    r->ports->token.tokens_end(r->worker, &list, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		enroll_apply_journal(r, r->profile, &list[i]);
	const struct worker_token *found = find_again(r, list, n);
	if (found != NULL)
		*ret = *found;
	free(list);
	if (found != NULL)
		return 0;
	if (discover_is_pulled(r->discovery, r->token.reader, READER_NOTICES_MS))
		return err_set(e, ERR_REMOVED, "the token was pulled out of '%s'", r->token.reader);
	return err_set(e, ERR_REMOVED, "the blank token is no longer in '%s', or somebody has initialized it",
		       r->token.reader);
}

/* While the PINs were asked and the turn was waited for, an earlier tokenroll may have gone on with the token. */
static int wait_for_turn(struct enroll_run *r, struct err *e)
{
	struct worker_token now = {.slot = 0};
	if (take_turn(r, e) != 0 || look_again(r, &now, e) != 0)
		return -1;
	bool changed = stage_of(&now) != stage_of(&r->token);
	r->token = now;
	if (!changed)
		return 0;
	enroll_take_token(r, &now);
	secret_free(&r->so_pin);
	if (enroll_needs_setup(r))
		return enroll_ask_new_pins(r, e);
	/* it has a user PIN now, not one that was typed or made for it; it is ours if the journal said so before */
	if (!r->opt->pin_given)
		secret_free(&r->pin);
	if (r->cred.id != 0)
		return enroll_ask_pin(r, e);
	err_set(e, ERR_BUSY, "token %s was set up by another tokenroll just now", now.serial);
	return err_next(e, "run the same command again");
}

static int keep_so_pin(const struct enroll_run *r, struct err *e)
{
	if (e->next[0] != '\0' || e->code == ERR_FOREIGN)
		return -1;
	if (e->code == ERR_PIN_RULES)
		return err_next(e, "run the same command with a PIN that suits the token; it goes on where it stopped");
	if (r->so_pin_pending != 0 || r->result->so_pin_sealed)
		return err_next(e, "its SO PIN is in escrow; put the token in again and run the same command with "
				   "--recovery-key, and it goes on where it stopped");
	return err_next(e, "keep the SO PIN, the token may have it already; put the token in again and run the same "
			   "command, which goes on where it stopped");
}

static int init_token(struct enroll_run *r, struct err *e)
{
	char label[WORKER_LABEL_MAX + 1];
	struct worker_token made;
	enroll_new_label(r, label);
	if (enroll_seal_so_pin(r, e) != 0 ||
	    r->ports->store.audit(r->store, STORE_TOKEN_INIT, r->opt->user, r->token.serial, r->token.reader, e) != 0)
		return -1;
	r->result->pins_sent = true;
	if (r->ports->token.init(r->worker, &r->token, label, r->so_pin, &made, e) != 0) {
		(void)enroll_secret_failed(r, PROFILE_SO_PIN, e);
		return keep_so_pin(r, e);
	}
	r->result->initialized = true;
	r->result->so_pin_sealed = r->seals_so_pin;
	enroll_take_token(r, &made);
	return enroll_so_pin_taken(r, e);
}

/* From here on the journal knows the token by its serial number, so that the same command finds it. */
static int journal_token(struct enroll_run *r, struct err *e)
{
	if (r->ports->store.claim_token(r->store, &r->token_id, e) != 0)
		return -1;
	if (!r->fresh)
		return 0;
	r->cred.token = r->token_id;
	return enroll_plan_commit(r, e);
}

static int init_pin(struct enroll_run *r, bool found, struct err *e)
{
	bool ours = !found || (r->profile->init.sets_pin && is_begun(r, &r->token));
	if (r->ports->store.audit(r->store, STORE_PIN_INIT, r->opt->user, r->token.serial, "", e) != 0)
		return -1;
	r->result->pins_sent = true;
	if (r->ports->token.init_pin(r->worker, &r->token, ours, r->opt->last_try, r->so_pin, r->pin, &r->token, e) !=
	    0)
		return keep_so_pin(r, e);
	if (enroll_so_pin_taken(r, e) != 0)
		return -1;
	secret_free(&r->so_pin);
	r->result->initialized = true;
	return r->ports->store.audit(r->store, STORE_PIN_SET, r->opt->user, r->token.serial, "", e);
}

static int initialize(struct enroll_run *r, struct err *e)
{
	bool found = !enroll_is_blank(r);
	/* whatever happens to the token from here on, its PINs are known */
	if (r->ui->show_pins(r->ui->arg, e) != 0)
		return -1;
	if (!found && init_token(r, e) != 0)
		return -1;
	return journal_token(r, e) != 0 ? -1 : init_pin(r, found, e);
}

int enroll_set_up(struct enroll_run *r, struct err *e)
{
	if (wait_for_turn(r, e) != 0)
		return -1;
	if (!enroll_needs_setup(r))
		return 0;
	r->ui->begin(r->ui->arg, "initialize");
	int ret = initialize(r, e);
	enroll_step_end(r, ret, r->token.serial, e);
	return ret;
}
