/*
 * pinletter_wire: the calls between pinletter.c (parent) and pinletter_main.c
 * (child). Each child answers one call.
 */
#ifndef HANDOVER_PINLETTER_WIRE_H
#define HANDOVER_PINLETTER_WIRE_H

#include "core/rpc.h"
#include "handover/pinletter.h"

enum pinletter_op { PINLETTER_CHECK = RPC_TYPE_FIRST_CALL, PINLETTER_PRINT };

void pinletter_put_facts(struct rpc_msg *m, const struct pinletter_facts *f);

/* What *ret points to is on the heap, to be freed by pinletter_free_facts; also when the message turns out bad. */
void pinletter_get_facts(struct rpc_msg *m, struct pinletter_facts *ret);
void pinletter_free_facts(struct pinletter_facts *f);

void pinletter_put_outcome(struct rpc_msg *m, const struct pinletter_outcome *o);
/* Marks the message as bad if it holds none. */
void pinletter_get_outcome(struct rpc_msg *m, struct pinletter_outcome *ret);

#endif
