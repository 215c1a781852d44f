/*
 * escrow_text: the plain text of what is in escrow, made and read in locked pages only. The text is in escrow.h.
 */
#ifndef STORE_ESCROW_TEXT_H
#define STORE_ESCROW_TEXT_H

#include "core/err.h"
#include "core/secret.h"
#include "store/store.h"

/* ERR_ESCROW. */
int escrow_text_make(struct secret *ret, const struct store_token *t, enum escrow_kind kind, const struct secret *value,
		     struct err *e);

/* Takes the secret out of a text that must be for this token and kind: ERR_ESCROW says for which it is, else. */
int escrow_text_read(struct secret *ret, const struct secret *text, const struct store_token *t, enum escrow_kind kind,
		     struct err *e);

#endif
