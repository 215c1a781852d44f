/*
 * hook: [ca] after-crl, the company's own command that tells the VPN server of
 * a fresh CRL. Run by the parent after each publication. That the server has
 * not been told yet is kept in a file (core/debt.h), from before anything
 * is published until the command has succeeded: whatever comes between, be it a
 * kill or a CRL that has to be copied by hand, the same verb makes up for it.
 */
#ifndef HOOK_H
#define HOOK_H

#include "core/config.h"
#include "core/debt.h"
#include "screen.h"

/* Before a verb that may publish; for hook_end, which frees it. NULL if no command is configured. */
struct debt *hook_begin(const struct config *cfg);

struct hook_end {
	struct debt *debt; /* of hook_begin */
	bool published;    /* a CRL was */
	bool later;        /* so it was, and the next verb is to tell of it */
	const char *done;  /* what was done before it: "certificate 12AB is revoked"; "" is that a CRL is published */
};

/*
 * Behind it. Runs the command if a CRL was published, or if an earlier run has left that owed, the verb has succeeded
 * and the server has the newest: without a shell, with PATH and TOKENROLL_CRL (the file that was published) as its
 * whole environment, at most half a minute. What it wrote is shown if it fails. got is what came of the verb: a failure
 * stays, and that of the command is a note then, as it is for a verb that has revoked nothing itself; else it is the
 * error, ERR_HOOK. A signal that asks to stop meanwhile ends the command: ERR_INTERRUPTED, and it stays owed.
 */
int hook_end(const struct config *cfg, struct screen *screen, struct hook_end *end, int got, struct err *e);

#endif
