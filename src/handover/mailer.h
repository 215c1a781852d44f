/*
 * mailer: the courier's handle on the process that mails the bundle. It
 * inherits what the courier has shut itself off from.
 */
#ifndef HANDOVER_MAILER_H
#define HANDOVER_MAILER_H

#include "core/config.h"
#include "core/err.h"
#include "handover/handover.h"

/* handover_mail, in a process of its own; starts none if there is nobody to mail to. Called in the courier. ERR_MAIL,
 * too, when that process fails. */
int mailer_send(const struct config *cfg, const struct handover_facts *f, const struct handover_result *r,
		struct err *e);

/* The role's entry point. Returns the exit status. */
int mailer_main(void);

#endif
