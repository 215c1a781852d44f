/*
 * reader_impl: what the files of reader share.
 */
#ifndef PKCS11_READER_IMPL_H
#define PKCS11_READER_IMPL_H

#include "pkcs11/reader.h"

#include <winscard.h>

#define READER_COUNT_MAX 64 /* pcscd knows 16 */

/* ERR_READERS, in words for why. Returns -1. */
int reader_no_service(LONG rv, struct err *e);

void reader_fill(struct reader *r, const SCARD_READERSTATE *s);

#endif
