#include "enroll/ports.h"

static int open_store(struct store **ret, const struct config *cfg, struct err *e)
{
	if (store_open(ret, cfg->store_path, e) != 0)
		return -1;
	if (cfg->audit.syslog)
		store_use_syslog(*ret);
	return 0;
}

const struct enroll_ports enroll_ports_real = {
    .token =
	{
	    .start = worker_start,
	    .stop = worker_stop,
	    .know = worker_know,
	    .name = worker_name,
	    .modules_begin = worker_modules_begin,
	    .modules_end = worker_modules_end,
	    .load_begin = worker_load_begin,
	    .tokens_begin = worker_tokens_begin,
	    .tokens_end = worker_tokens_end,
	    .turn = worker_turn,
	    .init = worker_init,
	    .init_pin = worker_init_pin,
	    .open = worker_open,
	    .login = worker_login,
	    .id_taken = worker_id_taken,
	    .key_find = worker_key_find,
	    .key_generate_begin = worker_key_generate_begin,
	    .key_generate_end = worker_key_generate_end,
	    .key_delete = worker_key_delete,
	    .orphans_mark = worker_orphans_mark,
	    .orphans_delete = worker_orphans_delete,
	    .request = worker_request,
	    .certificate_write = worker_certificate_write,
	    .certificate_find = worker_certificate_find,
	    .pins = worker_pins,
	    .change = worker_change,
	    .reset = worker_reset,
	    .objects = worker_objects,
	    .delete_all = worker_delete_all,
	    .attestation = worker_attestation,
	    .unseal = worker_unseal,
	    .prove = worker_prove,
	},
    .ca =
	{
	    .start = signer_start,
	    .open = signer_open,
	    .dismiss = signer_dismiss,
	    .stop = signer_stop,
	    .unlock_begin = signer_unlock_begin,
	    .unlock_end = signer_unlock_end,
	    .subject = signer_subject,
	    .find = signer_find,
	    .revoked = signer_revoked,
	    .replaceable = signer_replaceable,
	    .issue = signer_issue,
	    .check = signer_check,
	    .attest = signer_attest,
	    .revoke = signer_revoke,
	    .settle = signer_settle,
	    .publish = signer_publish,
	},
    .store =
	{
	    .open = open_store,
	    .close = store_close,
	    .claim_user = store_claim_user,
	    .claim_token = store_claim_token,
	    .find = store_find,
	    .find_by_token = store_find_by_token,
	    .find_elsewhere = store_find_elsewhere,
	    .find_leftover = store_find_leftover,
	    .key_ended = store_key_ended,
	    .plan = store_plan,
	    .advance = store_advance,
	    .handed_over = store_handed_over,
	    .supersede = store_supersede,
	    .replaced = store_replaced,
	    .removed = store_removed,
	    .audit = store_audit,
	    .pin_begun = store_pin_begun,
	    .find_user = store_find_user,
	    .find_by_serial = store_find_by_serial,
	    .is_ours = store_is_ours,
	    .escrow_put = store_escrow_put,
	    .escrow_confirm = store_escrow_confirm,
	    .escrow_list = store_escrow_list,
	    .init_begun = store_init_begun,
	},
    .handover =
	{
	    .start = courier_start,
	    .dismiss = courier_dismiss,
	    .stop = courier_stop,
	    .check = courier_check,
	    .room = courier_room,
	    .draft = courier_draft,
	    .make = courier_make,
	    .mail = courier_mail,
	    .place = place_check,
	},
};
