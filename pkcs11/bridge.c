#include "pkcs11/bridge.h"
#include "core/keytype.h"
#include "core/xalloc.h"
#include "pkcs11/login.h"

#include <libp11.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* SoftHSM fails a search while another process changes another token of its store. */
#define SEARCHES 20
#define SEARCH_PAUSE_MS 50

struct p11_bridge {
	PKCS11_CTX *ctx;
	UI_METHOD *ui;
	PKCS11_SLOT *slots;
	unsigned n_slots;
};

/* libp11 asks for the PIN again where a key wants that (CKA_ALWAYS_AUTHENTICATE). Nobody is ever asked at a terminal.
 */
static int answer_pin(UI *ui, UI_STRING *question)
{
	const struct secret *pin = p11_login_pin(UI_get0_user_data(ui));
	return pin != NULL && UI_set_result(ui, question, pin->bytes) == 0;
}

static UI_METHOD *pin_method(void)
{
	UI_METHOD *m = UI_create_method("tokenroll");
	if (m != NULL)
		UI_method_set_reader(m, answer_pin);
	return m;
}

int p11_bridge_open(struct p11_bridge **ret, const struct p11_module *m, struct err *e)
{
	struct p11_bridge *b = xcalloc(1, sizeof *b);
	b->ctx = PKCS11_CTX_new();
	b->ui = pin_method();
	if (b->ctx == NULL || PKCS11_CTX_load(b->ctx, p11_module_path(m)) != 0) {
		err_openssl(e, ERR_MODULE, "libp11 cannot use the module %s", p11_module_path(m));
		PKCS11_CTX_free(b->ctx);
		UI_destroy_method(b->ui);
		free(b);
		return -1;
	}
	*ret = b;
	return 0;
}

void p11_bridge_free(struct p11_bridge **b)
{
	if (b == NULL || *b == NULL)
		return;
	if ((*b)->slots != NULL)
		PKCS11_release_all_slots((*b)->ctx, (*b)->slots, (*b)->n_slots);
	PKCS11_CTX_unload((*b)->ctx);
	PKCS11_CTX_free((*b)->ctx);
	UI_destroy_method((*b)->ui);
	free(*b);
	*b = NULL;
}

void p11_bridge_let_go(struct p11_bridge *b)
{
	if (b == NULL || b->slots == NULL)
		return;
	PKCS11_release_all_slots(b->ctx, b->slots, b->n_slots);
	b->slots = NULL;
	b->n_slots = 0;
}

static PKCS11_SLOT *find_slot(struct p11_bridge *b, CK_SLOT_ID slot)
{
	if (b->slots == NULL && PKCS11_enumerate_slots(b->ctx, &b->slots, &b->n_slots) != 0)
		return NULL;
	for (unsigned i = 0; i < b->n_slots; i++) {
		if (PKCS11_get_slotid_from_slot(&b->slots[i]) == slot)
			return &b->slots[i];
	}
	return NULL;
}

static bool is_key(const PKCS11_KEY *k, const struct blob *cka_id, const char *label)
{
	return k->id_len == cka_id->len && (cka_id->len == 0 || memcmp(k->id, cka_id->data, cka_id->len) == 0) &&
	       (label == NULL || strcmp(k->label != NULL ? k->label : "", label) == 0);
}

/* The key as an EVP_PKEY of the caller's; NULL if libp11 does not see it. label NULL: any. */
static EVP_PKEY *find_key(PKCS11_SLOT *slot, const struct blob *cka_id, const char *label)
{
	PKCS11_KEY *keys = NULL;
	unsigned n = 0;
	if (slot == NULL || slot->token == NULL || PKCS11_enumerate_keys(slot->token, &keys, &n) != 0)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		if (is_key(&keys[i], cka_id, label))
			return PKCS11_get_private_key(&keys[i]);
	}
	return NULL;
}

static X509_REQ *fill_request(const struct blob *spki, const struct blob *subject)
{
	const unsigned char *p = subject->data, *q = spki->data;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)subject->len);
	EVP_PKEY *public = d2i_PUBKEY(NULL, &q, (long)spki->len);
	X509_REQ *req = X509_REQ_new();
	if (name == NULL || public == NULL || req == NULL || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_subject_name(req, name) != 1 || X509_REQ_set_pubkey(req, public) != 1) {
		X509_REQ_free(req);
		req = NULL;
	}
	X509_NAME_free(name);
	EVP_PKEY_free(public);
	return req;
}

/* The module's own reason, if libp11 has left one among OpenSSL's. */
static int not_signed(struct err *e)
{
	unsigned long code, theirs = 0;
	err_set(e, ERR_TOKEN_FAILED, "the token could not sign the request");
	while ((code = ERR_get_error()) != 0) {
		if (ERR_GET_LIB(code) >= ERR_LIB_USER && theirs == 0)
			theirs = code;
	}
	const char *reason = theirs != 0 ? ERR_reason_error_string(theirs) : NULL;
	return reason != NULL ? err_native(e, "%s", reason) : -1;
}

static int sign_request(X509_REQ *req, EVP_PKEY *key, struct blob *ret_csr, struct err *e)
{
	EVP_PKEY *public = X509_REQ_get0_pubkey(req);
	ERR_clear_error();
	if (X509_REQ_sign(req, key, keytype_digest(keytype_of(public))) <= 0)
		return not_signed(e);
	if (X509_REQ_verify(req, public) != 1)
		return err_openssl(e, ERR_PROOF, "the token's signature of the request does not fit its public key");
	unsigned char *der = NULL;
	int n = i2d_X509_REQ(req, &der);
	if (n <= 0)
		return err_openssl(e, ERR_FAILED, "the request cannot be encoded");
	blob_set(ret_csr, der, (size_t)n);
	OPENSSL_free(der);
	return 0;
}

int p11_bridge_request(struct p11_bridge *b, struct p11_token *t, const struct blob *cka_id, const struct blob *spki,
		       const struct blob *subject, struct blob *ret_csr, struct err *e)
{
	PKCS11_set_ui_method(b->ctx, b->ui, t);
	EVP_PKEY *key = find_key(find_slot(b, p11_token_slot(t)), cka_id, NULL);
	if (key == NULL)
		return err_openssl(e, ERR_TOKEN_FAILED, "libp11 does not find the new key on token %s",
				   p11_token_name(t));
	X509_REQ *req = fill_request(spki, subject);
	int ret = req != NULL ? sign_request(req, key, ret_csr, e)
			      : err_openssl(e, ERR_FAILED, "the request cannot be put together");
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return ret;
}

int p11_bridge_key(struct p11_bridge *b, struct p11_token *t, const struct blob *cka_id, const char *label,
		   EVP_PKEY **ret, struct err *e)
{
	const struct timespec pause = {0, SEARCH_PAUSE_MS * 1000000L};
	PKCS11_set_ui_method(b->ctx, b->ui, t);
	for (int i = 0; (*ret = find_key(find_slot(b, p11_token_slot(t)), cka_id, label)) == NULL && i < SEARCHES; i++)
		nanosleep(&pause, NULL);
	return *ret != NULL ? 0
			    : err_openssl(e, ERR_TOKEN_FAILED, "libp11 does not find the key \"%s\" on token %s", label,
					  p11_token_description(t)->serial);
}
