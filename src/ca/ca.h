/*
 * ca: the company CA on an easy-rsa 3 directory, as the signer process serves
 * it (signer_main.c). Here is the work itself, without sockets, in the words
 * of signer.h; tests call it directly.
 *
 * What keeps the directory whole:
 * - Changes are made under PKI/lock.file (lock.h), held only while they last.
 * - Before the first of several steps, PKI/index.txt.tokenroll says what they
 *   will be (record.h); whoever opens the directory next finishes them.
 * - Files are written by temp, fsync and rename; rows of index.txt as its
 *   header says.
 */
#ifndef CA_CA_H
#define CA_CA_H

#include "ca/signer.h"

struct ca;

/* See signer_start. note may be NULL. */
int ca_open(struct ca **ret, const struct config_ca *cfg, rpc_note_fn *note, void *note_arg, struct ca_info *ret_info,
	    struct err *e);
void ca_close(struct ca **ca);

/* Reads what others have changed since it was opened or refreshed. */
int ca_refresh(struct ca *ca, struct err *e);

/* Whether ca_unlock has succeeded; and, for one that it was, what else ca_unlock looks at: whether the PKI can be
 * written and what the name of the last ca_subject would lead to. */
bool ca_is_unlocked(const struct ca *ca);
int ca_check_ready(struct ca *ca, struct err *e);

/* derive.c; see signer_derive. */
int ca_derive(const struct ca *ca, const char *purpose, struct secret *ret, struct err *e);

/* Each is the signer_ function of that name. */
int ca_unlock(struct ca *ca, const struct secret *passphrase, struct err *e);
int ca_subject(struct ca *ca, const char *user, struct blob *ret_name, struct err *e);
int ca_find(struct ca *ca, const char *user, bool *ret_found, struct ca_certificate *ret, struct err *e);
int ca_find_other(struct ca *ca, const char *user, const char *except, bool *ret_found, struct ca_certificate *ret,
		  struct err *e);
int ca_renewable(struct ca *ca, const char *user, const char *beside, struct err *e);
int ca_replaceable(struct ca *ca, const char *user, struct err *e);
int ca_issue(struct ca *ca, const struct ca_request *req, struct ca_issued *ret, struct err *e);
int ca_check(struct ca *ca, const char *user, const struct blob *spki, const struct blob *cert,
	     struct ca_certificate *ret, struct err *e);
int ca_attest(struct ca *ca, const char *user, const struct blob *spki, const struct ca_proof *proof,
	      char ret_attested[CA_ATTESTED_MAX], struct err *e);
int ca_revoked(struct ca *ca, const char *serial, bool *ret, struct err *e);
int ca_revoke(struct ca *ca, const char *user, const char *serial, const char *reason, bool *ret_already,
	      struct err *e);
int ca_publish(struct ca *ca, const char *user, struct err *e);
int ca_known(struct ca *ca, const char *name, const char *serial, struct ca_known **ret, size_t *ret_n, struct err *e);
int ca_revoke_serial(struct ca *ca, const char *serial, const char *reason, bool any_kind, bool *ret_already,
		     struct ca_known *ret, struct err *e);
int ca_crl(struct ca *ca, struct ca_crl *ret, struct err *e);
int ca_publish_fresh(struct ca *ca, struct err *e);
unsigned ca_published(const struct ca *ca);
int ca_crl_state(const struct config_ca *cfg, struct ca_crl_state *ret, struct err *e);
int ca_settle(struct ca *ca, const char *serial, struct err *e);

#endif
