/*
 * run: one enrollment under way; shared by the files of the state machine.
 */
#ifndef ENROLL_RUN_H
#define ENROLL_RUN_H

#include "enroll/discover.h"
#include "enroll/due.h"
#include "enroll/enroll.h"
#include "enroll/guard.h"
#include "store/recovery.h"

struct enroll_run {
	const struct enroll_ports *ports;
	const struct config *cfg;
	const struct enroll_options *opt;
	const struct enroll_ui *ui;
	struct enroll_result *result;

	struct store *store;
	struct signer *signer;
	struct courier *courier; /* NULL with csr_only */
	struct ca_info ca;
	struct blob subject;      /* X509_NAME DER for the request */
	bool unlocking, unlocked; /* the CA key: asked to, done; while it is asked to the signer takes no other call */
	unsigned pass_attempts;

	struct guard guard;            /* keeps the CA's HSM apart */
	struct discovery *discovery;   /* holds the profiles, too */
	struct worker *worker;         /* has the token's module loaded */
	struct worker *prover;         /* started, but has not seen the token yet */
	struct worker *leaving;        /* has proven, and is ending: waited for before another is shown the token */
	struct worker_token token;     /* the one that was chosen */
	const struct profile *profile; /* of its kind; never NULL once it was chosen */
	char module[512];
	struct store_token token_id;                  /* the same, as the journal names it */
	bool only_blank;                              /* it was the only blank one when it was chosen */
	bool unwritten;                               /* the proof has not found the certificate on the token */
	bool opened;                                  /* logged in, ready to write */
	struct p11_pin_state pins[PROFILE_PIN_COUNT]; /* what the token told of its secrets, before any was sent */
	struct recipients *recovery;                  /* loaded when something is to be put into escrow */
	int64_t so_pin_pending; /* its number in escrow, if nothing says yet that the token has it */
	struct secret *new_pin; /* for a token that has the factory's */
	struct secret *pin;     /* until the proof had it; NULL before it was asked */
	bool last_try_agreed;   /* to spend it at a PIN pad: a PIN that was typed is asked for only once */
	struct secret *so_pin;  /* of a token without a user PIN, until that is set; of one that wants its SO */

	bool factory[PROFILE_PIN_COUNT]; /* it has, or is taken to have, a value that it was delivered with */
	bool unasked[PROFILE_PIN_COUNT]; /* that value is sent though nobody gave it */
	bool so_pin_current;             /* it is blank, and C_InitToken wants the SO PIN that it has nevertheless */
	bool seals_so_pin;               /* it is made here, for escrow */
	struct store_token sealed_for;   /* as whom that of so_pin_pending is in escrow */
	bool replaces;      /* factory[PROFILE_PIN] is said because opt->replace_pin is, not of the factory */
	bool new_pin_tried; /* pin is what an earlier run was about to give the token */

	struct store_credential cred;
	enum cred_state from; /* steps up to here need not be done again */
	bool known;           /* the journal had this user's credential on this token before */
	bool shared;          /* another private key on the token has the CKA_ID of cred's */
	bool fresh;           /* cred was planned in this run, so nothing of it can be on the token yet */
};

struct worker_settings enroll_worker_settings(struct enroll_run *r);

/* enroll.c: tells the person in charge how a step has ended; detail is for a good end. One that was interrupted has not
 * failed: the same command goes on with it. */
void enroll_step_end(struct enroll_run *r, int ret, const char *detail, const struct err *e);

/* choose.c: one more worker for the chosen token; it knows its profile and talks to no other token, and with
 * reads_only changes nothing on this one. */
int enroll_start_worker(struct enroll_run *r, bool reads_only, struct worker **ret, struct err *e);
/* choose.c: the same for another module than the one that enrolls. */
int enroll_start_worker_for(struct enroll_run *r, const char *module, bool reads_only, struct worker **ret,
			    struct err *e);

