#include "pkcs11/module.h"
#include "core/xalloc.h"
#include "pkcs11/ckr.h"

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct p11_module {
	CK_FUNCTION_LIST *f;
	char *path, *reader;
	bool initialized;
};

/* p11-kit does not say why a library was not loaded; the dynamic linker does. */
static int load_failed(const char *path, struct err *e)
{
	if (access(path, R_OK) != 0) {
		err_errno(e, ERR_MODULE, "cannot load the PKCS#11 module %s", path);
		return err_next(e, "install the package it belongs to, or correct [token] module");
	}
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL) {
		const char *reason = dlerror();
		/* it begins with the path, behind which there may be no room left for the reason */
		if (reason != NULL && strncmp(reason, path, strlen(path)) == 0 && reason[strlen(path)] == ':')
			reason += strlen(path) + strspn(reason + strlen(path), ": ");
		err_set(e, ERR_MODULE, "cannot load the PKCS#11 module %s", path);
		err_native(e, "%s", reason != NULL ? reason : "");
		return err_next(e, "install a build of it for this machine, and the libraries it needs");
	}
	dlclose(lib);
	err_set(e, ERR_MODULE, "%s is a library, but not a PKCS#11 module", path);
	return err_next(e, "correct [token] module");
}

int p11_module_load(struct p11_module **ret, const char *path, struct err *e)
{
	CK_FUNCTION_LIST *f = p11_kit_module_load(path, P11_KIT_MODULE_UNMANAGED);
	if (f == NULL)
		return load_failed(path, e);
	struct p11_module *m = xcalloc(1, sizeof *m);
	m->f = f;
	m->path = xstrdup(path);
	m->reader = xstrdup("");
	*ret = m;
	return 0;
}

int p11_module_initialize(struct p11_module *m, struct err *e)
{
	if (m->initialized)
		return 0;
	CK_RV rv = p11_kit_module_initialize(m->f);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return ckr_error(e, rv, ERR_MODULE, "the PKCS#11 module %s could not be initialized", m->path);
	m->initialized = true;
	return 0;
}

void p11_module_free(struct p11_module **m)
{
	if (m == NULL || *m == NULL)
		return;
	if ((*m)->initialized)
		p11_kit_module_finalize((*m)->f);
	p11_kit_module_release((*m)->f);
	free((*m)->path);
	free((*m)->reader);
	free(*m);
	*m = NULL;
}

void p11_module_know_reader(struct p11_module *m, const char *name)
{
	free(m->reader);
	m->reader = xstrdup(name);
}

const char *p11_module_reader(const struct p11_module *m)
{
	return m->reader;
}

CK_FUNCTION_LIST *p11_module_functions(const struct p11_module *m)
{
	return m->f;
}

const char *p11_module_path(const struct p11_module *m)
{
	return m->path;
}

static void add_registered(CK_FUNCTION_LIST *f, struct p11_module_name *list, size_t *n)
{
	char *name = p11_kit_module_get_name(f);
	char *path = p11_kit_module_get_filename(f);
	char *trust = p11_kit_config_option(f, "trust-policy");
	if (name != NULL && path != NULL && (trust == NULL || strcmp(trust, "yes") != 0) &&
	    strstr(path, "p11-kit-proxy") == NULL) {
		snprintf(list[*n].name, sizeof list[*n].name, "%s", name);
		snprintf(list[*n].path, sizeof list[*n].path, "%s", path);
		(*n)++;
	}
	free(name);
	free(path);
	free(trust);
}

int p11_module_registered(struct p11_module_name **ret, size_t *ret_n, struct err *e)
{
	CK_FUNCTION_LIST **modules = p11_kit_modules_load(NULL, 0);
	if (modules == NULL) {
		err_set(e, ERR_MODULE, "p11-kit's list of modules could not be read");
		return err_native(e, "%s", p11_kit_message() != NULL ? p11_kit_message() : "");
	}
	size_t n = 0;
	while (modules[n] != NULL)
		n++;
	struct p11_module_name *list = xcalloc(n, sizeof *list);
	*ret_n = 0;
	for (size_t i = 0; i < n; i++)
		add_registered(modules[i], list, ret_n);
	p11_kit_modules_release(modules);
	*ret = list;
	return 0;
}
