#include "enroll/run.h"

bool enroll_is_blank(const struct enroll_run *r)
{
	return (r->token.flags & WORKER_TOKEN_INITIALIZED) == 0;
}

int enroll_ask_new_pins(struct enroll_run *r, struct err *e)
{
	if (!r->opt->init && r->ui->confirm_init(r->ui->arg, &r->token, e) != 0)
		return -1;
	r->so_pin = secret_new();
	r->pin = secret_new();
	return r->ui->new_pins(r->ui->arg, &r->token, r->so_pin, r->pin, e);
}

static int initialize(struct enroll_run *r, const char *label, struct worker_token *ret, struct err *e)
{
	if (r->ports->store.audit(r->store, "token-init", r->opt->user, "", r->token.reader, e) != 0)
		return -1;
	if (r->ports->token.init(r->worker, r->token.slot, label, r->so_pin, r->pin, ret, e) == 0)
		return 0;
	return err_next(
	    e, "the token may be half initialized now, with the SO PIN shown above: set its user PIN with that, "
	       "or take another token; no key was made and no certificate issued");
}

int enroll_initialize(struct enroll_run *r, struct err *e)
{
	const char *label = r->opt->label != NULL ? r->opt->label : r->opt->user;
	struct worker_token made;
	r->ui->begin(r->ui->arg, "initialize");
	int ret = initialize(r, label, &made, e);
	r->ui->end(r->ui->arg, ret == 0, ret == 0 ? made.serial : "");
	secret_free(&r->so_pin);
	if (ret != 0)
		return -1;
	r->result->initialized = true;
	enroll_take_token(r, &made);
	r->cred.token = r->token_id;
	return r->ports->store.claim_token(r->store, &r->token_id, e);
}
