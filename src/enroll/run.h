/*
 * run: one enrollment under way; shared by the files of the state machine.
 */
#ifndef ENROLL_RUN_H
#define ENROLL_RUN_H

#include "enroll/enroll.h"

struct enroll_run {
	const struct enroll_ports *ports;
	const struct config *cfg;
	const struct enroll_options *opt;
	const struct enroll_ui *ui;
	struct enroll_result *result;

	struct store *store; /* the caller's */
	struct signer *signer;
	struct ca_info ca;
	struct blob subject;      /* X509_NAME DER for the request */
	bool unlocking, unlocked; /* the CA key: asked to, done; while it is asked to the signer takes no other call */
	unsigned pass_attempts;

	struct worker *worker;     /* has the token's module loaded */
	struct worker *prover;     /* started, but has not seen the token yet */
	struct worker_token token; /* the one that was chosen */
	char module[512];
	struct store_token token_id; /* the same, as the journal names it */
	bool opened;                 /* logged in, ready to write */
	struct secret *pin;          /* until the proof had it; NULL before it was asked */
	struct secret *so_pin;       /* of a blank token, until it is initialized */

	struct store_credential cred;
	enum cred_state from; /* steps up to here need not be done again */
	bool fresh;           /* cred was planned in this run, so nothing of it can be on the token yet */
};

struct worker_settings enroll_worker_settings(struct enroll_run *r);

/* choose.c: finds the token and leaves its module's worker in r. */
int enroll_choose_token(struct enroll_run *r, struct err *e);
/* Makes this the token of the run. */
void enroll_take_token(struct enroll_run *r, const struct worker_token *t);

/* blank.c: a token that was never initialized. Its PINs are asked or made, and shown, before they are set, and it is
 * initialized only after everything else was checked: that cannot be taken back. */
bool enroll_is_blank(const struct enroll_run *r);
int enroll_ask_new_pins(struct enroll_run *r, struct err *e);
int enroll_initialize(struct enroll_run *r, struct err *e);

/* plan.c: looks into journal and CA, refuses what would harm, and leaves in r->cred what is to be done next.
 * *ret_finished is true when all is done already. */
int enroll_plan(struct enroll_run *r, bool *ret_finished, struct err *e);

/* plan.c: chooses the CKA_ID of a new credential on the open token (its private objects count, too) and puts the
 * plan into the journal. */
int enroll_plan_commit(struct enroll_run *r, struct err *e);

/* access.c: PIN and passphrase, asked when they are first needed. */
int enroll_ask_pin(struct enroll_run *r, struct err *e);
int enroll_open_token(struct enroll_run *r, struct err *e);
int enroll_unlock_begin(struct enroll_run *r, struct err *e);
int enroll_unlock_end(struct enroll_run *r, struct err *e);

/* prove.c: starts the proof's process, which loads no module before the proof begins. */
int enroll_prove_prepare(struct enroll_run *r, struct err *e);
/* The proof in fresh processes; fills pkcs11_id, client_module and key_attributes of r->cred. */
int enroll_prove(struct enroll_run *r, struct err *e);
/* What can be checked without a PIN: that the certificate is on the token. */
int enroll_check_present(struct enroll_run *r, struct err *e);

/* deliver.c: profiles, bundle, mail. */
int enroll_deliver(struct enroll_run *r, struct err *e);
/* Whether what it made is still there; names it in the result then. */
bool enroll_is_delivered(struct enroll_run *r);

/* steps.c: the steps from planned to written. */
int enroll_step_key(struct enroll_run *r, struct err *e);
int enroll_step_request(struct enroll_run *r, struct err *e);
int enroll_step_issue(struct enroll_run *r, struct err *e);
int enroll_step_write(struct enroll_run *r, struct err *e);
/* Deletes key pairs and certificates of ours on this token that newer ones have replaced; nothing without a PIN. */
int enroll_remove_leftovers(struct enroll_run *r, struct err *e);

#endif
