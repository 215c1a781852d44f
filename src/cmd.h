/*
 * cmd: the verbs, one file each, named cmd_VERB.c.
 */
#ifndef CMD_H
#define CMD_H

#include "core/config.h"
#include "options.h"
#include "store/store.h"

/* The file by -c, TOKENROLL_CONFIG or the default path. */
const char *cmd_config_path(const struct options *o);

/* The configuration by -c, TOKENROLL_CONFIG or the default path. */
int cmd_config(struct config **ret, const struct options *o, struct err *e);

/* What enroll, renew and rekey have in common: way says which of them it is. */
int cmd_make(const struct options *o, enum cred_way way, struct err *e);

int cmd_enroll(const struct options *o, struct err *e);
int cmd_renew(const struct options *o, struct err *e);
int cmd_rekey(const struct options *o, struct err *e);
int cmd_tokens(const struct options *o, struct err *e);
int cmd_init(const struct options *o, struct err *e);
int cmd_pin(const struct options *o, struct err *e);
int cmd_unblock(const struct options *o, struct err *e);
int cmd_wipe(const struct options *o, struct err *e);
int cmd_escrow(const struct options *o, struct err *e);
int cmd_audit(const struct options *o, struct err *e);
int cmd_bundle(const struct options *o, struct err *e);
int cmd_list(const struct options *o, struct err *e);
int cmd_show(const struct options *o, struct err *e);
int cmd_status(const struct options *o, struct err *e);
int cmd_adopt(const struct options *o, struct err *e);
int cmd_revoke(const struct options *o, struct err *e);
int cmd_lost(const struct options *o, struct err *e);
int cmd_found(const struct options *o, struct err *e);
int cmd_crl(const struct options *o, struct err *e);
int cmd_roster(const struct options *o, struct err *e);
int cmd_letter(const struct options *o, struct err *e);
int cmd_report(const struct options *o, struct err *e);
int cmd_doctor(const struct options *o, struct err *e);
int cmd_setup(const struct options *o, struct err *e);
int cmd_station(const struct options *o, struct err *e);

#endif
