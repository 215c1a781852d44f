/*
 * audit: the trail of who did what to which token and certificate.
 *
 * A record's hash is SHA-256 over, in this order, the bytes
 * "tokenroll audit record 1", then id, at, login, sudo_user, host, action,
 * user, token_serial, cert_serial, detail and prev, each as its length in
 * four bytes (big-endian) and its bytes; id and at (seconds since 1970) are
 * eight bytes, big-endian; prev is the hash of the record before, 32 zero
 * bytes for the first. So nobody can alter, drop or insert a record without
 * writing all later ones anew.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "core/err.h"
#include "store/db.h"

/* What happened. NULL stands for "". */
struct audit_entry {
	const char *action; /* a word, e.g. "token-init" or the state that was reached */
	const char *user, *token_serial, *cert_serial;
	const char *detail;
};

/* What a checkpoint of the trail leaves in it; the number of the record that was signed is behind the words. */
#define AUDIT_CHECKPOINT "checkpoint"
#define AUDIT_CHECKPOINT_OF "of record "

/* Fills in who is at work: login, sudo_user and host of the store. */
void audit_find_who(struct store *s);

/* Appends a record, all its texts cleaned (core/clean.h); must be called inside the transaction of the change it tells
 * of. */
int audit_append(struct store *s, const struct audit_entry *a, struct err *e);

#endif
