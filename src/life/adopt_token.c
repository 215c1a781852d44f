#include "life/adopt_token.h"

#include "core/xalloc.h"
#include "enroll/adopt.h"
#include "enroll/same.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static struct life_adopted_token *add(struct life_adopted *a, const struct store_token *id)
{
	a->tokens = xrealloc(a->tokens, a->n_tokens + 1, sizeof *a->tokens);
	struct life_adopted_token *t = &a->tokens[a->n_tokens++];
	*t = (struct life_adopted_token){.token = *id};
	return t;
}

/* The end of the certificate that the token has for this key, 0 if it has none: the PKI may have several. */
static time_t end_on_token(const struct life_seen *s, const struct blob *spki)
{
	time_t end = 0;
	for (size_t i = 0; i < s->n_objects; i++) {
		const struct p11_listed *o = &s->objects[i];
		if (o->class == CKO_CERTIFICATE && !o->nobodys && blob_equal(&o->spki, spki) && o->not_after > end)
			end = o->not_after;
	}
	return end;
}

/* A key is looked at once, also if the token shows it and its certificate. */
static bool is_first_of_key(const struct life_seen *s, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (!s->objects[i].nobodys && blob_equal(&s->objects[i].spki, &s->objects[at].spki))
			return false;
	}
	return s->objects[at].spki.len != 0 && !s->objects[at].nobodys;
}

/* What the certificate says of itself: its serial number as the journal proposes them, and the type of its key. */
static int describe(struct store_credential *c, struct err *e)
{
	const unsigned char *p = c->spki.data;
	struct blob serial = BLOB_INIT;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)c->spki.len);
	c->key_type = key != NULL ? keytype_of(key) : KEYTYPE_NONE;
	EVP_PKEY_free(key);
	ERR_clear_error();
	if (c->key_type == KEYTYPE_NONE)
		return err_set(e, ERR_UNSUPPORTED, "its key is of a type that tokenroll does not make");
	if (hex_decode(&serial, c->cert_serial) == 0) {
		size_t n = serial.len < sizeof c->serial ? serial.len : sizeof c->serial;
		memcpy(c->serial + sizeof c->serial - n, serial.data + serial.len - n, n);
	}
	blob_free(&serial);
	return 0;
}

static int check_owner(const struct life_seen *s, const struct store_credential *c, struct err *e)
{
	if (config_check_user(c->user, e) != 0)
		return err_prefix(e, "the certificate %s has a name that no user can have", c->cert_serial);
	if (s->owner[0] == '\0' || strcmp(s->owner, c->user) == 0)
		return 0;
	err_set(e, ERR_TOKEN_TAKEN, "it belongs to %s, and has a key with a certificate of %s, too", s->owner, c->user);
	return err_next(e, "look whose token it is; `tokenroll wipe` ends all that is on it");
}

/* The request, which the PKI may have; without it only a token can renew. */
static int take_request(struct signer *ca, struct store_credential *c, struct err *e)
{
	char serial[1][CA_SERIAL_HEX_MAX];
	struct ca_detail d;
	size_t n = 0;
	memcpy(serial[0], c->cert_serial, sizeof serial[0]);
	if (signer_details(ca, (const char(*)[CA_SERIAL_HEX_MAX])serial, 1, &d, &n, e) != 0)
		return -1;
	blob_set(&c->csr, d.request.data, d.request.len);
	ca_detail_free(&d);
	return 0;
}

/* Nobody else may be at work on either. */
static int put(struct life *l, const struct life_seen *s, struct store_credential *c, struct err *e)
{
	if (l->ports->store.claim_user(l->store, c->user, e) != 0 ||
	    l->ports->store.claim_token(l->store, &c->token, e) != 0 ||
	    enroll_adopt_name(l->ports, l->cfg, &s->token, s->profile, l->ui->note, l->ui->arg, c, e) != 0 ||
	    store_adopt_token(l->store, c, e) != 0)
		return -1;
	return s->profile->id != NULL ? l->ports->store.token_profile(l->store, &c->token, s->profile->id, e) : 0;
}

static int only_others(struct life_adopted_token *t)
{
	err_set(&t->refused, ERR_REVOKED,
		"the PKI has only certificates for its key that are revoked, expired, or no client's");
	return err_next(&t->refused, "it cannot connect any more: `tokenroll wipe` empties it");
}

static int adopt_key(struct life *l, struct signer *ca, const struct life_seen *s, const struct p11_listed *o,
		     struct life_adopted *ret, struct err *e)
{
	struct store_credential c = {.id = 0};
	bool have = false, found = false, gone = false;
	same_identify(&s->token, s->profile, &c.token);
	if (store_has_key(l->store, &c.token, &o->spki, &have, e) != 0)
		return -1;
	if (have)
		return 0;
	int status = store_adopt_find(l->store, &o->spki, end_on_token(s, &o->spki), &found, &gone, &c, e);
	if (status == 0 && gone)
		(void)only_others(add(ret, &c.token));
	if (status == 0 && found) {
		struct life_adopted_token *t = add(ret, &c.token);
		memcpy(t->user, c.user, sizeof t->user);
		blob_set(&c.cka_id, o->id.data, o->id.len);
		snprintf(c.module, sizeof c.module, "%s", s->module.path);
		if (check_owner(s, &c, &t->refused) == 0 && describe(&c, &t->refused) == 0 &&
		    take_request(ca, &c, &t->refused) == 0 && put(l, s, &c, &t->refused) == 0)
			memcpy(t->cert_serial, c.cert_serial, sizeof t->cert_serial);
	}
	store_credential_free(&c);
	return status;
}

int adopt_tokens(struct life *l, struct signer *ca, const struct life_seen_all *seen, struct life_adopted *ret,
		 struct err *e)
{
	for (size_t i = 0; i < seen->n; i++) {
		const struct life_seen *s = &seen->list[i];
		if ((s->token.flags & (WORKER_TOKEN_UNREADABLE | WORKER_TOKEN_UNKNOWN)) != 0 ||
		    s->trouble.code != ERR_NONE) {
			ret->unreadable++;
			continue;
		}
		ret->looked_at += (s->token.flags & WORKER_TOKEN_INITIALIZED) != 0;
		for (size_t k = 0; k < s->n_objects; k++) {
			if (is_first_of_key(s, k) && adopt_key(l, ca, s, &s->objects[k], ret, e) != 0)
				return -1;
		}
	}
	return 0;
}
