/*
 * lock: PKI/lock.file, by which easy-rsa (from 3.2.3) and tokenroll keep out
 * of each other's way. It exists while a program changes the directory and
 * holds that program's process id in decimal. easy-rsa's is empty for a
 * moment after it was made, and stays so if easy-rsa is killed then.
 *
 * Ours appears with its content, by link(2), which fails if the name is taken
 * as easy-rsa's noclobber does. A second line has the kernel's boot id: after
 * a power cut another process may have that process id. Its holder also keeps
 * flock(2) on it. A file whose process is gone is stale; whoever gets flock on
 * it, and finds it still there and stale, writes its own id into it. easy-rsa
 * never takes over. A file that names nobody is never taken for stale.
 */
#ifndef CA_LOCK_H
#define CA_LOCK_H

#include "core/err.h"
#include "core/rpc.h"

#include <stdbool.h>

struct pki_lock;

/* Takes the lock, waiting up to wait seconds with one note to say for whom. ERR_CA_LOCKED names the holder, or says
 * that nobody can be named. */
int pki_lock_take(struct pki_lock **ret, const char *pki, long wait, rpc_note_fn *note, void *note_arg, struct err *e);

/* Waits in the same way until nobody holds it, and does not take it. */
int pki_lock_wait(const char *pki, long wait, rpc_note_fn *note, void *note_arg, struct err *e);

/* Whether it was a stale one: its last holder was killed. */
bool pki_lock_was_stale(const struct pki_lock *l);

/* Accepts NULL. */
void pki_lock_release(struct pki_lock **l);

#endif
