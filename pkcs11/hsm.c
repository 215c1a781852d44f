#include "pkcs11/hsm.h"

#include "core/xalloc.h"
#include "pkcs11/bridge.h"
#include "pkcs11/hsm_impl.h"
#include "pkcs11/key.h"
#include "pkcs11/login.h"

#include <openssl/rand.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a module says of any token is said of the HSM here, and is the CA's trouble; PINs are a matter of their own. */
static int of_hsm(struct err *e, const char *name)
{
	switch (e->code) {
	case ERR_PIN_WRONG:
	case ERR_PIN_LAST_TRY:
	case ERR_PIN_LOCKED:
	case ERR_PIN_NEEDED:
		break;
	default:
		e->code = ERR_CA_HSM;
	}
	return name[0] != '\0' ? err_prefix(e, "the CA's HSM %s", name) : err_prefix(e, "the CA's HSM");
}

static int load(struct p11_hsm *h, struct err *e)
{
	char *path = NULL;
	int ret = 0;
	if (p11_hsm_module(h->uri, &path, e) != 0)
		return -1;
	if (p11_module_load(&h->module, path, e) != 0) {
		of_hsm(e, "");
		ret = err_next(e, "correct the module-path in [ca] key, or install what the library needs");
	} else if (p11_module_initialize(h->module, e) != 0) {
		of_hsm(e, "");
		ret = err_next(e, "see that the HSM's service runs and that its configuration is found (environment: "
				  "[ca] hsm-env); a folder that the module writes to is named with [ca] hsm-writes");
	}
	free(path);
	return ret;
}

static bool is_meant(const struct p11_uri *u, const struct p11_token_info *t)
{
	return !t->unreadable && (t->flags & CKF_TOKEN_INITIALIZED) != 0 && (!u->has_slot || u->slot == t->slot) &&
	       p11_uri_fits(u, t->label, t->manufacturer, t->model, t->serial);
}

/* "A" (serial), "B" (serial): those that are meant, or all. */
static void list_tokens(char *ret, size_t size, const struct p11_token_info *list, size_t n, const struct p11_uri *u)
{
	size_t len = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < n && len < size; i++) {
		const struct p11_token_info *t = &list[i];
		if (t->unreadable || (t->flags & CKF_TOKEN_INITIALIZED) == 0 || (u != NULL && !is_meant(u, t)))
			continue;
		int added = snprintf(ret + len, size - len, "%s\"%s\" (serial %s, slot %lu)", len > 0 ? ", " : "",
				     t->label, t->serial, t->slot);
		len += added > 0 ? (size_t)added : 0;
	}
}

static int not_the_one(const struct p11_hsm *h, const struct p11_token_info *list, size_t n, size_t fit, struct err *e)
{
	char text[400];
	list_tokens(text, sizeof text, list, n, fit > 1 ? h->uri : NULL);
	if (fit > 1) {
		err_set(e, ERR_CONFIG, "[ca] key fits %zu tokens of the CA's HSM: %s", fit, text);
		return err_next(e, "add serial= to it");
	}
	err_set(e, ERR_CA_HSM, "no token of the CA's HSM fits [ca] key; %s%s", text[0] != '\0' ? "there is " : "",
		text[0] != '\0' ? text : "its module shows none");
	return err_next(e,
			"plug the HSM in, or correct token=, serial=, manufacturer= and model= in [ca] key; a folder "
			"that its module writes to is named with [ca] hsm-writes");
}

static int find_token(const struct p11_hsm *h, CK_SLOT_ID *ret, struct p11_token_info *ret_info, struct err *e)
{
	struct p11_token_info *list = NULL;
	size_t n = 0, fit = 0;
	if (p11_token_list(h->module, &list, &n, e) != 0)
		return of_hsm(e, "");
	for (size_t i = 0; i < n; i++) {
		if (!is_meant(h->uri, &list[i]))
			continue;
		*ret = list[i].slot;
		*ret_info = list[i];
		fit++;
	}
	int got = fit == 1 ? 0 : not_the_one(h, list, n, fit, e);
	free(list);
	return got;
}

