/* hsm_module: apart from hsm.c, so that who only asks is not linked with libp11. */
#include "pkcs11/hsm.h"

int p11_hsm_module(const struct p11_uri *uri, char **ret, struct err *e)
{
	if (uri->module == NULL) {
		err_set(e, ERR_CONFIG, "[ca] key names no module for the CA's HSM");
		return err_next(e, "add ?module-path=/PATH of the HSM's PKCS#11 library to it; no other is loaded");
	}
	*ret = p11_uri_module_path(uri);
	if (*ret != NULL)
		return 0;
	err_set(e, ERR_CA_HSM, "the PKCS#11 module %s of the CA's HSM is not on this machine", uri->module);
	return err_next(e, "install its package, or correct the module in [ca] key");
}
