#include "core/xalloc.h"
#include "enroll/run.h"
#include "handover/profile.h"
#include "pkcs11/orphan.h"
#include "pkcs11/ovpnid.h"

#include <openssl/rand.h>
#include <string.h>

/* Bytes of a CKA_ID of ours: random, so that it is nobody else's, and short, because it is part of the pkcs11-id
 * and a line of a profile ends at 254 bytes. */
#define CKA_ID_LEN 8

static size_t length_of(const struct profile *p)
{
	return p->key.id_max != 0 && p->key.id_max < CKA_ID_LEN ? p->key.id_max : CKA_ID_LEN;
}

static int choose_random(struct enroll_run *r, struct blob *ret, struct err *e)
{
	unsigned char id[CKA_ID_LEN];
	bool taken = true;
	while (taken) {
		/* a token that was just set up holds nothing yet */
		taken = r->opened;
		if (RAND_bytes(id, sizeof id) != 1)
			return err_openssl(e, ERR_FAILED, "the random generator failed");
		id[0] |= 0x80; /* never a leading zero, which some modules cut off */
		blob_set(ret, id, length_of(r->profile));
		if (r->opened && r->ports->token.id_taken(r->worker, ret, &taken, e) != 0)
			return -1;
	}
	return 0;
}

/* Whether there is nothing in this place, or only what is left of a credential of ours that has ended. */
static int place_is_free(struct enroll_run *r, const struct profile_place *place, bool *ret, struct err *e)
{
	struct worker_key key = WORKER_KEY_INIT;
	bool taken = r->opened, ours = false;
	if (taken && r->ports->token.id_taken(r->worker, &place->id, &taken, e) != 0)
		return -1;
	int got = taken ? r->ports->token.key_find(r->worker, &place->id, NULL, &key, e) : 0;
	if (got == 0 && key.spki.len != 0)
		got = r->ports->store.key_ended(r->store, &r->token_id, &key.spki, &ours, e);
	*ret = !taken || ours;
	worker_key_free(&key);
	return got;
}

static int no_place(const struct enroll_run *r, struct err *e)
{
	const struct profile_key *k = &r->profile->key;
	char names[256] = "";
	for (size_t i = 0; i < k->n_place; i++) {
		size_t n = strlen(names);
		snprintf(names + n, sizeof names - n, "%s%s", i != 0 ? ", " : "", k->place[i].name);
	}
	err_set(e, ERR_TOKEN_FULL, "token %s has no free place for a key: there is one in %s already", r->token.serial,
		names);
	if (r->cred.way == CRED_WAY_REKEY)
		return err_next(e,
				"the old key stays until a new one is proven, so rekey needs room for both; `tokenroll "
				"enroll --replace %s` makes the new one in the place of the old one, and %s has no "
				"certificate that works until that is done",
				r->opt->user, r->opt->user);
	return err_next(e, "what tokenroll did not make is never overwritten: take another token, or clear the place "
			   "with the token's own tool if nobody needs that key");
}

/* Whether in this place is the very key that --replace is to give up. */
static int place_is_given_up(struct enroll_run *r, const struct profile_place *place, bool *ret, struct err *e)
{
	struct worker_key key = WORKER_KEY_INIT;
	struct store_credential old = {.id = 0};
	bool found = false;
	*ret = false;
	if (!r->opt->replace)
		return 0;
	int got = r->ports->store.find(r->store, r->opt->user, &r->token_id, &found, &old, e);
	if (got == 0 && found && old.spki.len != 0)
		got = r->ports->token.key_find(r->worker, &place->id, NULL, &key, e);
	*ret = got == 0 && found && key.spki.len != 0 && blob_equal(&key.spki, &old.spki);
	worker_key_free(&key);
	store_credential_free(&old);
	return got;
}

typedef int place_fn(struct enroll_run *r, const struct profile_place *place, bool *ret, struct err *e);

/* The first place that will do; *ret stays empty if there is none. */
static int find_place(struct enroll_run *r, place_fn *will_do, struct blob *ret, struct err *e)
{
	const struct profile_key *k = &r->profile->key;
	for (size_t i = 0; i < k->n_place && ret->len == 0; i++) {
		bool yes = false;
		if (will_do(r, &k->place[i], &yes, e) != 0)
			return -1;
		if (yes)
			blob_set(ret, k->place[i].id.data, k->place[i].id.len);
	}
	return 0;
}

/* As long as there is another one, the key that is in use stays until the new one is proven. */
static int choose_place(struct enroll_run *r, struct blob *ret, struct err *e)
{
	blob_set(ret, NULL, 0);
	if (find_place(r, place_is_free, ret, e) != 0 ||
	    (ret->len == 0 && find_place(r, place_is_given_up, ret, e) != 0))
		return -1;
	return ret->len != 0 ? 0 : no_place(r, e);
}

int enroll_id_choose(struct enroll_run *r, struct blob *ret, struct err *e)
{
	return r->profile->key.id == PROFILE_ID_FIXED ? choose_place(r, ret, e) : choose_random(r, ret, e);
}

int enroll_id_mark(struct enroll_run *r, struct blob *ret, struct err *e)
{
	if (r->opened)
		return r->ports->token.orphans_mark(r->worker, ret, e);
	/* a token that was just set up holds nothing yet */
	p11_orphans_none(ret);
	return 0;
}

int enroll_id_name(const struct enroll_run *r, const struct blob *id, char *ret, size_t size)
{
	struct p11_token_info t = {.slot = 0};
	memcpy(t.manufacturer, r->token.manufacturer, sizeof t.manufacturer);
	memcpy(t.model, r->token.model, sizeof t.model);
	memcpy(t.serial, r->token.serial, sizeof t.serial);
	memcpy(t.label, r->token.label, sizeof t.label);
	if (enroll_is_blank(r))
		enroll_new_label(r, t.label);
	return ovpnid_write(ret, size, &t, id);
}

int enroll_id_check(const struct enroll_run *r, struct err *e)
{
	static unsigned char any[CKA_ID_LEN];
	static const char option[] = "pkcs11-id ''\r"; /* as on Windows */
	const struct blob id = {.data = any, .len = length_of(r->profile)};
	char text[sizeof r->cred.pkcs11_id];
	if (enroll_client_differs(r) || enroll_id_name(r, &id, text, sizeof text) != 0 ||
	    strlen(text) + strlen(option) <= PROFILE_LINE_MAX)
		return 0;
	err_set(e, ERR_UNSUPPORTED, "the id of a key on token %s would be too long: OpenVPN takes lines of %d bytes",
		r->token.serial, PROFILE_LINE_MAX);
	return err_next(e, "give the token a shorter label of plain letters, or take another token: in the id each "
			   "blank, each sign and each byte of another script takes four bytes");
}
