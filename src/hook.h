/*
 * hook: [ca] after-crl, the company's own command that tells the VPN server of
 * a fresh CRL. Run by the parent after each publication.
 */
#ifndef HOOK_H
#define HOOK_H

#include "core/config.h"
#include "screen.h"

/*
 * Runs it, if there is one: without a shell, with PATH and TOKENROLL_CRL (the file that was published) as its whole
 * environment, at most half a minute. ERR_HOOK if it fails; what it wrote is shown then. done is what was done before
 * it: "certificate 12AB is revoked".
 */
int hook_after_crl(const struct config *cfg, struct screen *screen, const char *done, struct err *e);

#endif
