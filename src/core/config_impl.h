/*
 * config_impl: values that a configuration has apart from what is written in
 * it.
 */
#ifndef CORE_CONFIG_IMPL_H
#define CORE_CONFIG_IMPL_H

#include "core/config.h"

void config_set_defaults(struct config *c);

/* What depends on other values, once all are known. ERR_CONFIG. */
int config_complete(struct config *c, struct err *e);

#endif
