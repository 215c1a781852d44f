/*
 * hide: what a token vendor's PKCS#11 module does not get to see. Worker
 * process only, before any module is loaded.
 *
 * What modules need cannot be foreseen: libraries, configurations, sockets,
 * devices, and folders of their own to write to. So they keep everything but
 * the places in worker_settings, at a price (see landlock_allow_all_but):
 * directly in a folder that leads to a hidden place, such as /, /etc or
 * /var/lib, a module can make and remove nothing. Names are not hidden, only
 * what is behind them.
 *
 * CA, with the module of its HSM, and journal are always hidden. Bundles and the files of secrets are not
 * where the price would be too high: on a way through a folder in which
 * everybody makes files (/tmp, /dev/shm), or when the user's home or the CA
 * is in there.
 *
 * This keeps a module from looking and meddling. It is no prison for one that
 * is out to harm: it may still do whatever else its user may, and for root that
 * is to replace a program. A place that is mounted a second time elsewhere, or
 * has hard links, is hidden only where the configuration names it.
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
 * that any more, unless a place is WORKER_PLACE_UNUSED. Relative paths begin at this process's working folder. Returns
 * -1 if the message is malformed.
 */
int hide_start(struct rpc_msg *in, struct pathset *ret_hidden, bool *ret_took_effect);

/* ERR_MODULE for a module that could not be loaded because it is itself in a hidden place. */
int hide_check_module(const struct pathset *hidden, const char *path, struct err *e);

#endif
