/*
 * aftercrl: [ca] after-crl, the company's command that tells the VPN server of
 * a fresh CRL: how it is run. When, and that it is owed, is hook.h's and the
 * station's.
 */
#ifndef CORE_AFTERCRL_H
#define CORE_AFTERCRL_H

#include "core/config.h"
#include "core/process.h"

/*
 * Without a shell, with PATH and TOKENROLL_CRL (the file that was published) as its whole environment, at most half a
 * minute. *ret is NULL if none is configured. done is what was done before it, for the error: ERR_HOOK, or
 * ERR_INTERRUPTED.
 */
int aftercrl_begin(struct process_job **ret, const struct config *cfg, const char *done, struct err *e);
int aftercrl_end(struct process_job **job, const char *done, struct blob *ret_output, struct err *e);

#endif
