/*
 * rpc_wire: frames on the socket, for the two ends of rpc.h only.
 */
#ifndef CORE_RPC_WIRE_H
#define CORE_RPC_WIRE_H

#include "core/rpc.h"

enum rpc_wire { RPC_WIRE_OK, RPC_WIRE_CLOSED, RPC_WIRE_TIMEOUT, RPC_WIRE_STOPPED, RPC_WIRE_NONSENSE };

/* Frame types that are not calls; roles number their calls from RPC_TYPE_FIRST_CALL. */
enum { RPC_TYPE_REPLY = 1, RPC_TYPE_ERROR = 2, RPC_TYPE_NOTE = 3 };

/* Non-zero when waiting should end. */
typedef int rpc_wire_stop_fn(void);

/* Returns 0, or -1 when the other end is gone, or has not taken it by the deadline (clock_ms; negative: for ever), and
 * then the socket is good for nothing any more. */
int rpc_wire_send(int fd, const struct rpc_msg *m, int64_t deadline);

/* An answer that is an error. */
void rpc_wire_put_err(struct rpc_msg *m, const struct err *e);

/* Receives one frame until the deadline (clock_ms; negative: for ever). stop may be NULL. */
enum rpc_wire rpc_wire_recv(int fd, struct rpc_msg *m, int64_t deadline, rpc_wire_stop_fn *stop);

/* Whether rpc_wire_recv would not have to wait, but for the rest of a frame beyond 64 KiB or of a secret. */
bool rpc_wire_whole(int fd);

#endif