/* choose.c: has the modules look for tokens, while the caller goes on. */
int enroll_discover_begin(struct enroll_run *r, struct err *e);
/* choose.c: takes the token that is meant and leaves its module's worker in r. */
int enroll_choose_token(struct enroll_run *r, struct err *e);
/* Whether --serial, --reader and --token-label allow this token. */
bool enroll_allows(const struct enroll_options *opt, const struct worker_token *t);
/* Makes this the token of the run. */
void enroll_take_token(struct enroll_run *r, const struct worker_token *t);

/*
 * setup.c: a token that nobody can log in to yet: it is blank, or was initialized by a run that broke off before the
 * user PIN was set. The PINs are asked or made first, and the token is set up only after everything else was checked:
 * that cannot be taken back. Just before, they are shown. A token is initialized once: from then on C_InitToken, too,
 * wants the SO PIN, so with that its user PIN is set, and without it nothing can be done.
 */
bool enroll_is_blank(const struct enroll_run *r);
bool enroll_needs_setup(const struct enroll_run *r);
/* The label that a blank token gets. */
void enroll_new_label(const struct enroll_run *r, char ret[WORKER_LABEL_MAX + 1]);
/* Some modules say that a token has a user PIN as soon as it is initialized, one that nobody knows. The journal knows
 * whether we have set one since: marks a token for which we have not. */
void enroll_apply_journal(struct enroll_run *r, const struct profile *p, struct worker_token *t);
/* Whether this user's last run initialized it but broke off before the journal had its serial number. */
bool enroll_is_left_behind(struct enroll_run *r, const struct profile *p, const struct worker_token *t);
int enroll_ask_new_pins(struct enroll_run *r, struct err *e);
/* sopin.c: the SO PIN for it into r->so_pin, which stays empty where somebody is to be asked for it. */
int enroll_setup_so_pin(struct enroll_run *r, struct err *e);
/* sopin.c: before the token gets it, and once it is known to have it. */
int enroll_seal_so_pin(struct enroll_run *r, struct err *e);
int enroll_so_pin_taken(struct enroll_run *r, struct err *e);
/* Also commits the plan of a new credential, before the PIN is set. */
int enroll_set_up(struct enroll_run *r, struct err *e);

/* plan.c: looks into journal and CA, refuses what would harm, and leaves in r->cred what is to be done next.
 * *ret_finished is true when all is done already. */
int enroll_plan(struct enroll_run *r, bool *ret_finished, struct err *e);

/* plan.c: ends a credential. */
int enroll_end(struct enroll_run *r, struct store_credential *c, enum cred_state how, struct err *e);
/* plan_others.c: somebody else's credential on this token, one of this user's on another, and a valid certificate of
 * this name for another key than the one with this SPKI (empty: none) are refused, or ended where that harms nobody. */
int enroll_check_owner(struct enroll_run *r, struct err *e);
int enroll_check_elsewhere(struct enroll_run *r, struct err *e);
int enroll_check_name(struct enroll_run *r, const struct blob *spki, struct err *e);
/* Where the CA is elsewhere: says that the certificate of one that was given up is to be revoked there. */
void enroll_note_revocation(struct enroll_run *r, const struct store_credential *old);

/* plan.c: chooses the CKA_ID of a new credential on the open token (its private objects count, too) and puts the
 * plan into the journal, unless it is there. On a token that was just initialized any CKA_ID is free. */
int enroll_plan_commit(struct enroll_run *r, struct err *e);

/* plan.c, for `renew` and `rekey`: what has to be so for a new key, and its plan. */
int enroll_plan_new(struct enroll_run *r, struct err *e);
/* A random serial number for the CA. */
int enroll_propose_serial(struct store_credential *c, struct err *e);
/* Whether the key that the journal knows is still on the token, which is opened, and OpenVPN would find it: where
 * another one has its CKA_ID (r->shared) it is as good as gone. */
