/*
 * rpc: how the parent talks to its children over a socket pair.
 *
 * A frame is a header (u32 length of the body, u16 type, u16 number of
 * secrets; big-endian) and a body of fields, then as many secrets as it
 * announces, each u32 length and bytes, which go from locked page to locked
 * page. A frame may carry one descriptor (unix(7), SCM_RIGHTS). Each length is checked against a fixed bound before
 * anything is allocated, and each field against what is left of the body: the other side runs a vendor's code and
 * counts as hostile.
 */
#ifndef CORE_RPC_H
#define CORE_RPC_H

#include "core/blob.h"
#include "core/err.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stdint.h>

#define RPC_BODY_MAX ((size_t)4 << 20)
#define RPC_SECRETS_MAX 2

struct rpc_msg {
	uint16_t type;
	unsigned char *body;
	size_t len, cap; /* bytes in use, bytes allocated */
	size_t pos;      /* reader's place */
	bool bad;        /* a read ran past the end or met a wrong length; sticky */
	struct secret *secrets[RPC_SECRETS_MAX];
	unsigned n_secrets; /* owned by the message when received, borrowed when sent */
	bool owns_secrets;
	bool has_fd;
	int fd; /* owned by the message when received, borrowed when sent */
	bool owns_fd;
};

#define RPC_MSG_INIT                                                              \
	{                                                                         \
		0, NULL, 0, 0, 0, false, {NULL, NULL}, 0, false, false, -1, false \
	}

void rpc_msg_reset(struct rpc_msg *m, uint16_t type);
void rpc_msg_free(struct rpc_msg *m);

void rpc_put_u32(struct rpc_msg *m, uint32_t v);
void rpc_put_u64(struct rpc_msg *m, uint64_t v);
void rpc_put_bytes(struct rpc_msg *m, const void *data, size_t len);
void rpc_put_blob(struct rpc_msg *m, const struct blob *b);
void rpc_put_str(struct rpc_msg *m, const char *s); /* NULL is sent as "" */
void rpc_put_secret(struct rpc_msg *m, struct secret *s);
/* The same for an answer's only secret, which outlives its handler: the message takes it over. */
void rpc_give_secret(struct rpc_msg *m, struct secret **s);

/* A descriptor for the other side, which gets its own. */
void rpc_put_fd(struct rpc_msg *m, int fd);
/* The one that came along, the caller's from then on; -1 if there was none. */
int rpc_take_fd(struct rpc_msg *m);

/* Readers return zero, empty or "" once the message is bad. */
uint32_t rpc_get_u32(struct rpc_msg *m);
uint64_t rpc_get_u64(struct rpc_msg *m);
void rpc_get_blob(struct rpc_msg *m, struct blob *ret);
/* Text without NUL bytes that fits size with its terminator; anything else makes the message bad. */
void rpc_get_str(struct rpc_msg *m, char *ret, size_t size);
/* The same on the heap, at most max bytes. Never NULL. */
char *rpc_get_strdup(struct rpc_msg *m, size_t max);
/* True when every field was read, none was wrong, and nothing is left over. */
bool rpc_msg_done(const struct rpc_msg *m);

/* The other end of a socket: a child process of one role. */
struct rpc_peer;

/* A remark from the child while it works on a call ("touch the token"). */
typedef void rpc_note_fn(void *arg, const char *text);

/* Starts the program of a role, tokenroll-worker, -signer, -hsm-signer, -courier, -mailer or -letter, with one
 * socket and nothing else of ours: stdin and stdout are /dev/null; stderr too unless verbose. */
int rpc_peer_start(struct rpc_peer **ret, const char *role, bool verbose, struct err *e);

/* The same for one that gets one more descriptor, as RPC_SHARED_FD. */
int rpc_peer_start_with(struct rpc_peer **ret, const char *role, int shared, bool verbose, struct err *e);

/* A role's process that somebody else has started, by a socket to it, which is closed with the peer. */
void rpc_peer_adopt(struct rpc_peer **ret, const char *role, int fd);

/* Readable when rpc_wait has not to wait, or the child is gone; -1 once it is known to be. For poll only. */
int rpc_peer_fd(const struct rpc_peer *p);

