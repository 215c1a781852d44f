/*
 * digest: SHA-256 as sha256sum(1) prints it.
 */
#ifndef HANDOVER_DIGEST_H
#define HANDOVER_DIGEST_H

#include "core/blob.h"

#include <stdbool.h>

#define DIGEST_HEX 65 /* lowercase hex digits and a NUL */

/* Of a regular file; a link is not followed. false with errno if it cannot be read. */
bool digest_file(char hex[DIGEST_HEX], const char *path);
bool digest_blob(char hex[DIGEST_HEX], const struct blob *b);

#endif
