#include "enroll/enroll.h"
#include "core/process.h"
#include "core/xalloc.h"
#include "enroll/run.h"

#include <stdlib.h>
#include <string.h>

#define PROVED "read back, signed, verified"

struct step {
	enum cred_state reaches;
	const char *name;
	int (*run)(struct enroll_run *r, struct err *e);
};

static const char *place_of(const struct enroll_run *r)
{
	const struct profile_key *k = &r->profile->key;
	for (size_t i = 0; i < k->n_place; i++) {
		if (blob_equal(&k->place[i].id, &r->cred.cka_id))
			return k->place[i].name;
	}
	return NULL;
}

/* Whoever hands the token out is asked about it. */
static void note_pin_each_time(struct enroll_run *r)
{
	const char *place = place_of(r);
	char text[300];
	if (!enroll_wants_pin_each_time(&r->cred))
		return;
	snprintf(text, sizeof text,
		 "this key%s%s wants the PIN for each signature: %s is asked for it at each connection, and again when "
		 "OpenVPN renews its keys, every hour unless reneg-sec says otherwise; the guide says so",
		 place != NULL ? " in " : "", place != NULL ? place : "", r->opt->user);
	r->ui->note(r->ui->arg, text);
}

/* What is left of credentials that have ended goes when the new one is proven, and before that is written down: then
 * the same command still knows that there is something to do. */
static int step_prove(struct enroll_run *r, struct err *e)
{
	/* so that the proof is with the PIN that the token goes out with */
	if (enroll_replace_factory(r, e) != 0 || enroll_prove(r, e) != 0 || enroll_remove_leftovers(r, e) != 0 ||
	    enroll_prepare_take_over(r, e) != 0)
		return -1;
	secret_free(&r->pin);
	note_pin_each_time(r);
	if (r->ca.has_key && r->ports->ca.settle(r->signer, r->cred.cert_serial, e) != 0)
		return -1;
	r->result->proved = true;
	/* so that the inventory knows which secrets such a token has, when it is not plugged in */
	if (r->profile->id != NULL && r->ports->store.token_profile(r->store, &r->token_id, r->profile->id, e) != 0)
		return -1;
	return r->ports->store.advance(r->store, &r->cred, CRED_PROVEN, e);
}

static const struct step steps[] = {
    {CRED_KEYED, "key pair", enroll_step_key},
    {CRED_REQUESTED, "request", enroll_step_request},
    {CRED_ISSUED, "certificate", enroll_step_issue},
    {CRED_WRITTEN, "onto the token", enroll_step_write},
    {CRED_PROVEN, "proof", step_prove},
    {CRED_DELIVERED, "bundle", enroll_deliver},
};

#define N_STEPS (sizeof steps / sizeof *steps)

static void detail_of(const struct enroll_run *r, enum cred_state reached, char *buf, size_t size)
{
	const struct store_credential *c = &r->cred;
	switch (reached) {
	case CRED_KEYED:
		snprintf(buf, size, "%s, made on the token", keytype_name((enum keytype)c->key_type));
		break;
	case CRED_ISSUED:
		snprintf(buf, size, "serial %s", c->cert_serial);
		break;
	case CRED_PROVEN:
		snprintf(buf, size, PROVED);
		break;
	default:
		buf[0] = '\0';
	}
}

void enroll_step_end(struct enroll_run *r, int ret, const char *detail, const struct err *e)
{
	if (ret != 0)
		detail = e->code == ERR_INTERRUPTED ? "interrupted" : "";
	r->ui->end(r->ui->arg, ret == 0, detail);
}

static int run_step(struct enroll_run *r, const struct step *s, struct err *e)
{
	char detail[160];
	if (process_stop_signal() != 0)
		return err_set(e, ERR_INTERRUPTED, "interrupted before the step '%s'", s->name);
	r->ui->begin(r->ui->arg, s->name);
	int ret = s->run(r, e);
	detail_of(r, s->reaches, detail, sizeof detail);
	enroll_step_end(r, ret, detail, e);
	return ret;
}

/*
 * Everything that may have to be asked is asked before the first step, so that the rest runs by itself. The CA key is
 * unlocked while the token is opened, and is open before anything is made: a wrong passphrase changes nothing.
 */
