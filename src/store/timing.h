/*
 * timing: how long tokens take for a key pair, by what was measured here, so
 * that the next one's progress can be told. Only the parent process calls it.
 */
#ifndef STORE_TIMING_H
#define STORE_TIMING_H

#include "core/err.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

#define TIMINGS_KEPT 100 /* of a model and key type, the latest */

/* Notes that a token of this model took so many milliseconds for a key of this type (enum keytype). */
int store_timing_add(struct store *s, const char *model, unsigned key_type, int64_t took_ms, struct err *e);

/* The median of those; *ret_n is how many there are, 0 if none, and then *ret_ms is 0. */
int store_timing_median(struct store *s, const char *model, unsigned key_type, int64_t *ret_ms, size_t *ret_n,
			struct err *e);

#endif
