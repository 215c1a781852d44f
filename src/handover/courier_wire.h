/*
 * courier_wire: the calls between courier.c (parent) and courier_main.c
 * (child), and between mailer.c and mailer_main.c, and how the facts of a
 * handover travel.
 */
#ifndef HANDOVER_COURIER_WIRE_H
#define HANDOVER_COURIER_WIRE_H

#include "core/rpc.h"
#include "handover/handover.h"

enum courier_op { COURIER_CHECK = RPC_TYPE_FIRST_CALL, COURIER_ROOM, COURIER_DRAFT, COURIER_MAKE, COURIER_MAIL };
enum mailer_op { MAILER_SEND = RPC_TYPE_FIRST_CALL };

void courier_put_facts(struct rpc_msg *m, const struct handover_facts *f);

/* The texts of *ret are on the heap, to be freed by courier_free_facts; also when the message turns out bad. */
void courier_get_facts(struct rpc_msg *m, struct handover_facts *ret);
void courier_free_facts(struct handover_facts *f);

/* For facts that have travelled: whether they are the same. */
bool courier_same_facts(const struct handover_facts *a, const struct handover_facts *b);

/* The names for templates that are not in the configuration's text. */
void courier_put_names(struct rpc_msg *m, const struct config *cfg);
int courier_get_names(struct rpc_msg *m, struct config *cfg, struct err *e);

#endif