static int prepare(struct enroll_run *r, struct err *e)
{
	bool setup = enroll_needs_setup(r);
	bool signs = r->from < CRED_ISSUED && !r->opt->csr_only && r->opt->cert_file == NULL;
	/* said before anybody types a PIN for nothing */
	if (signs && r->ca.hsm.fails && enroll_unlock_end(r, e) != 0)
		return -1;
	if (setup ? enroll_ask_new_pins(r, e) != 0 : r->from < CRED_PROVEN && enroll_ask_pin(r, e) != 0)
		return -1;
	if (!setup && r->from < CRED_WRITTEN && enroll_ask_so_pin(r, e) != 0)
		return -1;
	if (!setup && r->from < CRED_PROVEN && enroll_ask_replacements(r, e) != 0)
		return -1;
	if (r->from < CRED_REQUESTED && r->ports->ca.subject(r->signer, r->opt->user, &r->subject, e) != 0)
		return -1;
	if ((signs || enroll_will_revoke(r)) && enroll_unlock_begin(r, e) != 0)
		return -1;
	if (setup && ((r->unlocking && enroll_unlock_end(r, e) != 0) || enroll_set_up(r, e) != 0))
		return -1;
	if (r->from < CRED_WRITTEN && enroll_open_token(r, e) != 0)
		return -1;
	if (r->unlocking && enroll_unlock_end(r, e) != 0)
		return -1;
	return r->fresh ? enroll_plan_commit(r, e) : 0;
}

static int run_steps(struct enroll_run *r, struct err *e)
{
	enum cred_state until = r->opt->csr_only ? CRED_REQUESTED : CRED_DELIVERED;
	if (until == CRED_DELIVERED && r->from < until && r->ports->handover.room(r->courier, e) != 0)
		return err_prefix(e, "nothing was done");
	if (prepare(r, e) != 0)
		return -1;
	for (size_t i = 0; i < N_STEPS; i++) {
		if (steps[i].reaches <= r->from || steps[i].reaches > until)
			continue;
		if (run_step(r, &steps[i], e) != 0)
			return -1;
	}
	return 0;
}

static int put_back(struct enroll_run *r, struct err *e)
{
	const struct store_credential *c = &r->cred;
	bool there = false;
	if (enroll_key_is_there(r, &there, e) != 0)
		return err_prefix(e, "the certificate was not written again");
	if (!there)
		return enroll_refuse_gone(r, e);
	if (r->ports->token.certificate_write(r->worker, &c->cka_id, c->user, &c->cert, false, e) != 0)
		return -1;
	return r->ports->store.audit(r->store, "written-again", c->user, c->token.serial, c->cert_serial, e);
}

/* Somebody has deleted the certificate. The journal has it, and where the key is still there it is good as before: it
 * stays finished, so that --replace is not kept waiting where this fails. */
static int write_again(struct enroll_run *r, struct err *e)
{
	char text[200];
	snprintf(text, sizeof text, "certificate %s is not on token %s any more", r->cred.cert_serial, r->token.serial);
	r->ui->note(r->ui->arg, text);
	r->result->already = false;
	r->ui->begin(r->ui->arg, "onto the token");
	int ret = put_back(r, e);
	enroll_step_end(r, ret, "", e);
	if (ret != 0)
		return -1;
	r->ui->begin(r->ui->arg, "proof");
	ret = enroll_prove(r, e);
	r->result->proved = ret == 0;
	enroll_step_end(r, ret, PROVED, e);
	return ret;
}

/* The same command on a finished token: what can be checked is checked, and what is missing is made again. */
static int check_finished(struct enroll_run *r, struct err *e)
{
	struct err no_pin = ERR_INIT;
	const struct store_credential known = r->cred; /* borrowed: only its texts are compared */
	r->result->already = true;
	r->ui->begin(r->ui->arg, "check");
	int ret = 0;
	if (enroll_ask_pin(r, &no_pin) == 0) {
		ret = enroll_prove(r, e);
		r->result->proved = ret == 0;
	} else if (no_pin.code == ERR_SECRET_NEEDED) {
		ret = enroll_check_present(r, e);
	} else {
		*e = no_pin;
		ret = -1;
	}
	enroll_step_end(
	    r, ret,
	    r->result->proved ? PROVED : "certificate read back; the key was not tried, because no PIN was given", e);
	if (ret != 0 && r->unwritten)
		ret = write_again(r, e);
	if (ret == 0)
		enroll_note_kept(r);
	bool same =
	    strcmp(known.pkcs11_id, r->cred.pkcs11_id) == 0 && strcmp(known.client_module, r->cred.client_module) == 0;
	/* the token was given another label, or the laptops another module: the profile names both */
	if (ret == 0 && (!same || !enroll_is_delivered(r))) {
		r->result->already = false;
		return run_step(r, &steps[N_STEPS - 1], e);
	}
	if (ret == 0)
		enroll_note_module(r);
	return ret;
}

/* What was handed over is remembered, so that the same command does only what is left. If that cannot be written down,
 * it is handed over once more: no reason to hide what the admin has to do. */
static int one_thing_left(struct enroll_run *r, const struct err *left, struct err *e)
{
	if (r->cred.state == CRED_PROVEN && !r->cred.handed_over)
		(void)r->ports->store.handed_over(r->store, &r->cred, NULL);
	*e = *left;
	return r->result->folder != NULL ? err_prefix(e, "%s is enrolled, with the bundle in %s; one thing is left",
						      r->opt->user, r->result->folder)
					 : -1;
}

