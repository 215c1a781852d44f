/*
 * sopin: the SO PIN of a token that is set up. One that is made here is in escrow before the token has it, and is shown
 * only where there is no recovery certificate; a token that waits for its first PIN has one, which may be in escrow.
 */
#include "enroll/run.h"
#include "enroll/seal.h"

static struct seal seal_of(const struct enroll_run *r)
{
	return (struct seal){.port = &r->ports->store,
			     .store = r->store,
			     .recovery = r->recovery,
			     .token = &r->token,
			     .id = &r->token_id,
			     .profile = r->profile};
}

static int make(struct enroll_run *r, struct err *e)
{
	struct profile_limits limits;
	profile_limits_of(&limits, r->profile, PROFILE_SO_PIN, r->token.pin_min, r->token.pin_max);
	return enroll_load_recovery(r, e) != 0 ? -1 : profile_pin_random(&limits, r->so_pin, e);
}

static int take_out(struct enroll_run *r, struct err *e)
{
	bool kept = false, key = r->opt->recovery_file != NULL || r->opt->recovery_uri != NULL;
	const struct seal seal = seal_of(r);
	if (seal_find_first(&seal, &kept, &r->sealed_for, e) != 0)
		return -1;
	if (key)
		return enroll_so_pin_from_escrow(r, &r->sealed_for, e);
	if (kept)
		r->ui->note(r->ui->arg, "its SO PIN is in escrow: --recovery-key with the recovery key takes it out");
	return 0;
}

int enroll_setup_so_pin(struct enroll_run *r, struct err *e)
{
	r->seals_so_pin = false;
	r->so_pin_pending = 0;
	if (r->opt->so_pin_given)
		return 0;
	if (!enroll_is_blank(r))
		return take_out(r, e);
	if (r->so_pin_current)
		return enroll_sends_factory(r, PROFILE_SO_PIN) ? enroll_factory_value(r, PROFILE_SO_PIN, r->so_pin, e)
							       : 0;
	r->seals_so_pin = r->cfg->escrow.recovery.n != 0;
	return r->seals_so_pin ? make(r, e) : 0;
}

int enroll_seal_so_pin(struct enroll_run *r, struct err *e)
{
	const struct seal seal = seal_of(r);
	r->sealed_for = r->token_id;
	return r->seals_so_pin ? seal_value(&seal, PROFILE_SO_PIN, r->so_pin, &r->so_pin_pending, e) : 0;
}

int enroll_so_pin_taken(struct enroll_run *r, struct err *e)
{
	int64_t id = r->so_pin_pending;
	r->so_pin_pending = 0;
	if (id == 0)
		return 0;
	/* it can be sealed anew only for somebody; else it stays as it is */
	(void)enroll_load_recovery(r, NULL);
	const struct seal seal = seal_of(r);
	return seal_taken(&seal, PROFILE_SO_PIN, r->so_pin, &r->sealed_for, id, e);
}
