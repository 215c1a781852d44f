#include "enroll/run.h"
#include "enroll/same.h"
#include "pkcs11/challenge.h"
#include "pkcs11/ovpnid.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One module's view of the token, in a process that has seen nothing before. */
struct view {
	const char *module;
	struct worker *worker;
	struct worker_token token;
	struct blob cka_id; /* under which this module shows our certificate */
};

static void note_missing(struct enroll_run *r)
{
	char text[1200];
	snprintf(text, sizeof text,
		 "the laptops' module %s is not on this machine: the pkcs11-id was computed with %s instead",
		 enroll_client_module(r, PLATFORM_LINUX), r->module);
	enroll_shared_note(r->ui)(r->ui->arg, text);
}

static int look_at(struct enroll_run *r, struct view *v, const struct worker_token *t, struct err *e)
{
	if (r->ports->token.open(v->worker, t, NULL, e) != 0 ||
	    r->ports->token.certificate_find(v->worker, &r->cred.cert, &v->cka_id, e) != 0)
		return -1;
	v->token = *t;
	return 0;
}

/* Why the certificate was not found; named: but the token was. */
static int not_found(struct enroll_run *r, const struct view *v, bool named, struct err *e)
{
	/* nobody has looked for tokens where only another name of the key was asked for */
	if (r->discovery != NULL && discover_is_pulled(r->discovery, r->token.reader, READER_NOTICES_MS))
		return err_set(e, ERR_REMOVED, "token %s was pulled out of '%s' before it was proven", r->token.serial,
			       r->token.reader);
	bool enrolled_with = strcmp(v->module, r->module) == 0;
	r->unwritten = named || !enrolled_with;
	return err_set(e, r->unwritten ? ERR_PROOF : ERR_REMOVED,
		       "the certificate of token %s is not found in a fresh session with %s", r->token.serial,
		       v->module);
}

static int cannot_tell(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_PROOF, "the certificate is shown behind two PINs of token %s, of which none is labelled \"%s\"",
		r->token.serial, r->token.label);
	return err_next(e, "no PIN was sent; name as the laptops' module the one that enrolls, with [vpn] "
			   "client-module-linux or --client-module, or take another token");
}

/* A card with several PINs is shown as several tokens, and some show a certificate behind each: with the wrong one a
 * try of another PIN would be spent. */
static int check_only(struct enroll_run *r, struct view *v, const struct worker_token *list, size_t n,
		      const struct worker_token *found, struct err *e)
{
	bool looked = false;
	for (size_t i = 0; i < n; i++) {
		if (&list[i] == found || (list[i].flags & WORKER_TOKEN_INITIALIZED) == 0 ||
		    !worker_same_token(&list[i], found))
			continue;
		looked = true;
		blob_free(&v->cka_id);
		if (look_at(r, v, &list[i], e) != 0)
			return -1;
		if (v->cka_id.len != 0)
			return cannot_tell(r, e);
	}
	return looked ? look_at(r, v, found, e) : 0;
}

/* Among those with the label that it has for the module that enrolled, or among the others. */
static int find_labelled(struct enroll_run *r, struct view *v, const struct worker_token *list, size_t n, bool alike,
			 struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct worker_token *t = &list[i];
		if ((t->flags & WORKER_TOKEN_INITIALIZED) == 0 || alike != (strcmp(t->label, r->token.label) == 0))
			continue;
		if (look_at(r, v, t, e) != 0)
			return -1;
		if (v->cka_id.len != 0)
			return alike ? 0 : check_only(r, v, list, n, t, e);
	}
	return 0;
}

static int find_by_certificate(struct enroll_run *r, struct view *v, const struct worker_token *list, size_t n,
			       struct err *e)
{
	if (find_labelled(r, v, list, n, true, e) != 0)
		return -1;
	return v->cka_id.len != 0 ? 0 : find_labelled(r, v, list, n, false, e);
}

/* By its name if this is the module that enrolled, else by the certificate: modules name one token differently. */
static int find_token(struct enroll_run *r, struct view *v, struct err *e)
{
	struct worker_token *list = NULL;
	size_t n = 0;
	if (r->ports->token.tokens_begin(v->worker, v->module, e) != 0 ||
	    r->ports->token.tokens_end(v->worker, &list, &n, e) != 0)
		return -1;
	const struct worker_token *named = same_find(list, n, &r->token, r->profile);
	int ret = named != NULL ? look_at(r, v, named, e) : find_by_certificate(r, v, list, n, e);
	if (ret == 0 && v->cka_id.len == 0)
		ret = not_found(r, v, named != NULL, e);
	free(list);
	return ret;
}

static int prepare(struct enroll_run *r, const char *module, struct err *e)
{
	if (r->prover != NULL)
		return 0;
	if (enroll_start_worker_for(r, module, true, &r->prover, e) != 0)
		return -1;
	/* some modules of laptops know no serial number, or tell it in another way */
	r->ports->token.name(r->prover, r->token.serial);
	return r->ports->token.load_begin(r->prover, module, e);
}