/*
 * Last, and also when something else has failed: the VPN server must not let a revoked certificate of this user's in,
 * and a step that failed may have revoked one. Only then it is written down as delivered, so that the same command
 * comes back to this, also with --replace. What was handed over is remembered beside that. Before it is, what the user
 * has had until then stays: it is all that works.
 */
static int finish(struct enroll_run *r, int done, struct err *e)
{
	struct err late = ERR_INIT;
	bool has_issued = r->cred.state >= CRED_ISSUED || (r->opt->replace && r->unlocked);
	if (!has_issued || (done != 0 && process_stop_signal() != 0))
		return done;
	if (done == 0 && !r->result->already && (enroll_take_over(r, &late) != 0 || enroll_revoke_due(r, &late) != 0))
		return one_thing_left(r, &late, e);
	bool published = r->ports->ca.publish(r->signer, r->opt->user, &late) == 0;
	/* a run that broke off behind it may have told nobody */
	r->result->crl_published = published && r->result->replaced[0] != '\0';
	if (published)
		return done != 0 || r->result->already ? done
						       : r->ports->store.advance(r->store, &r->cred, CRED_DELIVERED, e);
	if (done != 0) {
		if (late.code == ERR_CRL_UNPUBLISHED)
			r->ui->note(r->ui->arg, late.what);
		return done;
	}
	return one_thing_left(r, &late, e);
}

/* Before anything is waited for: the CA and the modules are read side by side. */
static int start_both(struct enroll_run *r, struct err *e)
{
	if (r->ports->ca.start(&r->signer, &r->cfg->ca, r->opt->verbose, enroll_shared_note(r->ui), r->ui->arg, e) != 0)
		return -1;
	return enroll_discover_begin(r, e);
}

/* Later: at once it would only keep the processors from the other two. */
static int start_courier(struct enroll_run *r, struct err *e)
{
	return r->opt->csr_only ? 0 : r->ports->handover.start(&r->courier, r->cfg, r->opt->user, r->opt->verbose, e);
}

static int enroll_whole(struct enroll_run *r, struct err *e)
{
	bool finished = false;
	if (start_both(r, e) != 0 || r->ports->store.open(&r->store, r->cfg, e) != 0 ||
	    r->ports->store.claim_user(r->store, r->opt->user, e) != 0)
		return -1;
	if (r->opt->way != CRED_WAY_ENROLL && enroll_check_person(r, e) != 0)
		return -1;
	if (start_courier(r, e) != 0 || enroll_choose_token(r, e) != 0 || enroll_look_at_pins(r, e) != 0)
		return -1;
	if (enroll_plan(r, &finished, e) != 0)
		return -1;
	return finish(r, finished ? check_finished(r, e) : run_steps(r, e), e);
}

/* Also after a failure: somebody may have to be told. Not of a signer that still owes an answer. */
static void note_published(struct enroll_run *r)
{
	struct err unsaid = ERR_INIT;
	bool published = false;
	if (r->ca.pki[0] != '\0' && !r->unlocking && r->ports->ca.published(r->signer, &published, &unsaid) == 0 &&
	    published)
		r->result->crl_published = true;
}

int enroll_run(const struct enroll_ports *ports, const struct config *cfg, const struct enroll_options *opt,
	       const struct enroll_ui *ui, struct enroll_result *ret, struct err *e)
{
	struct enroll_run *r = xcalloc(1, sizeof *r);
	*r = (struct enroll_run){.ports = ports, .cfg = cfg, .opt = opt, .ui = ui, .result = ret};
	guard_init(&r->guard, &cfg->ca);
	int got = opt->no_token ? enroll_issue_ahead(r, e) : enroll_whole(r, e);
	if (opt->way != CRED_WAY_ENROLL || ret->old.id != 0)
		enroll_read_old(r);
	note_published(r);
	secret_free(&r->pin);
	secret_free(&r->so_pin);
	secret_free(&r->new_pin);
	recipients_free(&r->recovery);
	ports->handover.dismiss(r->courier);
	ports->ca.dismiss(r->signer);
	ports->token.stop(&r->leaving);
	ports->token.stop(&r->worker);
	ports->token.stop(&r->prover);
	discover_free(&r->discovery);
	ports->store.close(&r->store);
	ports->handover.stop(&r->courier);
	ports->ca.stop(&r->signer);
	ca_info_free(&r->ca);
	guard_free(&r->guard);
	blob_free(&r->subject);
	ret->cred = r->cred; /* handed over with what it owns */
	free(r);
	return got;
}

void enroll_result_free(struct enroll_result *r)
{
	store_credential_free(&r->cred);
	store_credential_free(&r->old);
	free(r->request_path);
	free(r->folder);
	free(r->tar_gz);
	free(r->zip);
	memset(r, 0, sizeof *r);
}
