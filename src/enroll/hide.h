/*
 * hide: what a token vendor's PKCS#11 module does not get to see. Worker
 * process only, before any module is loaded.
 *
 * It keeps everything but the places in worker_settings; see core/hidden.h for
 * why, and what that costs it.
 */
#ifndef ENROLL_HIDE_H
#define ENROLL_HIDE_H

#include "core/pathset.h"
#include "core/rpc.h"
#include "enroll/worker.h"

#include <stdbool.h>

/*
 * The first call to a worker: reads its message, which is the rest of *in, and shuts this process and its children off
 * from the places in it. *ret_hidden becomes what that is, and empty where it did not take effect: not before Linux
 * 5.19. A missing folder for the user's caches, and the file for worker_turn, are made before, as modules could not do
 * that any more, unless a place is HIDDEN_UNUSED. Relative paths begin at this process's working folder. Returns
 * -1 if the message is malformed.
 */
int hide_start(struct rpc_msg *in, struct pathset *ret_hidden, bool *ret_took_effect);

/* ERR_MODULE for a module that could not be loaded because it is itself in a hidden place. */
int hide_check_module(const struct pathset *hidden, const char *path, struct err *e);

#endif
