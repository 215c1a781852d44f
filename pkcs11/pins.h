/*
 * pins: PIN, SO PIN and PUK of a token: what it tells of them, and giving them
 * new values, in the way its profile says. Each secret is sent once. Worker
 * process only.
 */
#ifndef PKCS11_PINS_H
#define PKCS11_PINS_H

#include "pkcs11/module.h"
#include "pkcs11/profile.h"
#include "pkcs11/token.h"

/* Whether a secret has the value that the token was delivered with. The card knows; a flag of CK_TOKEN_INFO says only
 * that it is to be changed, which may have other reasons (PKCS#11 v2.40, 3.2): MAYBE. */
enum p11_factory { P11_FACTORY_UNKNOWN, P11_FACTORY_NO, P11_FACTORY_YES, P11_FACTORY_MAYBE };

struct p11_pin_state {
	bool exists;             /* the token has this secret */
	bool unset;              /* it has got no value yet, whatever the module says: the card answered 6984 */
	bool low, final, locked; /* by its flags, or by the number of tries */
	int tries;               /* left; -1 where the token does not tell */
	enum p11_factory factory;
};

/*
 * What the token in this slot tells of its three secrets (enum profile_secret), by the flags of CK_TOKEN_INFO and,
 * where the profile has commands for it and a card is in reader ("" if it is none), by those; in brief without the
 * tries of any but the PIN. Spends no try. Nobody may be logged in. known is what was just read of the token, or NULL.
 */
int p11_pins_read(const struct p11_module *m, const struct profile *p, CK_SLOT_ID slot,
		  const struct p11_token_info *known, const char *reader, bool brief,
		  struct p11_pin_state ret[PROFILE_PIN_COUNT], struct err *e);

/* Whether the card in a reader has no PIN yet, which modules do not tell of all cards; false where the profile has no
 * command to ask. Nobody may be logged in. */
int p11_pins_blank(const struct profile *p, const char *reader, bool *ret, struct err *e);

/* Adds to an ERR_PIN_WRONG what it has cost: few modules tell, but the card does. Nobody may be logged in. name is what
 * the error calls the token, NULL: the serial number that its module tells. */
void p11_pins_tell_tries(const struct p11_module *m, const struct profile *p, CK_SLOT_ID slot, const char *reader,
			 const char *name, enum profile_secret which, struct err *e);

/*
 * Gives a secret a new value, through the session of open or, if that is NULL, one of its own on the token in slot. The
 * value is checked against the profile's rules first (ERR_PIN_RULES, nothing sent). v has the secrets that the
 * operation needs (profile_call.needs); none, where the reader has a PIN pad that takes them (profile_pad_takes). The
 * counter is looked at before: ERR_PIN_LOCKED, ERR_PIN_LAST_TRY unless last_try allows it. ERR_PIN_WRONG says which one
 * was wrong and how many tries it has left; ERR_UNSUPPORTED where the profile knows no way but a tool's, whose name is
 * in the advice.
 */
int p11_pins_change(struct p11_module *m, const struct profile *p, struct p11_token *open, CK_SLOT_ID slot,
		    const char *reader, enum profile_operation what, const struct profile_secrets *v, bool last_try,
		    struct err *e);

#endif