int enroll_prove_prepare(struct enroll_run *r, struct err *e)
{
	char *client = enroll_client_here(r);
	int ret = prepare(r, client != NULL ? client : r->module, e);
	free(client);
	return ret;
}

static int view_open(struct enroll_run *r, struct view *v, const char *module, struct err *e)
{
	r->ports->token.stop(&r->leaving);
	if (prepare(r, module, e) != 0)
		return -1;
	v->module = module;
	v->worker = r->prover;
	r->prover = NULL;
	return find_token(r, v, e);
}

static void view_close(struct enroll_run *r, struct view *v)
{
	r->ports->token.dismiss(v->worker);
	r->ports->token.stop(&r->leaving);
	r->leaving = v->worker;
	blob_free(&v->cka_id);
}

/* What the laptops' module does not find may be on the token all the same: then it is the wrong module. */
static int judge_unwritten(struct enroll_run *r, const char *module, struct err *e)
{
	struct view v = {.cka_id = BLOB_INIT};
	struct err unsaid = ERR_INIT;
	if (!r->unwritten || strcmp(module, r->module) == 0)
		return -1;
	r->unwritten = false;
	if (view_open(r, &v, r->module, &unsaid) == 0)
		err_next(e,
			 "%s finds it, so the token is in order: name the module that the laptops have as [vpn] "
			 "client-module-linux in %s, or with --client-module, and run the same command again",
			 r->module, r->cfg->path);
	view_close(r, &v);
	return -1;
}

static bool is_kept(const struct worker_key *key)
{
	return key->sensitive && !key->extractable;
}

static int not_kept(struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_PROOF, "token %s says that its private key can be read out (it is '%s')", r->token.serial,
		r->cred.key_attributes);
	return err_next(e, "do not hand this token out; revoke certificate %s and take another token",
			r->cred.cert_serial);
}

static int advise_shared(const struct enroll_run *r, struct err *e)
{
	return err_next(
	    e,
	    "OpenVPN takes whichever it finds first: delete the one that is not %s's with the tool that made it, and "
	    "run the same command again; or make a key with a CKA_ID of its own: tokenroll enroll --replace %s",
	    r->opt->user, r->opt->user);
}

int enroll_refuse_shared(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_KEY_EXISTS, "another private key on token %s has the CKA_ID of the one of certificate %s",
		r->token.serial, r->cred.cert_serial[0] != '\0' ? r->cred.cert_serial : r->result->old.cert_serial);
	return advise_shared(r, e);
}

/* What to do about a key that the proof has not found, or found twice. */
static int advise_key(const struct enroll_run *r, struct err *e)
{
	if (e->code == ERR_KEY_EXISTS)
		return advise_shared(r, e);
	if (e->code == ERR_KEY_GONE)
		return err_next(
		    e,
		    "it cannot be brought back: make a new one with `tokenroll rekey %s`, or where that refuses, "
		    "`tokenroll enroll --replace %s`",
		    r->opt->user, r->opt->user);
	return -1;
}

static int has_rival(const struct enroll_run *r, const char *rival, struct err *e)
{
	err_set(
	    e, ERR_PROOF,
	    "OpenVPN would take another certificate on token %s, which has the CKA_ID of %s's key and ends no sooner "
	    "than %s: %s",
	    r->token.serial, r->opt->user, r->cred.cert_serial, rival);
	return err_next(
	    e,
	    "tokenroll did not make it and does not delete it: delete it with the tool that wrote it, and run "
	    "the same command again; or make a key with a CKA_ID of its own: tokenroll enroll --replace %s",
	    r->opt->user);
}

static int challenge(struct enroll_run *r, struct view *v, EVP_PKEY *key, struct worker_proof *ret, struct err *e)
{
	struct blob digest = BLOB_INIT;
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	bool last_try = (r->token.flags & WORKER_TOKEN_PIN_LAST_TRY) != 0;
	int got = challenge_make(key, &digest, e);
	if (got == 0)
		got = r->ports->token.login(v->worker, false, r->pin, last_try, e) == 0
			  ? 0
			  : enroll_secret_failed(r, PROFILE_PIN, e);
	if (got == 0)
		got = enroll_tell_ours(r, v->worker, e);
	if (got == 0)
		got = r->ports->token.prove(v->worker, &v->cka_id, &r->cred.cert, rsa, &digest, ret, e) == 0
			  ? 0
			  : advise_key(r, e);
	if (got == 0)
		got = challenge_verify(key, &digest, &ret->signature, e);
	if (got == 0 && ret->rival[0] != '\0')
		got = has_rival(r, ret->rival, e);
	blob_free(&digest);
	return got;
}

/* A token that chooses the CKA_ID itself may show another one in a fresh session. */
static int other_id(struct enroll_run *r, const struct blob *id, struct err *e)
{
	if (r->profile->key.id != PROFILE_ID_REPLACED)
		return err_set(e, ERR_PROOF, "the certificate is on token %s under another CKA_ID than its key",
			       r->token.serial);
	blob_set(&r->cred.cka_id, id->data, id->len);
	return 0;
}

