#include "enroll/ports.h"

const struct enroll_ports enroll_ports_real = {
    .token = {worker_start, worker_stop, worker_modules, worker_tokens_begin, worker_tokens_end, worker_init,
	      worker_open, worker_login, worker_id_taken, worker_key_find, worker_key_generate, worker_key_delete,
	      worker_request, worker_certificate_write, worker_certificate_find, worker_prove},
    .ca = {signer_start, signer_open, signer_stop, signer_unlock_begin, signer_unlock_end, signer_subject, signer_find,
	   signer_revoked, signer_issue, signer_check, signer_settle},
    .store = {store_claim_user, store_claim_token, store_find, store_find_by_token, store_find_elsewhere,
	      store_find_leftover, store_plan, store_advance, store_supersede, store_removed, store_audit},
    .handover = {handover_check, handover_make, handover_mail},
};
