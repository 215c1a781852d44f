/*
 * courier: the parent's handle on the process that renders, packs and mails.
 * A process of its own because it needs libraries that neither a token nor
 * the CA should share memory with, archives and a network client, and so that
 * they are loaded while the token works. The contracts are those of
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
void courier_stop(struct courier **c);

/* The outcome of handover_check. To be called once, before all others. */
int courier_check(struct courier *c, struct err *e);

/* owned_check for this user: whether a bundle would replace nothing but the handover's own. */
int courier_room(struct courier *c, struct err *e);

/* handover_make. The names of the rendered files are not filled in. */
int courier_make(struct courier *c, const struct handover_facts *f, struct handover_result *ret, struct err *e);

/* handover_mail of what was made last. */
int courier_mail(struct courier *c, struct err *e);

/* The role's entry point. Returns the exit status. */
int courier_main(void);

#endif
