#include "core/file.h"
#include "core/xalloc.h"
#include "enroll/run.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define CERT_FILE_MAX ((size_t)1 << 20)

#define ORPHAN_HOLDS_S (24 * 60 * 60)

/* A key that the token has but does not show is taken for ours only soon after we began. */
static int remove_unseen(struct enroll_run *r, const struct store_credential *c, struct err *e)
{
	time_t age = time(NULL) - c->changed;
	bool recent = age >= 0 && age <= ORPHAN_HOLDS_S;
	return recent && c->earlier.len != 0 ? r->ports->token.orphans_delete(r->worker, &c->earlier, e) : 0;
}

/* A pair that was made by a run that ended before it could write down the public key. It carries a random CKA_ID
 * that was free when it was journalled, so it is ours. */
static int remove_orphan(struct enroll_run *r, struct err *e)
{
	bool gone = false;
	if (r->ports->token.key_delete(r->worker, &r->cred.cka_id, NULL, &gone, e) != 0)
		return -1;
	return remove_unseen(r, &r->cred, e);
}

static int check_new_key(struct enroll_run *r, const struct worker_key *key, struct err *e)
{
	if (key->spki.len == 0)
		return err_set(e, ERR_TOKEN_FAILED, "token %s made a key pair but does not show its public key",
			       r->token.serial);
	/* SENSITIVE is judged by the proof: some modules tell it right only in a fresh session */
	if (key->extractable) {
		remove_orphan(r, NULL);
		err_set(e, ERR_UNSUPPORTED, "token %s made a private key that can be read out; it was deleted again",
			r->token.serial);
		return err_next(e, "this token cannot keep a private key to itself: take another one");
	}
	return 0;
}

static int generate(struct enroll_run *r, struct worker_key *ret, struct err *e)
{
	const struct enroll_token_port *token = &r->ports->token;
	const struct store_credential *c = &r->cred;
	if (token->key_generate_begin(r->worker, (enum keytype)c->key_type, &c->cka_id, c->user, e) != 0)
		return -1;
	/* while the token is busy and this machine is not; if it does not start, the proof itself says why */
	if (!r->opt->csr_only)
		(void)enroll_prove_prepare(r, NULL);
	return token->key_generate_end(r->worker, ret, e);
}

int enroll_step_key(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	struct worker_key key = WORKER_KEY_INIT;
	int ret = r->fresh ? 0 : remove_orphan(r, e);
	if (ret == 0)
		ret = generate(r, &key, e);
	if (ret == 0)
		ret = check_new_key(r, &key, e);
	if (ret == 0) {
		blob_set(&c->spki, key.spki.data, key.spki.len);
		blob_set(&c->cka_id, key.cka_id.data, key.cka_id.len);
		worker_key_describe(&key, c->key_attributes, sizeof c->key_attributes);
		ret = r->ports->store.advance(r->store, c, CRED_KEYED, e);
	}
	worker_key_free(&key);
	return ret;
}

static int write_request(struct enroll_run *r, struct err *e)
{
	const struct blob *der = &r->cred.csr;
	const unsigned char *p = der->data;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der->len);
	BIO *mem = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long n = 0;
	if (req != NULL && mem != NULL && PEM_write_bio_X509_REQ(mem, req) == 1)
		n = BIO_get_mem_data(mem, &pem);
	char *path = xasprintf("%s/%s.req", r->cfg->bundle.dir, r->opt->user);
	int ret = n > 0 ? file_mkdir(r->cfg->bundle.dir, 0700, e) : err_set(e, ERR_FAILED, "the request is unreadable");
	if (ret == 0)
		ret = file_write(path, pem, (size_t)n, 0600, e);
	BIO_free(mem);
	X509_REQ_free(req);
	if (ret == 0)
		r->result->request_path = path;
	else
		free(path);
	return ret;
}

static struct ca_proof proof_of(const struct store_credential *c)
{
	return (struct ca_proof){.attestation = &c->attestation, .token_serial = c->token.serial};
}

/* Where the CA does not see the proof when it signs, it is judged here. */
static int judge_proof(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	struct ca_proof proof = proof_of(c);
	char attested[CA_ATTESTED_MAX] = "";
	if (r->ports->ca.attest(r->signer, c->user, &c->spki, &proof, attested, e) != 0)
		return -1;
	snprintf(c->attested, sizeof c->attested, "%s", attested);
	return 0;
}

int enroll_step_request(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	int ret = r->ports->token.request(r->worker, &c->cka_id, &c->spki, &r->subject, &c->csr, e);
	/* journalled with the request, so that whoever goes on has it */
	if (ret == 0 && r->profile->key.attestation != PROFILE_ATTEST_NONE)
		ret = r->ports->token.attestation(r->worker, &c->cka_id, &c->attestation, e);
	if (ret == 0 && r->opt->csr_only)
		ret = judge_proof(r, e);
	if (ret == 0)
		ret = r->ports->store.advance(r->store, c, CRED_REQUESTED, e);
	if (ret == 0 && r->opt->csr_only)
		ret = write_request(r, e);
	return ret;
}

void enroll_take_certificate(struct store_credential *c, const struct ca_certificate *cert)
{
	blob_set(&c->cert, cert->der.data, cert->der.len);
	snprintf(c->cert_serial, sizeof c->cert_serial, "%s", cert->serial);
	c->not_after = cert->not_after;
}

int enroll_read_certificate(struct enroll_run *r, struct ca_certificate *ret, struct err *e)
{
	const struct store_credential *c = &r->cred;
	struct blob file = BLOB_INIT;
	if (file_read(r->opt->cert_file, CERT_FILE_MAX, &file, e) != 0) {
		e->code = ERR_USAGE;
		return err_next(e, "name the file with the certificate that the CA has made of the request");
	}
	int got = r->ports->ca.check(r->signer, c->user, &c->spki, &file, ret, e);
	blob_free(&file);
	return got != 0 && e->code == ERR_CERT_MISMATCH ? err_prefix(e, "%s", r->opt->cert_file) : got;
}

