#include "ca/rights.h"

#include "ca/key.h"
#include "ca/pki.h"

#include <stdlib.h>

static int check_key(const struct ca *ca, const struct config_ca *cfg, struct err *e)
{
	if (config_key_on_hsm(cfg))
		return 0;
	char *usual = pki_path(ca, "private/ca.key");
	int ret = ca_key_check_access(cfg->key != NULL ? cfg->key : usual, e);
	free(usual);
	return ret;
}

int ca_rights_check(const struct config_ca *cfg, struct err *e)
{
	const struct ca ca = {.pki = cfg->pki};
	return pki_check_folders(&ca, e) != 0 || check_key(&ca, cfg, e) != 0 ? -1 : pki_check_rights(&ca, e);
}