int enroll_key_is_there(struct enroll_run *r, bool *ret, struct err *e);
/* prove.c: ERR_KEY_EXISTS for that; and what to do. */
int enroll_refuse_shared(const struct enroll_run *r, struct err *e);
/* plan.c: ERR_KEY_GONE, or ERR_KEY_EXISTS as above, for a key that is not there. */
int enroll_refuse_gone(const struct enroll_run *r, struct err *e);
/* Where the steps of r->cred go on, into r->from. *ret_there: whether its key is there, if that matters. */
int enroll_resume_from(struct enroll_run *r, bool *ret_finished, bool *ret_there, struct err *e);
/* Whether a plan is so old that what is in the key's place now need not be its own. */
bool enroll_is_stale(const struct enroll_run *r);

/* succession.c: whether it takes over from another credential, and whether it has not got to the end of that. */
bool enroll_succeeds(const struct store_credential *c);
bool enroll_is_pending(const struct store_credential *c);
/* The one that r->cred takes over from, as the journal has it now, into the result. */
void enroll_read_old(struct enroll_run *r);
/* Makes r->cred, which is the one to be renewed, the new one, for the same key. */
int enroll_new_renewal(struct enroll_run *r, struct err *e);
int enroll_complete_plan(struct enroll_run *r, struct err *e);
/* After the proof, while the PIN is known: opens the token if something on it is to be deleted by the next one. */
int enroll_prepare_take_over(struct enroll_run *r, struct err *e);
/* After the bundle: the older certificate or key goes from the token, and the older credential is superseded. */
int enroll_take_over(struct enroll_run *r, struct err *e);
/* Whether the CA key is needed to revoke something in the end; and to do that. */
bool enroll_will_revoke(struct enroll_run *r);
int enroll_revoke_due(struct enroll_run *r, struct err *e);

/* succession_plan.c: enroll_plan for `renew` and `rekey`. */
int enroll_plan_succession(struct enroll_run *r, bool *ret_finished, struct err *e);
/* Where r->cred is a renewal or rekeying that was cut off: goes on with it (*ret_going), or ends it if that cannot be,
 * or if --replace gives it up; r->cred is then what there was before it. */
int enroll_settle_pending(struct enroll_run *r, bool *ret_going, bool *ret_finished, struct err *e);
/* Whether another certificate may take over from r->cred's, before anything is made for it. */
int enroll_check_successor(struct enroll_run *r, struct err *e);

/* succession_refuse.c: ERR_REVOKED; ERR_NO_TOKEN for who is not enrolled, ERR_REVOKED for who was revoked;
 * ERR_TOKEN_TAKEN or ERR_NO_TOKEN for a token that is not this user's. */
int enroll_refuse_revoked(const struct enroll_run *r, const struct store_credential *c, struct err *e);
int enroll_check_person(struct enroll_run *r, struct err *e);
int enroll_refuse_token(struct enroll_run *r, struct err *e);

/* ahead.c: `renew --no-token`, all of it. */
int enroll_issue_ahead(struct enroll_run *r, struct err *e);

/* rebundle.c: r->cred's token as the inventory has it: it need not be plugged in. */
void enroll_remember_token(struct enroll_run *r);

/* renewal.c: whether a credential's key still counts: its certificate has not run out, and the CA, where its index is
 * at hand, has not revoked it, or it has another valid one for this key. One that the index does not know was signed
 * elsewhere. */
int enroll_is_valid(struct enroll_run *r, const struct store_credential *c, bool *ret, struct err *e);
/* renewal.c: the valid certificate that the CA has for the user of c; not one of those that are known to be valid
 * beside that of c, once it has one. */
int enroll_find_issued(struct enroll_run *r, const struct store_credential *c, bool *ret_found,
		       struct ca_certificate *ret, struct err *e);
/* renewal.c: whether the CA has revoked its certificate; says so in a note then. */
int enroll_is_revoked(struct enroll_run *r, const struct store_credential *c, bool *ret, struct err *e);
/* renewal.c: whether a certificate for r->cred's key may take the place of the one that it has: that does not count any
 * more, or was issued before, or ends before. */