/* Only some modules know it of a key: one that does is believed. */
bool enroll_wants_pin_each_time(const struct store_credential *c)
{
	return strstr(c->key_attributes, WORKER_PIN_EACH_TIME) != NULL;
}

/* *ret_kept: whether this module says that the key cannot be read out. */
static int prove_with(struct enroll_run *r, const char *module, EVP_PKEY *key, bool *ret_kept, struct err *e)
{
	struct view v = {.cka_id = BLOB_INIT};
	struct worker_proof proof = {.key = WORKER_KEY_INIT};
	bool enrolled_with = strcmp(module, r->module) == 0;
	int ret = view_open(r, &v, module, e);
	if (ret == 0 && enrolled_with && !blob_equal(&v.cka_id, &r->cred.cka_id))
		ret = other_id(r, &v.cka_id, e);
	if (ret == 0)
		ret = challenge(r, &v, key, &proof, e);
	if (ret == 0) {
		*ret_kept = is_kept(&proof.key);
		proof.key.pin_each_time = proof.key.pin_each_time || enroll_wants_pin_each_time(&r->cred);
		worker_key_describe(&proof.key, r->cred.key_attributes, sizeof r->cred.key_attributes);
		memcpy(r->cred.pkcs11_id, proof.pkcs11_id, sizeof r->cred.pkcs11_id);
		snprintf(r->cred.client_module, sizeof r->cred.client_module, "%s", module);
	}
	worker_proof_free(&proof);
	/* it names the token in its own way */
	if (ret != 0 && !enrolled_with && e->code != ERR_REMOVED)
		err_prefix(e, "the proof with the laptops' module %s", module);
	view_close(r, &v);
	return ret == 0 ? 0 : judge_unwritten(r, module, e);
}

/*
 * With the laptops' module, if it is on this machine: that proves all there is to prove. The module that enrolled is
 * asked, too, where that one says less of the key than it should, or where there is no other one.
 */
static int prove_all(struct enroll_run *r, EVP_PKEY *key, struct err *e)
{
	bool kept = false;
	char *client = enroll_client_here(r);
	if (client == NULL && enroll_client_differs(r))
		note_missing(r);
	int ret = client != NULL ? prove_with(r, client, key, &kept, e) : 0;
	if (ret == 0 && !kept) {
		const struct store_credential by_client = r->cred; /* borrowed: only its texts are used */
		ret = prove_with(r, r->module, key, &kept, e);
		if (ret == 0 && client != NULL) {
			memcpy(r->cred.pkcs11_id, by_client.pkcs11_id, sizeof r->cred.pkcs11_id);
			memcpy(r->cred.client_module, by_client.client_module, sizeof r->cred.client_module);
		}
	}
	free(client);
	return ret == 0 && !kept ? not_kept(r, e) : ret;
}

void enroll_close_writer(struct enroll_run *r)
{
	r->ports->token.stop(&r->worker);
	r->opened = false;
}

int enroll_prove(struct enroll_run *r, struct err *e)
{
	const unsigned char *p = r->cred.cert.data;
	X509 *x = d2i_X509(NULL, &p, (long)r->cred.cert.len);
	if (x == NULL)
		return err_openssl(e, ERR_STORE, "the certificate in the journal cannot be read");
	enroll_close_writer(r);
	r->unwritten = false;
	int ret = enroll_ask_pin(r, e);
	if (ret == 0)
		ret = prove_all(r, X509_get0_pubkey(x), e);
	if (ret == 0 && enroll_id_name(r, &r->cred.cka_id, r->cred.enroll_id, sizeof r->cred.enroll_id) != 0)
		r->cred.enroll_id[0] = '\0';
	X509_free(x);
	return ret;
}

int enroll_check_present(struct enroll_run *r, struct err *e)
{
	struct view v = {.cka_id = BLOB_INIT};
	char *client = enroll_client_here(r);
	enroll_close_writer(r);
	r->unwritten = false;
	const char *module = client != NULL ? client : r->module;
	int ret = view_open(r, &v, module, e);
	view_close(r, &v);
	if (ret != 0)
		ret = judge_unwritten(r, module, e);
	free(client);
	return ret;
}

int enroll_name_with(struct enroll_run *r, const char *module, struct err *e)
{
	struct view v = {.cka_id = BLOB_INIT};
	struct p11_token_info t = {.slot = 0};
	int ret = view_open(r, &v, module, e);
	if (ret == 0) {
		memcpy(t.manufacturer, v.token.manufacturer, sizeof t.manufacturer);
		memcpy(t.model, v.token.model, sizeof t.model);
		memcpy(t.serial, v.token.serial, sizeof t.serial);
		memcpy(t.label, v.token.label, sizeof t.label);
	}
	if (ret == 0 && ovpnid_write(r->cred.pkcs11_id, sizeof r->cred.pkcs11_id, &t, &v.cka_id) != 0)
		ret = err_set(e, ERR_PROOF, "the pkcs11-id of token %s is too long", r->token.serial);
	view_close(r, &v);
	return ret;
}
