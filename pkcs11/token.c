#include "pkcs11/token.h"
#include "core/clock.h"
#include "core/keytype.h"
#include "core/xalloc.h"
#include "pkcs11/ckr.h"
#include "pkcs11/login.h"
#include "pkcs11/reader.h"
#include "pkcs11/token_impl.h"

#include <stdlib.h>
#include <string.h>

#define FRESH_MS 500

/* A blank-padded field that may also be cut by a NUL, as pkcs11-helper reads it. */
static void copy_field(char *ret, const unsigned char *field, size_t size)
{
	size_t n = strnlen((const char *)field, size);
	while (n > 0 && field[n - 1] == ' ')
		n--;
	memcpy(ret, field, n);
	ret[n] = '\0';
}

static bool in_range(CK_FUNCTION_LIST *f, CK_SLOT_ID slot, CK_MECHANISM_TYPE mech, unsigned bits)
{
	CK_MECHANISM_INFO info;
	if (f->C_GetMechanismInfo(slot, mech, &info) != CKR_OK)
		return false;
	/* some modules give RSA sizes in bytes */
	CK_ULONG unit = info.ulMaxKeySize < 1024 && mech == CKM_RSA_PKCS_KEY_PAIR_GEN ? 8 : 1;
	return bits >= info.ulMinKeySize * unit && bits <= info.ulMaxKeySize * unit;
}

int p11_token_read_info(const struct p11_module *m, CK_SLOT_ID slot, struct p11_token_info *ret, struct err *e)
{
	CK_FUNCTION_LIST *f = p11_module_functions(m);
	CK_SLOT_INFO si;
	CK_TOKEN_INFO ti;
	memset(&si, 0, sizeof si);
	memset(&ti, 0, sizeof ti);
	memset(ret, 0, sizeof *ret);
	ret->slot = slot;
	CK_RV rv = f->C_GetSlotInfo(slot, &si);
	if (rv == CKR_OK) {
		copy_field(ret->reader, si.slotDescription, sizeof si.slotDescription);
		reader_complete(ret->reader, p11_module_reader(m));
		ret->hardware = (si.flags & CKF_HW_SLOT) != 0;
		rv = f->C_GetTokenInfo(slot, &ti);
	}
	ret->unreadable = rv != CKR_OK;
	ret->unknown = rv == CKR_TOKEN_NOT_RECOGNIZED;
	if (rv != CKR_OK)
		return ckr_error(e, rv, ERR_TOKEN_FAILED, "the token in slot %lu cannot be read", slot);
	copy_field(ret->label, ti.label, sizeof ti.label);
	copy_field(ret->manufacturer, ti.manufacturerID, sizeof ti.manufacturerID);
	copy_field(ret->model, ti.model, sizeof ti.model);
	copy_field(ret->serial, ti.serialNumber, sizeof ti.serialNumber);
	ret->flags = ti.flags;
	ret->read_at = clock_ms();
	ret->pin_min = ti.ulMinPinLen;
	ret->pin_max = ti.ulMaxPinLen;
	ret->free_public = ti.ulFreePublicMemory;
	return 0;
}

bool p11_token_is_fresh(const struct p11_token_info *t)
{
	return t->read_at != 0 && clock_ms() - t->read_at < FRESH_MS;
}

int p11_token_read(const struct p11_module *m, CK_SLOT_ID slot, struct p11_token_info *ret, struct err *e)
{
	return p11_token_read_info(m, slot, ret, e);
}

int p11_token_same(const struct p11_token_info *want, const struct p11_token_info *is, struct err *e)
{
	if (strcmp(want->serial, is->serial) == 0 && strcmp(want->manufacturer, is->manufacturer) == 0 &&
	    strcmp(want->model, is->model) == 0)
		return 0;
	return err_set(e, ERR_REMOVED, "the reader has another token in it now, %s instead of %s",
		       is->serial[0] != '\0' ? is->serial : "a blank one",
		       want->serial[0] != '\0' ? want->serial : "a blank one");
}

static int list_slots(CK_FUNCTION_LIST *f, CK_SLOT_ID **ret, CK_ULONG *ret_n, struct err *e)
{
	CK_ULONG n = 0;
	CK_RV rv = f->C_GetSlotList(CK_TRUE, NULL, &n);
	if (rv != CKR_OK)
		return ckr_error(e, rv, ERR_MODULE, "the module cannot list its slots");
	if (n > P11_SLOTS_MAX)
		return err_set(e, ERR_MODULE, "the module claims to have %lu slots with a token", n);
	/* room for tokens that arrive between the two calls */
	CK_ULONG room = n + 16;
	CK_SLOT_ID *slots = xcalloc(room, sizeof *slots);
	n = room;
	rv = f->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK || n > room) {
		free(slots);
		return rv != CKR_OK ? ckr_error(e, rv, ERR_MODULE, "the module cannot list its slots")
				    : err_set(e, ERR_MODULE, "the module claims to have %lu slots with a token", n);
	}
	*ret = slots;
	*ret_n = n;
	return 0;
}

