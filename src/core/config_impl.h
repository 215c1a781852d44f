/*
 * config_impl: values that a configuration has apart from what is written in
 * it.
 */
#ifndef CORE_CONFIG_IMPL_H
#define CORE_CONFIG_IMPL_H

#include "core/config.h"

/* A name of [template]; NULL if there is none. And a new one, which has no value yet. */
struct config_name *config_find_name(const struct config *c, const char *name);
struct config_name *config_new_name(struct config *c, const char *name);

void config_set_defaults(struct config *c);

/* What depends on other values, once all are known. ERR_CONFIG. */
int config_complete(struct config *c, struct err *e);

#endif
