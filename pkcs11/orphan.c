#include "pkcs11/orphan.h"
#include "core/xalloc.h"
#include "pkcs11/apdu.h"
#include "pkcs11/login.h"

#include <stdlib.h>
#include <string.h>

#define MARK 0x01 /* a mark begins with it, so that one without names is not empty */
#define NAME 2    /* bytes of a file's name */

/* bytes of a random CKA_ID that are not in somebody else's file by chance */
#define CERTAINLY_OURS 8

enum { SW_OK = 0x9000, SW_END_OF_FILE = 0x6282, SW_NO_FILE = 0x6A82 };

static int run(const struct p11_token *t, const struct profile_apdus *commands, const unsigned char *file,
	       struct apdu_answer *ret, struct err *e)
{
	struct secret *name = secret_new();
	struct profile_secrets places = {{NULL}};
	secret_set(name, (const char *)file, file != NULL ? NAME : 0, NULL);
	places.v[PROFILE_FILE] = name;
	int got = apdu_run(p11_token_description(t)->reader, commands, &places, ret, e);
	secret_free(&name);
	return got;
}

static const struct profile_orphan *way(const struct p11_token *t)
{
	return &p11_token_profile(t)->orphan;
}

void p11_orphans_none(struct blob *ret)
{
	static const unsigned char mark = MARK;
	blob_set(ret, &mark, 1);
}

size_t p11_orphans_count(const struct blob *mark)
{
	return mark->len != 0 ? (mark->len - 1) / NAME : 0;
}

int p11_orphans_mark(const struct p11_token *t, struct blob *ret, struct err *e)
{
	struct apdu_answer a;
	blob_set(ret, NULL, 0);
	if (way(t)->list.n == 0)
		return 0;
	if (run(t, &way(t)->list, NULL, &a, e) != 0)
		return -1;
	/* of a list that is not whole nothing can be concluded */
	if (a.sw != SW_OK || a.len % NAME != 0)
		return 0;
	unsigned char *mark = xcalloc(1, 1 + a.len);
	size_t n = 0;
	mark[n++] = MARK;
	for (size_t i = 0; i < a.len; i += NAME) {
		if (a.data[i] == way(t)->key.data[0]) {
			memcpy(mark + n, a.data + i, NAME);
			n += NAME;
		}
	}
	blob_take(ret, mark, n);
	return 0;
}

static bool has(const struct blob *mark, const unsigned char *name)
{
	for (size_t i = 1; i + NAME <= mark->len; i += NAME) {
		if (memcmp(mark->data + i, name, NAME) == 0)
			return true;
	}
	return false;
}

/* Whether the file is missing, or there is nothing in it. What the card does not say is not assumed. */
static int is_empty(const struct p11_token *t, const unsigned char *file, bool *ret, struct err *e)
{
	struct apdu_answer a;
	if (run(t, &way(t)->read, file, &a, e) != 0)
		return -1;
	*ret = a.sw == SW_NO_FILE || ((a.sw == SW_OK || a.sw == SW_END_OF_FILE) && a.len == 0);
	return 0;
}

static int delete (const struct p11_token *t, const unsigned char *file, struct err *e)
{
	struct apdu_answer a;
	if (run(t, &way(t)->delete, file, &a, e) != 0)
		return -1;
	if (a.sw == SW_OK || a.sw == SW_NO_FILE)
		return 0;
	err_set(e, ERR_TOKEN_FAILED, "cannot delete a key of ours from token %s, which was not made to its end",
		p11_token_name(t));
	return err_native(e, "SW %04X", a.sw);
}

/* The key last: as long as it is there, the rest is found again. */
static int delete_key(const struct p11_token *t, const unsigned char *key, struct err *e)
{
	int got = 0;
	for (size_t i = 0; got == 0 && i < way(t)->files.len; i++) {
		const unsigned char file[NAME] = {way(t)->files.data[i], key[1]};
		got = delete (t, file, e);
	}
	return got == 0 ? delete (t, key, e) : -1;
}

static int settle(const struct p11_token *t, const unsigned char *key, struct err *e)
{
	const unsigned char description[NAME] = {way(t)->files.data[0], key[1]};
	bool empty = false;
	if (is_empty(t, description, &empty, e) != 0)
		return -1;
	return empty ? delete_key(t, key, e) : 0;
}

/* Their files are looked at past the module, which then has to log in anew. */
static int log_in_again(struct p11_token *t, struct err *e)
{
	p11_logout(t);
	return p11_login_as(t, PROFILE_USER, e);
}

int p11_orphans_delete(struct p11_token *t, const struct blob *mark, struct err *e)
{
	struct blob now = BLOB_INIT;
	bool looked = false;
	if (mark->len == 0 || mark->data[0] != MARK)
		return 0;
	int got = p11_orphans_mark(t, &now, e);
	for (size_t i = 1; got == 0 && i + NAME <= now.len; i += NAME) {
		if (has(mark, now.data + i))
			continue;
		looked = true;
		got = settle(t, now.data + i, e);
	}
	blob_free(&now);
	return got != 0 || !looked ? got : log_in_again(t, e);
}

static bool is_in_list(const struct apdu_answer *list, unsigned char kind, unsigned char number)
{
	for (size_t i = 0; i + NAME <= list->len; i += NAME) {
		if (list->data[i] == kind && list->data[i + 1] == number)
			return true;
	}
	return false;
}

/* Deletes this description if it is that of the key with this CKA_ID. */
static int forget(const struct p11_token *t, const unsigned char *file, const struct blob *cka_id, struct err *e)
{
	struct apdu_answer a;
	if (run(t, &way(t)->read, file, &a, e) != 0)
		return -1;
	bool read = a.sw == SW_OK || a.sw == SW_END_OF_FILE;
	return read && memmem(a.data, a.len, cka_id->data, cka_id->len) != NULL ? delete (t, file, e) : 0;
}

int p11_orphans_forget(struct p11_token *t, const struct blob *cka_id, struct err *e)
{
	struct apdu_answer list;
	int got = 0;
	if (way(t)->list.n == 0 || cka_id->len < CERTAINLY_OURS)
		return 0;
	if (run(t, &way(t)->list, NULL, &list, e) != 0)
		return -1;
	bool whole = list.sw == SW_OK && list.len % NAME == 0;
	for (size_t i = 0; got == 0 && whole && i < list.len; i += NAME) {
		bool description = list.data[i] == way(t)->files.data[0];
		if (description && !is_in_list(&list, way(t)->key.data[0], list.data[i + 1]))
			got = forget(t, list.data + i, cka_id, e);
	}
	return got != 0 ? -1 : log_in_again(t, e);
}