int enroll_renews(struct enroll_run *r, const struct ca_certificate *cert, bool *ret, struct err *e);
/* renewal.c: takes the certificate that has come after r->cred's into the journal, which goes back to issued: that of
 * --cert, else what the CA's index has for the key. Nothing if there is none. ERR_CERT_MISMATCH. */
int enroll_take_renewal(struct enroll_run *r, struct err *e);
/* renewal.c: says that the CA is to revoke this one. */
void enroll_note_replaced(struct enroll_run *r, const struct store_credential *old);

/* wishes.c: says which of --key-type and --days do not fit the certificate that r->cred has. */
void enroll_note_wishes(struct enroll_run *r);
/* wishes.c: says that the request of r->cred, if it made one, is given up with its key. */
void enroll_note_void(struct enroll_run *r);

/* id.c: a CKA_ID for a new key: random, or where the token has places, the first one in which there is nothing, or
 * nothing but what is left of a credential of ours that has ended. ERR_TOKEN_FULL if there is none. */
int enroll_id_choose(struct enroll_run *r, struct blob *ret, struct err *e);
/* id.c: which keys are there before ours is made, so that one whose making is cut off is known as ours, also if the
 * token's module does not show it. */
int enroll_id_mark(struct enroll_run *r, struct blob *ret, struct err *e);
/* id.c: ERR_UNSUPPORTED if the key's id would not fit into a line of a profile. Where the laptops' module is another
 * one, it tells the token's fields in its own way: then the id is known only in the proof. */
int enroll_id_check(const struct enroll_run *r, struct err *e);

/* id.c: a key's name for OpenVPN, by the module that enrolls; -1 if it does not fit. */
int enroll_id_name(const struct enroll_run *r, const struct blob *id, char *ret, size_t size);

/* access.c: whether the token has a PIN pad on which this is entered: nobody asks for it here then, and its secret
 * stays NULL. */
bool enroll_on_pad(const struct enroll_run *r, enum profile_secret which);
/* Both of a token that is set up. */
bool enroll_sets_up_on_pad(const struct enroll_run *r);
/* PIN and passphrase, asked when they are first needed. */
int enroll_ask_pin(struct enroll_run *r, struct err *e);
/* Only for a token that wants its SO for what an enrollment does. */
bool enroll_needs_officer(const struct enroll_run *r);
int enroll_ask_so_pin(struct enroll_run *r, struct err *e);
int enroll_open_token(struct enroll_run *r, struct err *e);
/* prove.c: the worker ends, and with it all sessions; enroll_open_token starts another one. Before the proof, as some
 * modules hold the token for their process alone. */
void enroll_close_writer(struct enroll_run *r);
/* That of the token, in escrow under this name, into r->so_pin and r->so_pin_pending. */
int enroll_so_pin_from_escrow(struct enroll_run *r, const struct store_token *as, struct err *e);
/* The same, but without the SO where nobody has said how to log it in: to change PIN or PUK needs none. */
int enroll_attach_token(struct enroll_run *r, struct err *e);
/* Tells a worker which certificates the journal has of the token. */
int enroll_tell_ours(struct enroll_run *r, struct worker *w, struct err *e);
int enroll_unlock_begin(struct enroll_run *r, struct err *e);
int enroll_unlock_end(struct enroll_run *r, struct err *e);

/*
 * factory.c: PIN, SO PIN and PUK that a token was delivered with. It is found out and said before anything is sent;
 * new ones are asked or made when the certificate is on the token, so that a run that broke off before can go on with
 * the ones everybody knows. The new SO PIN and PUK are in escrow before the token has them.
 */
