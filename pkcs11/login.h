/*
 * login: who is logged in to an opened token. A secret is tried once, never
 * again by itself. One that was right is kept, locked, until the token is
 * closed: some tokens want the security officer for one step and the user
 * for the next (struct profile_key). Worker process only.
 */
#ifndef PKCS11_LOGIN_H
#define PKCS11_LOGIN_H

#include "pkcs11/profile.h"
#include "pkcs11/token.h"

/*
 * C_Login as user or SO with a secret that was not tried before, exactly once; whoever is logged in is logged out
 * first. The counter flags are read from the token before: a locked one is ERR_PIN_LOCKED, a last try is
 * ERR_PIN_LAST_TRY unless last_try says that somebody agreed to spend it. s is NULL for a token that has a PIN pad: the
 * reader asks.
 */
int p11_login(struct p11_token *t, enum profile_who who, struct secret *s, bool last_try, struct err *e);

/* Makes this one the one who is logged in, by what has logged in before; nothing happens if that is so already, or for
 * PROFILE_NOBODY. ERR_PIN_NEEDED if that one has not logged in before. */
int p11_login_as(struct p11_token *t, enum profile_who who, struct err *e);

/* Makes the user the one who is logged in, or leaves the SO so where a token signs then, too. */
int p11_login_to_sign(struct p11_token *t, struct err *e);

/* Who is logged in; PROFILE_NOBODY if nobody is. */
enum profile_who p11_login_who(const struct p11_token *t);

/* Notes that the token has a new secret for one that has logged in before. */
void p11_login_changed(struct p11_token *t, enum profile_who who, const struct secret *s);

/* C_Logout, if somebody is logged in. What has logged in before stays known. */
void p11_logout(struct p11_token *t);

/* Whether a private key's operation that was begun by C_SignInit wants the PIN once more (CKA_ALWAYS_AUTHENTICATE,
 * PKCS#11 v2.40, 4.9), and the login for it. Without the user's PIN there is none. */
bool p11_login_is_wanted(const struct p11_token *t, CK_OBJECT_HANDLE key);
int p11_login_again(struct p11_token *t, struct err *e);

/* The user's PIN, for libp11; NULL with a PIN pad or before a login. */
const struct secret *p11_login_pin(const struct p11_token *t);

/* Forgets all; the token is about to be closed. */
void p11_login_forget(struct p11_token *t);

#endif