int p11_token_list(const struct p11_module *m, struct p11_token_info **ret, size_t *ret_n, struct err *e)
{
	CK_FUNCTION_LIST *f = p11_module_functions(m);
	CK_SLOT_ID *slots = NULL;
	CK_ULONG n_slots = 0;
	if (list_slots(f, &slots, &n_slots, e) != 0)
		return -1;
	struct p11_token_info *list = xcalloc(n_slots, sizeof *list);
	size_t n = 0, n_read = 0;
	struct err first = ERR_INIT;
	for (CK_ULONG i = 0; i < n_slots; i++) {
		struct err one = ERR_INIT;
		bool read = p11_token_read_info(m, slots[i], &list[n], &one) == 0;
		/* a token that is being pulled out right now is simply not there */
		if (!read && one.code == ERR_REMOVED)
			continue;
		if (!read && !list[n].unknown && first.code == ERR_NONE)
			first = one;
		n++;
		n_read += read;
	}
	free(slots);
	if (n_read == 0 && first.code != ERR_NONE) {
		free(list);
		if (e != NULL)
			*e = first;
		return -1;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static CK_RV open_session(struct p11_token *t)
{
	CK_FUNCTION_LIST *f = p11_module_functions(t->module);
	CK_FLAGS flags = CKF_SERIAL_SESSION | (t->writable ? CKF_RW_SESSION : 0);
	return f->C_OpenSession(t->info.slot, flags, NULL, NULL, &t->session);
}

int p11_token_open(struct p11_token **ret, struct p11_module *m, const struct profile *p, CK_SLOT_ID slot,
		   const struct p11_token_info *read, const char *name, bool writable, struct err *e)
{
	struct p11_token *t = xcalloc(1, sizeof *t);
	t->module = m;
	t->profile = p;
	t->writable = writable;
	t->logged_in = PROFILE_NOBODY;
	if (read != NULL && p11_token_is_fresh(read)) {
		t->info = *read;
	} else if (p11_token_read_info(m, slot, &t->info, e) != 0) {
		free(t);
		return -1;
	}
	snprintf(t->name, sizeof t->name, "%s", name != NULL ? name : t->info.serial);
	CK_RV rv = open_session(t);
	if (rv != CKR_OK) {
		ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot open a session on token %s", t->name);
		free(t);
		return -1;
	}
	*ret = t;
	return 0;
}

void p11_token_close(struct p11_token **t)
{
	if (t == NULL || *t == NULL)
		return;
	p11_module_functions((*t)->module)->C_CloseSession((*t)->session);
	p11_login_forget(*t);
	free(*t);
	*t = NULL;
}

unsigned p11_token_key_types(const struct p11_token *t)
{
	static const struct {
		enum keytype type;
		CK_MECHANISM_TYPE mech;
		unsigned bits;
	} needs[] = {
	    {KEYTYPE_EC_P256, CKM_EC_KEY_PAIR_GEN, 256},         {KEYTYPE_EC_P384, CKM_EC_KEY_PAIR_GEN, 384},
	    {KEYTYPE_RSA_2048, CKM_RSA_PKCS_KEY_PAIR_GEN, 2048}, {KEYTYPE_RSA_3072, CKM_RSA_PKCS_KEY_PAIR_GEN, 3072},
	    {KEYTYPE_RSA_4096, CKM_RSA_PKCS_KEY_PAIR_GEN, 4096},
	};
	unsigned set = 0;
	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
		if (in_range(p11_module_functions(t->module), t->info.slot, needs[i].mech, needs[i].bits))
			set |= KEYTYPE_BIT(needs[i].type);
	}
	return set;
}

CK_FUNCTION_LIST *p11_token_functions(const struct p11_token *t)
{
	return p11_module_functions(t->module);
}

CK_SESSION_HANDLE p11_token_session(const struct p11_token *t)
{
	return t->session;
}

CK_SLOT_ID p11_token_slot(const struct p11_token *t)
{
	return t->info.slot;
}

const struct p11_token_info *p11_token_description(const struct p11_token *t)
{
	return &t->info;
}

const char *p11_token_name(const struct p11_token *t)
{
	return t->name;
}

const struct profile *p11_token_profile(const struct p11_token *t)
{
	return t->profile;
}
