/*
 * token: the tokens a module shows, and one opened token with its session;
 * login.h is about who is logged in. Worker process only.
 */
#ifndef PKCS11_TOKEN_H
#define PKCS11_TOKEN_H

#include "core/err.h"
#include "core/secret.h"
#include "pkcs11/module.h"
#include "pkcs11/profile.h"
#include "pkcs11/reader.h"

#include <stdbool.h>
#include <stdint.h>

/* CK_SLOT_INFO and CK_TOKEN_INFO, with blanks stripped and each text ended (PKCS#11 v2.40, 3.2). */
struct p11_token_info {
	CK_SLOT_ID slot;
	char reader[READER_NAME_MAX]; /* its PC/SC name where it is one, else the slot's description */
	char label[33], manufacturer[33], model[17], serial[17];
	CK_FLAGS flags; /* CKF_TOKEN_INITIALIZED, CKF_WRITE_PROTECTED, CKF_USER_PIN_… */
	CK_ULONG pin_min, pin_max;
	CK_ULONG free_public; /* bytes; CK_UNAVAILABLE_INFORMATION */
	int64_t read_at;      /* clock_ms() */
	bool hardware;        /* the slot is a device's: CKF_HW_SLOT */
	bool unreadable;      /* there is one, but it does not say what it is: only slot and perhaps reader are known */
	bool unknown; /* unreadable because it is of a kind that the module does not know: CKR_TOKEN_NOT_RECOGNIZED */
};

/* All slots with a token in them. *ret comes from malloc, *ret_n may be 0. Fails with the first one's reason when
 * there are some that the module knows and none can be read. */
int p11_token_list(const struct p11_module *m, struct p11_token_info **ret, size_t *ret_n, struct err *e);

/* Whether this was read a moment ago, so that a second question would have the same answer. */
bool p11_token_is_fresh(const struct p11_token_info *t);

struct p11_token;

/* Opens a session on the token in this slot, read/write or read-only. The profile is borrowed, and never NULL. read is
 * what p11_token_list has just said of it, or NULL; what is older than a moment is not believed, but read again. name
 * is what errors call the token, NULL: the serial number that this module tells. */
int p11_token_open(struct p11_token **ret, struct p11_module *m, const struct profile *p, CK_SLOT_ID slot,
		   const struct p11_token_info *read, const char *name, bool writable, struct err *e);

/* Closes the session, which logs out, and forgets the PINs. Accepts NULL. */
void p11_token_close(struct p11_token **t);

/* The token in this slot as it is now. */
int p11_token_read(const struct p11_module *m, CK_SLOT_ID slot, struct p11_token_info *ret, struct err *e);

/* Whether both are one token, by manufacturer, model and serial number; ERR_REMOVED otherwise. */
int p11_token_same(const struct p11_token_info *want, const struct p11_token_info *is, struct err *e);

/*
 * Takes the flags that say a token is initialized away from one whose card says that it has no PIN yet, which some
 * modules do not look at; by the profile's command, with a card in a reader. Nobody may be logged in. p may be NULL.
 * Fails where the card could not be asked: then nothing is known.
 */
int p11_token_correct(struct p11_token_info *t, const struct profile *p, struct err *e);

/*
 * C_InitToken: gives the token in want's slot its label (UTF-8, cut at 32 bytes) and SO PIN. Only one that was never
 * initialized is taken (for any other the standard wants its own SO PIN here; PKCS#11 v2.40, 5.5), and only if no
 * object can be seen on it, whatever its flags say: ERR_FOREIGN otherwise. ERR_REMOVED if it is not want any more.
 * *ret_info describes it as it is then, without a user PIN; some modules move it to another slot. so_pin is NULL where
 * the reader has a PIN pad: it asks.
 */
int p11_token_init(struct p11_module *m, const struct profile *p, const struct p11_token_info *want, const char *label,
		   struct secret *so_pin, struct p11_token_info *ret_info, struct err *e);

/*
 * C_InitToken on one that is in use: all that is on it is lost, whoever made it. so_pin is the one it has; where the
 * profile says so (init.leaves_factory), PIN and PUK have the factory's values then. For the caller to have asked.
 * so_pin is NULL where the reader asks.
 */
int p11_token_reset(struct p11_module *m, const struct p11_token_info *want, const char *label, struct secret *so_pin,
		    struct p11_token_info *ret_info, struct err *e);

/*
 * C_InitPIN: gives the token in want's slot its user PIN, with its SO PIN, which is tried once, and not at all if one
 * try is left, unless last_try says that somebody agreed to spend it (ERR_PIN_LAST_TRY). One that has a user PIN, or on
 * which any object can be seen, is left as it is, ERR_FOREIGN; unless it is ours: we have initialized it, and some
 * modules give it a PIN then that nobody knows. Both PINs are NULL where the reader asks.
 */
int p11_token_init_pin(struct p11_module *m, const struct profile *p, const struct p11_token_info *want, bool ours,
		       bool last_try, struct secret *so_pin, struct secret *pin, struct p11_token_info *ret_info,
		       struct err *e);

/* The KEYTYPE_BIT set that its mechanism list promises; a hint, lists lie in both directions. */
unsigned p11_token_key_types(const struct p11_token *t);

CK_FUNCTION_LIST *p11_token_functions(const struct p11_token *t);
CK_SESSION_HANDLE p11_token_session(const struct p11_token *t);
CK_SLOT_ID p11_token_slot(const struct p11_token *t);
const struct profile *p11_token_profile(const struct p11_token *t);

/* What errors call it. */
const char *p11_token_name(const struct p11_token *t);

/* As read when it was opened. */
const struct p11_token_info *p11_token_description(const struct p11_token *t);

#endif