/* Some tokens keep the beginning of one that is too long. */
static int check_length(const struct enroll_run *r, const struct blob *der, struct err *e)
{
	size_t max = r->profile->key.certificate_max;
	if (max == 0 || der->len <= max)
		return 0;
	err_set(e, ERR_TOKEN_FULL, "the certificate has %zu bytes, and token %s (%s) takes %zu at most", der->len,
		r->token.serial, r->profile->name, max);
	return err_next(
	    e, "take another token, or have a shorter certificate made: for a key of another --key-type, or by a "
	       "CA with a shorter name or fewer extensions");
}

static int take_file(struct enroll_run *r, struct err *e)
{
	struct ca_certificate cert = {.der = BLOB_INIT};
	int ret = enroll_read_certificate(r, &cert, e);
	if (ret == 0)
		ret = check_length(r, &cert.der, e);
	if (ret == 0)
		ret = judge_proof(r, e);
	if (ret == 0)
		enroll_take_certificate(&r->cred, &cert);
	ca_certificate_free(&cert);
	return ret;
}

static int have_issued(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	struct ca_request req = {.user = c->user,
				 .csr = &c->csr,
				 .days = r->opt->days,
				 .replace = r->opt->replace && !enroll_succeeds(c),
				 .proof = proof_of(c)};
	struct ca_issued issued = {.existed = false};
	char *beside = NULL;
	if (enroll_succeeds(c) && r->ports->store.serials_beside(r->store, c, &beside, e) != 0)
		return -1;
	req.beside = beside;
	memcpy(req.serial, c->serial, sizeof req.serial);
	int ret = enroll_unlock_end(r, e);
	if (ret == 0)
		ret = r->ports->ca.issue(r->signer, &req, &issued, e);
	free(beside);
	if (ret == 0) {
		enroll_take_certificate(c, &issued.cert);
		r->result->shortened = issued.shortened;
		snprintf(c->attested, sizeof c->attested, "%s", issued.attested);
		memcpy(r->result->replaced, issued.replaced, sizeof issued.replaced);
	}
	ca_certificate_free(&issued.cert);
	return ret;
}

int enroll_step_issue(struct enroll_run *r, struct err *e)
{
	int ret = r->opt->cert_file != NULL ? take_file(r, e) : have_issued(r, e);
	/* a renewal or rekeying takes over when it is proven */
	if (ret == 0 && !enroll_succeeds(&r->cred))
		ret = r->ports->store.supersede(r->store, &r->cred, e);
	if (ret == 0 && r->result->replaced[0] != '\0')
		ret = r->ports->store.revoked(r->store, r->result->replaced, r->cred.user, time(NULL), "superseded", e);
	return ret == 0 ? r->ports->store.advance(r->store, &r->cred, CRED_ISSUED, e) : -1;
}

int enroll_step_write(struct enroll_run *r, struct err *e)
{
	struct store_credential *c = &r->cred;
	if (check_length(r, &c->cert, e) != 0 || enroll_open_token(r, e) != 0)
		return -1;
	const struct enroll_token_port *token = &r->ports->token;
	bool keep_older = c->way == CRED_WAY_RENEW;
	if (token->certificate_write_begin(r->worker, &c->cka_id, c->user, &c->cert, keep_older, e) != 0)
		return -1;
	enroll_draft(r); /* while the token is busy */
	if (token->certificate_write_end(r->worker, e) != 0)
		return -1;
	return r->ports->store.advance(r->store, c, CRED_WRITTEN, e);
}

/* What cannot be told from somebody else's is left: a later run may know better. */
static void note_untold(struct enroll_run *r, const struct store_credential *old, const struct err *why)
{
	char text[1200];
	snprintf(text, sizeof text, "the old key of %s on token %s is left there, because it cannot be told: %s",
		 old->user, r->token.serial, why->what);
	r->ui->note(r->ui->arg, text);
}

static int remove_one(struct enroll_run *r, const struct store_credential *old, struct err *e)
{
	bool known = old->spki.len != 0, gone = false;
	/* in a place for keys there may be somebody else's by now, and without a public key nobody can tell */
	if (!known && r->profile->key.id == PROFILE_ID_FIXED)
		return r->ports->store.removed(r->store, old, false, e);
	if (enroll_open_token(r, e) != 0)
		return -1;
	struct err why = ERR_INIT;
	if (r->ports->token.key_delete(r->worker, &old->cka_id, known ? &old->spki : NULL, &gone, &why) != 0) {
		if (why.code == ERR_PROOF)
			note_untold(r, old, &why);
		else if (e != NULL)
			*e = why;
		return why.code == ERR_PROOF ? 0 : -1;
	}
	/* one that was given up before its key was known may have left something unseen */
	if (!known && remove_unseen(r, old, e) != 0)
		return -1;
	return r->ports->store.removed(r->store, old, gone, e);
}

int enroll_remove_leftovers(struct enroll_run *r, struct err *e)
{
	int64_t before = 0;
	bool found = true;
	/* without the PIN nothing is deleted; the next run that has it does */
	if (!r->opened && r->pin == NULL && !enroll_on_pad(r, PROFILE_PIN))
		return 0;
	while (found) {
		struct store_credential old = {.id = 0};
		if (r->ports->store.find_leftover(r->store, &r->token_id, before, &found, &old, e) != 0)
			return -1;
		int ret = found ? remove_one(r, &old, e) : 0;
		before = old.id;
		store_credential_free(&old);
		if (ret != 0)
			return -1;
	}
	return 0;
}
