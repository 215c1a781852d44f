/*
 * apdu: commands of a token's profile, sent to its card over PC/SC, for what
 * PKCS#11 has no call for. Selecting an application ends the logins of all
 * sessions: use it while none is logged in. Worker process only.
 */
#ifndef PKCS11_APDU_H
#define PKCS11_APDU_H

#include "core/err.h"
#include "pkcs11/profile.h"

#define APDU_DATA_MAX 4096

struct apdu_answer {
	unsigned char data[APDU_DATA_MAX];
	size_t len;
	unsigned sw; /* status word, 0x9000 is success (ISO/IEC 7816-4, 5.1.3) */
};

/*
 * Sends the commands one after the other, in one transaction, with the secrets in their places. Ends with the first one
 * that is not answered 9000 (or 61xx, whose data is fetched to its end); *ret is the last answer. -1 only where an
 * answer could not be had: ERR_REMOVED, ERR_TOKEN_FAILED; ERR_PIN_RULES for a secret that does not fit its place.
 */
int apdu_run(const char *reader, const struct profile_apdus *commands, const struct profile_secrets *secrets,
	     struct apdu_answer *ret, struct err *e);

/* The x of 63Cx, 0 for 6983 (ISO/IEC 7816-4, 7.5.6): tries left; -1 for any other status word. */
int apdu_tries(unsigned sw);

#endif
