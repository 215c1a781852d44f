/*
 * lost: tokens that somebody has reported lost are not worked on.
 */
#ifndef ENROLL_LOST_H
#define ENROLL_LOST_H

#include "enroll/ports.h"

/* ERR_TOKEN_LOST if the inventory says that of this token. */
int lost_check(const struct enroll_store_port *port, struct store *s, const struct store_token *t, struct err *e);

#endif
