/*
 * registry: the PKCS#11 modules that are registered with p11-kit, by its files
 * alone (pkcs11.conf(5)). p11-kit itself passes over a module that it cannot
 * load without a word; with this list that can be told. Loads nothing; any
 * process may use it.
 */
#ifndef PKCS11_REGISTRY_H
#define PKCS11_REGISTRY_H

#include "pkcs11/module.h"

/* Those that p11_module_registered is to list for this program, with the path where p11-kit looks for each: none that
 * is only for trust, nor the proxy, nor one that is enabled for certain programs. *ret comes from malloc. */
void p11_registry_read(struct p11_module_name **ret, size_t *ret_n);

#endif
