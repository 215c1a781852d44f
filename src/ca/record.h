/*
 * record: the redo record PKI/index.txt.tokenroll. It says which change of the
 * directory has begun, so that after a crash the next run can finish it. It is
 * written (temp, fsync, rename) before the first step and removed after the
 * last, under the lock. Lines of text:
 *
 *     tokenroll 1
 *     name alice
 *     row V<TAB>...          a certificate is issued; the whole row of index.txt
 *     aside SERIAL           before issued/NAME.crt is written, the one with this serial is put aside (beside.h)
 *     revoke SERIAL          a certificate of that name is revoked, before the new one if there is a row
 *     revoked DATE,reason    ... with this third column
 */
#ifndef CA_RECORD_H
#define CA_RECORD_H

#include "core/err.h"
#include "core/file_batch.h"

#include <stdbool.h>

#define RECORD_INIT                          \
	{                                    \
		NULL, NULL, NULL, NULL, NULL \
	}

struct record {
	char *name;
	char *row;              /* or NULL */
	char *aside;            /* or NULL */
	char *revoke, *revoked; /* or NULL, both */
};

/* *ret_found is false if there is none. ERR_CA_PKI if it is not one that tokenroll wrote. */
int record_read(const char *pki, bool *ret_found, struct record *ret, struct err *e);
/* ERR_CA_REFUSED for a name that would lead out of the folders of the PKI, or be more than a line. */
int record_write(const char *pki, const struct record *r, struct err *e);
/* The same with the other files of a batch, of which it has to be the first. */
int record_add(struct file_batch *b, const char *pki, const struct record *r, struct err *e);
int record_remove(const char *pki, struct err *e);
void record_free(struct record *r);

#endif
