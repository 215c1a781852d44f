/*
 * module: one PKCS#11 module in one process, loaded through p11-kit. The
 * module is a vendor's code and may do anything; only the worker process
 * loads one, and never more than one.
 */
#ifndef PKCS11_MODULE_H
#define PKCS11_MODULE_H

#include "core/err.h"

#include <p11-kit/pkcs11.h>
#include <stddef.h>

struct p11_module;

/* Bounds for what a module may claim to have. */
#define P11_SLOTS_MAX 256u
#define P11_OBJECTS_MAX 4096u
#define P11_VALUE_MAX ((CK_ULONG)65536)

/* Loads the library at path and calls nothing in it but C_GetFunctionList. ERR_MODULE says whether the file is
 * missing, cannot be loaded (the linker's reason) or is no PKCS#11 module. */
int p11_module_load(struct p11_module **ret, const char *path, struct err *e);

/* C_Initialize, unless that was done. ERR_MODULE. */
int p11_module_initialize(struct p11_module *m, struct err *e);

/* C_Finalize and unload; accepts NULL. Sessions must be closed and libp11 be done before (see bridge.h). */
void p11_module_free(struct p11_module **m);

/* The PC/SC name of the only reader that the module talks to from here on; "" for all. */
void p11_module_know_reader(struct p11_module *m, const char *name);
const char *p11_module_reader(const struct p11_module *m);

CK_FUNCTION_LIST *p11_module_functions(const struct p11_module *m);
const char *p11_module_path(const struct p11_module *m);

struct p11_module_name {
	char name[64];  /* p11-kit's name of the module */
	char path[512]; /* the library's file */
};

/* The modules that p11-kit knows, without its proxy and the trust policy modules, by priority. Loads their
 * libraries but does not initialize them. *ret comes from malloc. */
int p11_module_registered(struct p11_module_name **ret, size_t *ret_n, struct err *e);

#endif