int enroll_look_at_pins(struct enroll_run *r, struct err *e);
bool enroll_has_factory(const struct enroll_run *r, enum profile_secret which);
/* Whether it has the only one that the profile knows, which may be sent though nobody gave it; and that value. */
bool enroll_sends_factory(const struct enroll_run *r, enum profile_secret which);
int enroll_factory_value(struct enroll_run *r, enum profile_secret which, struct secret *ret, struct err *e);
/* What was given as r->pin or r->so_pin: one of the factory's is taken for that, whatever the token tells, and is
 * proven by the login. */
int enroll_sort_pin(struct enroll_run *r, struct err *e);
void enroll_sort_so_pin(struct enroll_run *r);
/* After a login or change with one of them failed: so that nothing is sent a second time that nobody gave. Returns -1.
 */
int enroll_secret_failed(struct enroll_run *r, enum profile_secret which, struct err *e);
/* The recovery certificates, once. */
int enroll_load_recovery(struct enroll_run *r, struct err *e);
/* Says what a token that is finished has of the factory's. */
void enroll_note_kept(struct enroll_run *r);
/* Asks what has to be asked for it. ERR_RECOVERY_MISSING where nobody could find a random one again. */
int enroll_ask_replacements(struct enroll_run *r, struct err *e);
int enroll_replace_factory(struct enroll_run *r, struct err *e);

/* prove.c: starts the proof's process, which loads its module's library but does not initialize it before the proof
 * begins. */
int enroll_prove_prepare(struct enroll_run *r, struct err *e);
/* The proof in fresh processes; fills pkcs11_id, client_module and key_attributes of r->cred. */
int enroll_prove(struct enroll_run *r, struct err *e);
/* Whether the proof has shown that its key wants the PIN for each signature. */
bool enroll_wants_pin_each_time(const struct store_credential *c);
/* The name of the credential's key by another module, into pkcs11_id; needs the token, but no PIN. */
int enroll_name_with(struct enroll_run *r, const char *module, struct err *e);
/* What can be checked without a PIN: that the certificate is on the token. */
int enroll_check_present(struct enroll_run *r, struct err *e);

/* client.c: The module that the laptops have, as configured or by the profile; NULL: the one that enrolls. */
const char *enroll_client_module(const struct enroll_run *r, enum config_platform p);
/* Whether the key's id is to be computed with another module than the one that enrolls. */
bool enroll_client_differs(const struct enroll_run *r);
/* Its file on this machine, from malloc; NULL if it is not here. */
char *enroll_client_here(const struct enroll_run *r);
/* ERR_MODULE if the id can only be computed with the laptops' module, and that is not on this machine. */
int enroll_client_check(const struct enroll_run *r, struct err *e);

/* deliver.c: notBefore of a certificate (DER); 0 if it cannot be read. */
time_t enroll_issued_at(const struct blob *cert);
/* deliver.c: profiles, bundle, mail. */
int enroll_deliver(struct enroll_run *r, struct err *e);
/* Has the bundle made, out of sight, while the token works, with what the proof is expected to say. */
void enroll_draft(const struct enroll_run *r);
/* Whether what it made is still there, whole; names it in the result then, and notes what is not. */
bool enroll_is_delivered(struct enroll_run *r);
/* Says so where the profile that was made names another module than the laptops are said to have now. */
void enroll_note_module(struct enroll_run *r);

/* steps.c: the steps from planned to written. */
int enroll_step_key(struct enroll_run *r, struct err *e);
int enroll_step_request(struct enroll_run *r, struct err *e);
int enroll_step_issue(struct enroll_run *r, struct err *e);
int enroll_step_write(struct enroll_run *r, struct err *e);
/* Makes this the credential's certificate. */
void enroll_take_certificate(struct store_credential *c, const struct ca_certificate *cert);
/* The certificate of --cert, checked by the CA's process: ERR_CERT_MISMATCH; ERR_USAGE if it cannot be read. */
int enroll_read_certificate(struct enroll_run *r, struct ca_certificate *ret, struct err *e);
/* Deletes key pairs and certificates of ours on this token that newer ones have replaced; nothing without a PIN. */
int enroll_remove_leftovers(struct enroll_run *r, struct err *e);

#endif
