/*
 * pin_trail: what the audit trail says of the PIN that a token has. Called by
 * the parent.
 */
#ifndef STORE_PIN_TRAIL_H
#define STORE_PIN_TRAIL_H

#include "core/err.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Recorded before a token gets as its new PIN the one that all are given, and when it has refused that one. */
#define STORE_PIN_GIVEN "pin-given"
#define STORE_PIN_REFUSED "pin-refused"

/* Whether the last PIN that this token has got was made for or by a person, and is not the one that all are given
 * (STORE_PIN_GIVEN, STORE_PIN_RESTORED); and whose it was, "" if that is not known. An unblock, or a wipe that has not
 * only deleted objects, ends that. */
int store_pin_own(struct store *s, const char *token_serial, bool *ret, char ret_user[65], struct err *e);

/* Whether the last PIN that this token has got, or was about to get, is the one from before an enrollment that was
 * taken back; and whether nothing says that it has it. */
int store_pin_restored(struct store *s, const char *token_serial, bool *ret, struct err *e);
int store_pin_restoring(struct store *s, const char *token_serial, bool *ret, struct err *e);

/* Whether this token has refused the PIN that is given, and has neither got another one nor let anybody in since. */
int store_pin_refused(struct store *s, const char *token_serial, bool *ret, struct err *e);

/* Whether the last that the trail tells of this token is that it has not got its new PIN: then it was that one that it
 * has refused. */
int store_pin_unreplaced(struct store *s, const char *token_serial, bool *ret, struct err *e);

/* Whether this token has got another PIN with a command for tokens (pin, unblock, wipe) since this letter was kept. */
int store_pin_overtaken(struct store *s, const char *token_serial, int64_t letter, bool *ret, struct err *e);

#endif