/*
 * For a child that calls us, instead of being called: its next call, which ERR_* of its role
 * reports as gone when it has ended; and the answers. An answer that cannot be sent is no error: the next call says so.
 *
 * Never waits for the child. 1: there is no whole call yet, or it does not talk any more and has not ended: to be
 * called again when rpc_peer_fd can be read, or rpc_peer_late. A call has 3 s to be complete, an end as long, and then
 * it is killed.
 */
bool rpc_peer_late(const struct rpc_peer *p);
int rpc_peer_next(struct rpc_peer *p, struct rpc_msg *ret_call, struct err *e);
void rpc_peer_answer(struct rpc_peer *p, struct rpc_msg *answer);
void rpc_peer_refuse(struct rpc_peer *p, const struct err *why);

/* Asks it with SIGTERM to end what it is doing. */
void rpc_peer_interrupt(const struct rpc_peer *p);
/* Ends it without a word: rpc_peer_stop is to follow, and does not wait for it any more. */
void rpc_peer_kill(struct rpc_peer *p);
/* Who gets the child's notes; NULL for nobody. */
void rpc_peer_on_note(struct rpc_peer *p, rpc_note_fn *fn, void *arg);

/*
 * One call: sends *in, waits at most timeout_ms for the answer, fills *out. If the child answers with an
 * error, that is *e. If it dies, hangs or talks nonsense it is killed, the peer is unusable from then on, and
 * *e is ERR_MODULE for a worker, ERR_CA_FAILED for a signer, ERR_MAIL for a mailer, ERR_FAILED for a courier and for
 * what prints letters.
 * ERR_INTERRUPTED when a signal asked us to stop.
 */
int rpc_call(struct rpc_peer *p, struct rpc_msg *in, struct rpc_msg *out, int timeout_ms, struct err *e);

/* The two halves of rpc_call, to have a signer and a worker busy at once. One call at a time per peer. */
int rpc_send(struct rpc_peer *p, struct rpc_msg *in, struct err *e);
/* For a caller who serves others, too: one that has not taken all of the call by then counts as one that hangs. */
int rpc_send_within(struct rpc_peer *p, struct rpc_msg *in, int timeout_ms, struct err *e);
int rpc_wait(struct rpc_peer *p, struct rpc_msg *out, int timeout_ms, struct err *e);

/* Tells the child that nothing more will be asked, so that it ends while the caller goes on; rpc_peer_stop is to
 * follow. */
void rpc_peer_dismiss(struct rpc_peer *p);

/* Ends the child: closes the socket, waits a moment for it to finish cleanly, then kills it. Accepts NULL. */
void rpc_peer_stop(struct rpc_peer **p);

/* ---- the child's side ---- */

struct rpc_guest;

struct rpc_server {
	int fd;      /* of the call that is being answered */
	bool guest;  /* that one is a guest's */
	void *state; /* the role's own */
	/* may say more of why a call has failed; NULL: nothing */
	void (*explain)(struct rpc_server *s, struct err *e);
	/* see rpc_serve_also: who they are, and the calls that they may make */
	struct rpc_guest *guests;
	size_t n_guests;
	const uint16_t *guest_calls;
	size_t n_guest_calls;
};

/* Reads its fields from in (rpc_msg_done is checked by the caller's handler), writes the answer's into out. */
typedef int rpc_handler_fn(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e);

struct rpc_op {
	uint16_t type;
	unsigned n_secrets; /* most it takes */
	rpc_handler_fn *run;
};

/* Answers calls until the parent closes the socket. Returns the process's exit status. */
int rpc_serve(struct rpc_server *s, const struct rpc_op *ops, size_t n_ops);

/* From a handler: calls that come from this socket are answered, too, one after the other, until it is closed; of the
 * calls only those in guest_calls. It is closed on one who does not finish a call, or does not take an answer, within
 * 3 s; the others are served while the rest of a call is waited for. */
void rpc_serve_also(struct rpc_server *s, int fd);

/* Sends a remark to the parent in the middle of a call. */
void rpc_note(struct rpc_server *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The descriptor on which a role finds its socket. */
#define RPC_FD 3
/* And the socket of somebody it shares. */
#define RPC_SHARED_FD 4

/* Calls are numbered from here; the frames below it belong to rpc itself. */
#define RPC_TYPE_FIRST_CALL 16

#endif
