/*
 * watcher: the process that waits for readers and cards, so that the station
 * can wait for everything at once; and another one that waits for the tokens of
 * a module that have no reader. It calls, the station answers; see desk.h for
 * why that way round.
 */
#ifndef STATION_WATCHER_H
#define STATION_WATCHER_H

#include "core/rpc.h"
#include "enroll/worker.h"
#include "pkcs11/reader.h"

enum watcher_call {
	WATCHER_HELLO = RPC_TYPE_FIRST_CALL, /* what is there to watch? A struct watcher_task */
	WATCHER_READERS,                     /* all of them, as they are now */
	WATCHER_TOKENS,                      /* all without a reader, as they are now */
	WATCHER_TROUBLE,                     /* why PC/SC, or the module, cannot be used */
	WATCHER_NOTHING,                     /* the module has no such tokens: it is not watched any more */
};

struct watcher_task {
	bool slots; /* a module's, instead of PC/SC's readers */
	bool verbose;
	char *module, *config_path;
	struct hidden_list hidden; /* as in struct desk_task */
	struct blob config_text;
};

void watcher_put_task(struct rpc_msg *m, const struct watcher_task *t);
void watcher_get_task(struct rpc_msg *m, struct watcher_task *ret);
void watcher_task_free(struct watcher_task *t);

/* What is taken comes from malloc. */
void watcher_get_readers(struct rpc_msg *m, struct reader **ret, size_t *ret_n);
void watcher_get_tokens(struct rpc_msg *m, struct worker_token **ret, size_t *ret_n);
void watcher_get_trouble(struct rpc_msg *m, struct err *ret);

/* slots.c: tells station of such tokens until it is gone, or there are none to be watched. */
void slots_watch(struct rpc_peer *station, struct watcher_task *t);

/* For both. -1 when the station is gone. */
int watcher_tell(struct rpc_peer *station, struct rpc_msg *in);
int watcher_tell_trouble(struct rpc_peer *station, const struct err *why);

/* The role's entry point. Returns the exit status. */
int watcher_main(void);

#endif
