/*
 * tokenroll-hsm-signer: the signer process of a CA whose key is on an HSM. It
 * is the signer with that HSM's PKCS#11 module in it, and no other; the
 * ordinary signer has no PKCS#11 code. Only tokenroll starts it.
 */
#include "ca/hsm.h"
#include "ca/signer.h"
#include "core/xalloc.h"
#include "pkcs11/hsm.h"

#include <stdlib.h>
#include <string.h>

struct key_on_hsm {
	struct p11_uri uri;
	struct p11_hsm *hsm;
};

static const struct p11_uri_use of_ca = {ERR_CONFIG, "[ca] key", "asked for, or read from --ca-pass-file"};

/* Variables as the configuration has them go over those of whoever has started tokenroll. */
static void set_environment(const struct config_list *variables)
{
	for (size_t i = 0; i < variables->n; i++) {
		char *name = xstrdup(variables->text[i]), *value = strchr(name, '=');
		if (value != NULL) {
			*value++ = '\0';
			setenv(name, value, 1);
		}
		free(name);
	}
}

static void hsm_close(void **arg)
{
	struct key_on_hsm *k = *arg;
	if (k == NULL)
		return;
	p11_hsm_close(&k->hsm);
	p11_uri_clear(&k->uri);
	free(k);
	*arg = NULL;
}

static int hsm_prepare(void **ret, const struct config_ca *cfg, struct pathset *ret_writes, struct err *e)
{
	struct key_on_hsm *k = xcalloc(1, sizeof *k);
	if (p11_uri_parse(&k->uri, cfg->key, &of_ca, e) != 0) {
		free(k);
		return -1;
	}
	set_environment(&cfg->hsm_env);
	for (size_t i = 0; i < cfg->hsm_writes.n; i++)
		pathset_add(ret_writes, pathset_resolve(cfg->hsm_writes.text[i]));
	p11_hsm_writes(&k->uri, ret_writes);
	*ret = k;
	return 0;
}

static void describe(const struct key_on_hsm *k, struct ca_hsm_info *ret)
{
	const struct p11_token_info *t = p11_hsm_token(k->hsm);
	bool login = (t->flags & CKF_LOGIN_REQUIRED) != 0;
	snprintf(ret->name, sizeof ret->name, "%s", p11_hsm_name(k->hsm));
	snprintf(ret->manufacturer, sizeof ret->manufacturer, "%s", t->manufacturer);
	snprintf(ret->model, sizeof ret->model, "%s", t->model);
	snprintf(ret->serial, sizeof ret->serial, "%s", t->serial);
	ret->pin_pad = login && (t->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
	ret->wants_pin = login && !ret->pin_pad && k->uri.pin_file == NULL;
	ret->last_try = login && (t->flags & CKF_USER_PIN_FINAL_TRY) != 0;
}

static int hsm_open(void *arg, bool writable, struct ca_hsm_info *ret, struct blob *ret_spki, struct err *e)
{
	struct key_on_hsm *k = arg;
	if (p11_hsm_open(&k->hsm, &k->uri, writable, e) != 0)
		return -1;
	describe(k, ret);
	return p11_hsm_public(k->hsm, ret_spki, e);
}

/* pin-source wins over what was typed. */
static int get_pin(const struct key_on_hsm *k, const struct secret *typed, struct secret *ret, struct err *e)
{
	if (k->uri.pin_file != NULL)
		return secret_read_file(ret, k->uri.pin_file, e);
	return secret_set(ret, typed->bytes, typed->len, e);
}

static int log_in(const struct key_on_hsm *k, const struct secret *typed, bool last_try, struct err *e)
{
	bool pad = (p11_hsm_token(k->hsm)->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
	struct secret *pin = !pad && (typed != NULL || k->uri.pin_file != NULL) ? secret_new() : NULL;
	int got = pin != NULL ? get_pin(k, typed, pin, e) : 0;
	if (got == 0)
		got = p11_hsm_login(k->hsm, pin, last_try, e);
	secret_free(&pin);
	return got;
}

static int hsm_login(void *arg, const struct secret *typed, bool last_try, EVP_PKEY **ret, struct err *e)
{
	const struct key_on_hsm *k = arg;
	return log_in(k, typed, last_try, e) == 0 ? p11_hsm_key(k->hsm, ret, e) : -1;
}

static int hsm_make(void *arg, const struct secret *typed, bool last_try, enum keytype type, EVP_PKEY **ret,
		    struct err *e)
{
	const struct key_on_hsm *k = arg;
	if (log_in(k, typed, last_try, e) != 0 || p11_hsm_generate(k->hsm, type, e) != 0)
		return -1;
	return p11_hsm_key(k->hsm, ret, e);
}

int main(void)
{
	static const struct ca_hsm_port port = {hsm_prepare, hsm_open, hsm_login, hsm_make, hsm_close};
	return signer_main(&port);
}