static int open_token(struct p11_hsm *h, bool writable, struct err *e)
{
	CK_SLOT_ID slot = 0;
	struct p11_token_info info;
	if (find_token(h, &slot, &info, e) != 0)
		return -1;
	snprintf(h->name, sizeof h->name, "\"%s\" (%s)", info.label, info.serial);
	h->profile = profile_builtin();
	return p11_token_open(&h->token, h->module, h->profile, slot, &info, NULL, writable, e) == 0
		   ? 0
		   : of_hsm(e, h->name);
}

static int check_locked(const struct p11_hsm *h, struct err *e)
{
	if ((p11_hsm_token(h)->flags & CKF_USER_PIN_LOCKED) == 0)
		return 0;
	err_set(e, ERR_PIN_LOCKED, "the PIN of the CA's HSM %s is locked", h->name);
	return err_next(e, "unlock it with the HSM's SO PIN, in its maker's way, then run the same command");
}

int p11_hsm_open(struct p11_hsm **ret, const struct p11_uri *uri, bool writable, struct err *e)
{
	struct p11_hsm *h = xcalloc(1, sizeof *h);
	h->uri = uri;
	if (load(h, e) != 0 || open_token(h, writable, e) != 0 || check_locked(h, e) != 0) {
		p11_hsm_close(&h);
		return -1;
	}
	*ret = h;
	return 0;
}

void p11_hsm_close(struct p11_hsm **h)
{
	if (h == NULL || *h == NULL)
		return;
	p11_token_close(&(*h)->token);
	p11_bridge_free(&(*h)->bridge);
	p11_module_free(&(*h)->module);
	profile_free(&(*h)->profile);
	free(*h);
	*h = NULL;
}

const struct p11_token_info *p11_hsm_token(const struct p11_hsm *h)
{
	return p11_token_description(h->token);
}

const char *p11_hsm_name(const struct p11_hsm *h)
{
	return h->name;
}

int p11_hsm_login(struct p11_hsm *h, struct secret *pin, bool last_try, struct err *e)
{
	if ((p11_hsm_token(h)->flags & CKF_LOGIN_REQUIRED) == 0)
		return 0;
	if (p11_login(h->token, PROFILE_USER, pin, last_try, e) == 0)
		return 0;
	return of_hsm(e, h->name);
}

int p11_hsm_public(struct p11_hsm *h, struct blob *ret_spki, struct err *e)
{
	return hsm_public(h, ret_spki, e) == 0 ? 0 : of_hsm(e, h->name);
}

int p11_hsm_key(struct p11_hsm *h, EVP_PKEY **ret, struct err *e)
{
	struct hsm_object key = {.label = NULL};
	int got = hsm_private(h, &key, e);
	if (got == 0 && h->bridge == NULL)
		got = p11_bridge_open(&h->bridge, h->module, e);
	if (got == 0)
		got = p11_bridge_key(h->bridge, h->token, &key.id, key.label, ret, e);
	hsm_object_free(&key);
	return got == 0 ? 0 : of_hsm(e, h->name);
}

static int no_label(struct err *e)
{
	err_set(e, ERR_CONFIG, "[ca] key does not say what the new key on the HSM is to be called");
	return err_next(e, "add object=NAME to it, as in pkcs11:token=HSM;object=ca-key?module-path=/PATH");
}

#define NEW_ID_BYTES 8

int p11_hsm_generate(struct p11_hsm *h, enum keytype type, struct err *e)
{
	bool there = false;
	unsigned char bytes[NEW_ID_BYTES];
	struct blob id = BLOB_INIT;
	struct p11_key_pair pair;
	if (hsm_has_private(h, &there, e) != 0)
		return of_hsm(e, h->name);
	if (there)
		return 0;
	if (h->uri->object[0] == '\0')
		return no_label(e);
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return err_openssl(e, ERR_CA_FAILED, "no random numbers can be had");
	if (h->uri->id.len != 0)
		blob_set(&id, h->uri->id.data, h->uri->id.len);
	else
		blob_set(&id, bytes, sizeof bytes);
	int got = p11_key_generate(h->token, type, &id, h->uri->object, &pair, e);
	blob_free(&id);
	return got == 0 ? 0 : of_hsm(e, h->name);
}
