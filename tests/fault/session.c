#include "session.h"

#include "names.h"

#include <dlfcn.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#define SLOTS_MAX 64

void must(CK_RV rv, const char *call)
{
	const char *name = names_text("CKR_", rv);

	if (rv != CKR_OK)
		errx(1, "%s: %s (0x%lx)", call, name ? name : "unknown", rv);
}

static CK_FUNCTION_LIST *load(const char *module)
{
	CK_FUNCTION_LIST *p11 = NULL;
	CK_C_GetFunctionList get = NULL;
	void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		errx(1, "%s", dlerror());
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (!get)
		errx(1, "%s is no PKCS#11 module", module);
	must(get(&p11), "C_GetFunctionList");
	must(p11->C_Initialize(NULL), "C_Initialize");
	return p11;
}

static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *p11, const char *serial)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO info;
	char padded[sizeof(info.serialNumber) + 1];

	snprintf(padded, sizeof(padded), "%-16s", serial);
	must(p11->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList");
	for (CK_ULONG i = 0; i < n; i++)
		if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
		    memcmp(info.serialNumber, padded, sizeof(info.serialNumber)) == 0)
			return slots[i];
	errx(1, "no token with the serial number %s", serial);
}

static void login(const struct session *s, const char *pin_file)
{
	char pin[256] = "";
	FILE *f = fopen(pin_file, "re");

	if (!f || !fgets(pin, sizeof(pin), f))
		err(1, "%s", pin_file);
	fclose(f);
	pin[strcspn(pin, "\n")] = 0;
	must(s->p11->C_Login(s->handle, CKU_USER, (CK_BYTE *)pin, strlen(pin)), "C_Login");
}

void session_open(struct session *ret, const char *module, const char *serial, const char *pin_file)
{
	struct session s = {.p11 = load(module)};
	CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;

	must(s.p11->C_OpenSession(find_slot(s.p11, serial), flags, NULL, NULL, &s.handle), "C_OpenSession");
	login(&s, pin_file);
	*ret = s;
}

void session_close(struct session *s)
{
	must(s->p11->C_CloseSession(s->handle), "C_CloseSession");
	must(s->p11->C_Finalize(NULL), "C_Finalize");
}
