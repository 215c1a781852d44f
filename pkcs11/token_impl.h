/*
 * token_impl: what token.c and login.c share of an opened token.
 */
#ifndef PKCS11_TOKEN_IMPL_H
#define PKCS11_TOKEN_IMPL_H

#include "pkcs11/profile.h"
#include "pkcs11/token.h"

struct p11_token {
	struct p11_module *module;
	const struct profile *profile; /* borrowed */
	CK_SESSION_HANDLE session;
	bool writable;
	struct p11_token_info info;
	char name[17];                        /* the serial number by which people know it */
	enum profile_who logged_in;           /* PROFILE_NOBODY at first */
	struct secret *known[PROFILE_NOBODY]; /* by enum profile_who: what has logged in before; NULL with a PIN pad */
	bool had[PROFILE_NOBODY];             /* has logged in before */
};

/* Slot and token as they are now. */
int p11_token_read_info(const struct p11_module *m, CK_SLOT_ID slot, struct p11_token_info *ret, struct err *e);

#endif
