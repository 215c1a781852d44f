#include "enroll/run.h"

#include <stdlib.h>
#include <string.h>

/* The person in charge, then the configuration; NULL where neither says. */
static const char *wished(const struct enroll_run *r, enum config_platform p)
{
	return p == PLATFORM_LINUX && r->opt->client_module != NULL ? r->opt->client_module
								    : r->cfg->vpn.client_module[p];
}

const char *enroll_client_module(const struct enroll_run *r, enum config_platform p)
{
	const char *configured = wished(r, p);
	return configured != NULL ? configured : r->profile->module.client[p];
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

/* A wish names a file; a profile only the library, which other systems have in another folder. */
bool enroll_client_differs(const struct enroll_run *r)
{
	const char *client = enroll_client_module(r, PLATFORM_LINUX);
	if (client == NULL)
		return false;
	if (wished(r, PLATFORM_LINUX) != NULL)
		return strcmp(client, r->module) != 0;
	return strcmp(file_name(client), file_name(r->module)) != 0;
}

char *enroll_client_here(const struct enroll_run *r)
{
	const char *client = enroll_client_module(r, PLATFORM_LINUX);
	if (!enroll_client_differs(r))
		return NULL;
	char *path = profile_module_path(client);
	return path != NULL ? path : profile_module_path(file_name(client));
}

int enroll_client_check(const struct enroll_run *r, struct err *e)
{
	char *here = enroll_client_here(r);
	bool missing = here == NULL && enroll_client_differs(r) && r->profile->module.required;
	free(here);
	if (!missing)
		return 0;
	const char *client = enroll_client_module(r, PLATFORM_LINUX);
	err_set(e, ERR_MODULE, "the laptops' module %s is not on this machine, and %s names the key in another way",
		client, file_name(r->module));
	return err_next(e, "install it here, too (package opensc-pkcs11), or name the module that the laptops have as "
			   "[vpn] client-module-linux");
}
