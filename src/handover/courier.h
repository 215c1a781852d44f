/*
 * courier: the parent's handle on the process that renders and packs, and has
 * another one mail. A process of its own because it needs libraries that
 * neither a token nor the CA should share memory with, and so that it works
 * while the token does. The contracts are those of
 * handover.h; all functions are called in the parent and also fail with
 * ERR_FAILED when the process is gone.
 */
#ifndef HANDOVER_COURIER_H
#define HANDOVER_COURIER_H

#include "core/config.h"
#include "core/err.h"
#include "handover/handover.h"

#include <stdbool.h>

struct courier;

/* Starts it with this configuration; it begins with handover_check for this user at once. */
int courier_start(struct courier **ret, const struct config *cfg, const char *user, bool verbose, struct err *e);
/* Nothing more will be asked: it ends while the caller goes on. Accepts NULL. */
void courier_dismiss(struct courier *c);
void courier_stop(struct courier **c);

/* The outcome of handover_check. To be called once, before all others; courier_room may follow also where it is only
 * [mail] that is wrong. */
int courier_check(struct courier *c, struct err *e);

/* owned_check for this user: whether a bundle would replace nothing but the handover's own. */
int courier_room(struct courier *c, struct err *e);

/* Has the bundle made, hidden beside its place, while the caller goes on. It helps courier_make if that is called with
 * the same facts, and does no harm otherwise; if it fails, courier_make says why. No other call but that may follow. */
void courier_draft(struct courier *c, const struct handover_facts *f);

/* handover_make. The names of the rendered files are not filled in. */
int courier_make(struct courier *c, const struct handover_facts *f, struct handover_result *ret, struct err *e);

/* handover_mail of what was made last. */
int courier_mail(struct courier *c, struct err *e);

/* The role's entry point. Returns the exit status. */
int courier_main(void);

#endif
