/*
 * cmd: the verbs, one file each, named cmd_VERB.c.
 */
#ifndef CMD_H
#define CMD_H

#include "core/config.h"
#include "options.h"

/* The configuration by -c, TOKENROLL_CONFIG or the default path. */
int cmd_config(struct config **ret, const struct options *o, struct err *e);

int cmd_enroll(const struct options *o, struct err *e);
int cmd_tokens(const struct options *o, struct err *e);
int cmd_init(const struct options *o, struct err *e);
int cmd_pin(const struct options *o, struct err *e);
int cmd_unblock(const struct options *o, struct err *e);
int cmd_wipe(const struct options *o, struct err *e);
int cmd_escrow(const struct options *o, struct err *e);
int cmd_bundle(const struct options *o, struct err *e);
int cmd_revoke(const struct options *o, struct err *e);
int cmd_lost(const struct options *o, struct err *e);
int cmd_found(const struct options *o, struct err *e);
int cmd_crl(const struct options *o, struct err *e);

#endif
