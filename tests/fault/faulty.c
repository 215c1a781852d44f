/*
 * faulty: a PKCS#11 2.40 module that hands every call on to a real one, counts it, and misbehaves where a rule says so.
 *
 *   FAULTY_MODULE      path of the real module
 *   FAULTY_COUNT       file of the counts (see counter.h); without it each process counts for itself
 *   FAULTY_RULE        rules (see rule.h)
 *   FAULTY_RULE_FILE   a file of rules, one a line, read anew at each C_Initialize; if set, FAULTY_RULE is not used
 *   FAULTY_PAD         a file of what is typed on the reader's PIN pad (see pad.h): the token says that it has one, and
 *                      takes no PIN in any other way
 *   FAULTY_EVENTS      FILE: the module has slot events, when FILE grows (see events.h). asked:FILE: it does not wait
 * for them, but can be asked (CKF_DONT_BLOCK). alone:FILE: while one waits no other can be initialized
 *
 * A fault in these makes C_GetFunctionList and C_Initialize fail with CKR_ARGUMENTS_BAD and a line on stderr.
 */
#include "counter.h"
#include "events.h"
#include "functions.h"
#include "pad.h"
#include "rule.h"

#include <dlfcn.h>
#include <errno.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HUGE_LENGTH 0x7fffffffUL

#define BENT_NUMBER(name) FN_##name,
#define PLAIN_NUMBER(name, params, args) FN_##name,
enum function { BENT_FUNCTIONS(BENT_NUMBER) PLAIN_FUNCTIONS(PLAIN_NUMBER) N_FUNCTIONS };

#define BENT_NAME(name) #name,
#define PLAIN_NAME(name, params, args) #name,
static const char *const function_names[] = {BENT_FUNCTIONS(BENT_NAME) PLAIN_FUNCTIONS(PLAIN_NAME)};

_Static_assert(N_FUNCTIONS == 68, "PKCS#11 2.40 has 68 functions");
_Static_assert(N_FUNCTIONS + COUNTER_FUNCTIONS <= COUNTERS_MAX, "every function needs its counter");

static CK_FUNCTION_LIST *real;
static struct rules rules;
static struct counter counter = {.names = function_names, .n = N_FUNCTIONS};

/* One call on its way through the module. */
struct call {
	enum function fn;
	unsigned long nth, total;
};

static void count_fired(void)
{
	unsigned long n, unused;

	counter_add(&counter, COUNTER_FIRED, -1, &n, &unused);
}

static const struct rule *match(const struct call *c, enum action action)
{
	const struct rule *r = rules_next(&rules, NULL, action, (int)c->fn, c->nth, c->total);

	if (r)
		count_fired();
	return r;
}

/* Whether a rule of this kind names this attribute or mechanism. */
static bool match_value(const struct call *c, enum action action, unsigned long value)
{
	const struct rule *r = NULL;

	while ((r = rules_next(&rules, r, action, (int)c->fn, c->nth, c->total))) {
		if (r->value == value) {
			count_fired();
			return true;
		}
	}
	return false;
}

static void delay(const struct rule *r)
{
	struct timespec t = {0, 0};

	if (r) {
		t.tv_sec = (time_t)(r->value / 1000);
		t.tv_nsec = (long)(r->value % 1000) * 1000000L;
	}
	while (r && nanosleep(&t, &t) == -1 && errno == EINTR)
		;
}

/* Counts the call, and does what is to happen before the real module sees it. False if it must not see it; *ret is
 * then the answer. */
static bool begin(struct call *c, enum function fn, CK_RV *ret)
{
	const struct rule *r;

	c->fn = fn;
	counter_add(&counter, COUNTER_TOTAL, COUNTER_FUNCTIONS + (int)fn, &c->total, &c->nth);
	if (match(c, ACTION_KILL))
		kill(getpid(), SIGKILL);
	if (match(c, ACTION_KILL_PARENT))
		kill(getppid(), SIGKILL);
	if (match(c, ACTION_CRASH)) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	if (match(c, ACTION_HANG))
		for (;;)
			pause();
	delay(match(c, ACTION_DELAY));
	r = match(c, ACTION_RETURN);
	if (r)
		*ret = r->value;
	return !r;
}

/* Does what is to happen after the real module has answered rv; returns what the caller gets to see. */
static CK_RV end(const struct call *c, CK_RV rv)
{
	const struct rule *r;

	if (match(c, ACTION_KILL_AFTER))
		kill(getpid(), SIGKILL);
	if (match(c, ACTION_KILL_PARENT_AFTER))
		kill(getppid(), SIGKILL);
	r = match(c, ACTION_RETURN_AFTER);
	return r ? r->value : rv;
}

static char *read_rule_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 4096);
	bool ok = f && text;

	if (ok) {
		size_t n = fread(text, 1, 4095, f);

		ok = !ferror(f) && n < 4095;
	}
	if (f)
		fclose(f);
	if (ok)
		return text;
	free(text);
	return NULL;
}

static CK_RV load_rules(void)
{
	const char *path = getenv("FAULTY_RULE_FILE"), *rule = getenv("FAULTY_RULE");
	char *text = path ? read_rule_file(path) : strdup(rule ? rule : "");
	char complaint[512] = "the rules cannot be read";
	int rc = -1;

	if (text)
		rc = rules_parse(&rules, text, function_names, N_FUNCTIONS, complaint, sizeof(complaint));
	free(text);
	if (rc == -1)
		fprintf(stderr, "faulty: %s\n", complaint);
	return rc == -1 ? CKR_ARGUMENTS_BAD : CKR_OK;
}

static CK_RV load_real(void)
{
	const char *path = getenv("FAULTY_MODULE");
	CK_C_GetFunctionList get = NULL;
	void *handle;

	if (real)
		return CKR_OK;
	counter.path = getenv("FAULTY_COUNT");
	handle = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (handle)
		*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (get && get(&real) == CKR_OK)
		return CKR_OK;
	fprintf(stderr, "faulty: cannot load FAULTY_MODULE: %s\n", path ? dlerror() : "it is not set");
	return CKR_ARGUMENTS_BAD;
}

static CK_RV faulty_C_Initialize(void *args)
{
	struct call c;
	CK_RV rv = load_rules();

	if (rv != CKR_OK || !begin(&c, FN_C_Initialize, &rv))
		return rv;
	rv = events_begin();
	return end(&c, rv == CKR_OK ? real->C_Initialize(args) : rv);
}

static CK_RV faulty_C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_WaitForSlotEvent, &rv))
		return rv;
	return end(&c, events_are_told() ? events_wait(flags, slot, reserved)
					 : real->C_WaitForSlotEvent(flags, slot, reserved));
}

static CK_RV faulty_C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_GetSlotList, &rv))
		return rv;
	rv = real->C_GetSlotList(token_present, list, count);
	if (match(&c, ACTION_HUGE))
		*count = HUGE_LENGTH;
	return end(&c, rv);
}

/* Puts another text, padded with blanks, into one field of an answer. */
static void say(const struct call *c, enum rule_text which, unsigned char *field, size_t size)
{
	const struct rule *r = NULL;

	while ((r = rules_next(&rules, r, ACTION_TEXT, (int)c->fn, c->nth, c->total))) {
		if (r->value != which)
			continue;
		count_fired();
		memset(field, ' ', size);
		memcpy(field, r->text, r->text_len);
	}
}

static CK_RV faulty_C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	const struct rule *r;
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_GetSlotInfo, &rv))
		return rv;
	rv = real->C_GetSlotInfo(slot, info);
	r = rv == CKR_OK ? match(&c, ACTION_FLAGS) : NULL;
	if (r)
		info->flags |= r->set;
	if (rv == CKR_OK)
		say(&c, RULE_READER, info->slotDescription, sizeof(info->slotDescription));
	return end(&c, rv);
}

static void say_token(const struct call *c, CK_TOKEN_INFO *info)
{
	say(c, RULE_LABEL, info->label, sizeof(info->label));
	say(c, RULE_MANUFACTURER, info->manufacturerID, sizeof(info->manufacturerID));
	say(c, RULE_MODEL, info->model, sizeof(info->model));
	say(c, RULE_SERIAL, info->serialNumber, sizeof(info->serialNumber));
}

static CK_RV faulty_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	const struct rule *r;
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_GetTokenInfo, &rv))
		return rv;
	rv = real->C_GetTokenInfo(slot, info);
	r = rv == CKR_OK ? match(&c, ACTION_FLAGS) : NULL;
	if (r)
		info->flags = (info->flags | r->set) & ~r->clear;
	if (rv == CKR_OK && pad_file())
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (rv == CKR_OK)
		say_token(&c, info);
	return end(&c, rv);
}

/* The whole list of the real module, without what is hidden; *ret_n may become 0. */
static CK_RV visible_mechanisms(const struct call *c, CK_SLOT_ID slot, CK_MECHANISM_TYPE **ret, CK_ULONG *ret_n)
{
	CK_MECHANISM_TYPE *all = NULL;
	CK_ULONG n = 0, kept = 0;
	CK_RV rv = real->C_GetMechanismList(slot, NULL, &n);

	if (rv != CKR_OK)
		return rv;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return CKR_HOST_MEMORY;
	rv = real->C_GetMechanismList(slot, all, &n);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		if (!match_value(c, ACTION_HIDE, all[i]))
			all[kept++] = all[i];
	*ret = all;
	*ret_n = kept;
	return rv;
}

static CK_RV faulty_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_MECHANISM_TYPE *visible = NULL;
	CK_ULONG n = 0;
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_GetMechanismList, &rv))
		return rv;
	rv = visible_mechanisms(&c, slot, &visible, &n);
	if (rv == CKR_OK && list && *count < n)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (rv == CKR_OK && list)
		memcpy(list, visible, n * sizeof(*list));
	*count = match(&c, ACTION_HUGE) ? HUGE_LENGTH : n;
	free(visible);
	return end(&c, rv);
}

static CK_RV faulty_C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_GetMechanismInfo, &rv))
		return rv;
	rv = CKR_MECHANISM_INVALID;
	if (!match_value(&c, ACTION_HIDE, type))
		rv = real->C_GetMechanismInfo(slot, type, info);
	return end(&c, rv);
}

/* A PIN on its way to the real module: as it came, or, with a PIN pad, what is typed there. */
struct sent {
	struct pad_pin typed;
	unsigned char *pin;
	unsigned long len;
};

static CK_RV send_pin(struct sent *s, unsigned char *pin, unsigned long len, bool new)
{
	static const CK_RV answers[] = {
	    [PAD_ENTERED] = CKR_OK, [PAD_CANCELED] = CKR_FUNCTION_CANCELED, [PAD_DIFFERENT] = CKR_PIN_INVALID};
	CK_RV rv;

	s->pin = pin;
	s->len = len;
	if (!pad_file())
		return CKR_OK;
	if (pin || len)
		return CKR_ARGUMENTS_BAD;
	rv = answers[pad_ask(&s->typed, new)];
	s->pin = s->typed.bytes;
	s->len = s->typed.len;
	return rv;
}

static CK_RV faulty_C_InitToken(CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG len, CK_BYTE *label)
{
	CK_TOKEN_INFO info;
	struct sent s;
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_InitToken, &rv))
		return rv;
	rv = real->C_GetTokenInfo(slot, &info);
	if (rv == CKR_OK)
		rv = send_pin(&s, pin, len, !(info.flags & CKF_TOKEN_INITIALIZED));
	if (rv == CKR_OK)
		rv = real->C_InitToken(slot, s.pin, s.len, label);
	return end(&c, rv);
}

static CK_RV faulty_C_InitPIN(CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG len)
{
	struct sent s;
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_InitPIN, &rv))
		return rv;
	rv = send_pin(&s, pin, len, true);
	if (rv == CKR_OK)
		rv = real->C_InitPIN(session, s.pin, s.len);
	return end(&c, rv);
}

static CK_RV faulty_C_SetPIN(CK_SESSION_HANDLE session, CK_BYTE *old_pin, CK_ULONG old_len, CK_BYTE *new_pin,
			     CK_ULONG new_len)
{
	struct sent o, n;
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_SetPIN, &rv))
		return rv;
	rv = send_pin(&o, old_pin, old_len, false);
	if (rv == CKR_OK)
		rv = send_pin(&n, new_pin, new_len, true);
	if (rv == CKR_OK)
		rv = real->C_SetPIN(session, o.pin, o.len, n.pin, n.len);
	return end(&c, rv);
}

static CK_RV faulty_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
	struct sent s;
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_Login, &rv))
		return rv;
	rv = send_pin(&s, pin, len, false);
	if (rv == CKR_OK)
		rv = real->C_Login(session, user, s.pin, s.len);
	return end(&c, rv);
}

static bool refused(const struct call *c, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (match_value(c, ACTION_REFUSE_ATTRIBUTE, templ[i].type))
			return true;
	return false;
}

static CK_RV faulty_C_CreateObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_CreateObject, &rv))
		return rv;
	rv = CKR_ATTRIBUTE_TYPE_INVALID;
	if (!refused(&c, templ, n))
		rv = real->C_CreateObject(session, templ, n, ret);
	return end(&c, rv);
}

static CK_RV faulty_C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_templ,
				      CK_ULONG n_public, CK_ATTRIBUTE *private_templ, CK_ULONG n_private,
				      CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_GenerateKeyPair, &rv))
		return rv;
	if (match_value(&c, ACTION_HIDE, mechanism->mechanism))
		rv = CKR_MECHANISM_INVALID;
	else if (refused(&c, public_templ, n_public) || refused(&c, private_templ, n_private))
		rv = CKR_ATTRIBUTE_TYPE_INVALID;
	else
		rv = real->C_GenerateKeyPair(session, mechanism, public_templ, n_public, private_templ, n_private,
					     ret_public, ret_private);
	return end(&c, rv);
}

static CK_RV faulty_C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *templ,
					CK_ULONG n)
{
	struct call c;
	bool huge, unavailable;
	CK_RV rv;

	if (!begin(&c, FN_C_GetAttributeValue, &rv))
		return rv;
	rv = real->C_GetAttributeValue(session, object, templ, n);
	huge = match(&c, ACTION_HUGE);
	unavailable = match(&c, ACTION_UNAVAILABLE);
	for (CK_ULONG i = 0; (huge || unavailable) && i < n; i++)
		templ[i].ulValueLen = huge ? HUGE_LENGTH : CK_UNAVAILABLE_INFORMATION;
	return end(&c, huge || unavailable ? CKR_OK : rv);
}

static CK_RV faulty_C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_FindObjects, &rv))
		return rv;
	rv = real->C_FindObjects(session, list, max, count);
	if (match(&c, ACTION_HUGE))
		*count = HUGE_LENGTH;
	return end(&c, rv);
}

static CK_RV faulty_C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_SignInit, &rv))
		return rv;
	rv = CKR_MECHANISM_INVALID;
	if (!match_value(&c, ACTION_HIDE, mechanism->mechanism))
		rv = real->C_SignInit(session, mechanism, key);
	return end(&c, rv);
}

static CK_RV faulty_C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
			   CK_ULONG *signature_len)
{
	struct call c;
	CK_RV rv;

	if (!begin(&c, FN_C_Sign, &rv))
		return rv;
	rv = real->C_Sign(session, data, data_len, signature, signature_len);
	if (match(&c, ACTION_HUGE))
		*signature_len = HUGE_LENGTH;
	return end(&c, rv);
}

#define FORWARD(name, params, args)                 \
	static CK_RV faulty_##name params           \
	{                                           \
		struct call call;                   \
		CK_RV rv;                           \
                                                    \
		if (!begin(&call, FN_##name, &rv))  \
			return rv;                  \
		return end(&call, real->name args); \
	}
PLAIN_FUNCTIONS(FORWARD)

#define faulty_C_GetFunctionList C_GetFunctionList
#define BENT_ENTRY(name) .name = faulty_##name,
#define PLAIN_ENTRY(name, params, args) .name = faulty_##name,
static CK_FUNCTION_LIST functions = {.version = {2, 40}, BENT_FUNCTIONS(BENT_ENTRY) PLAIN_FUNCTIONS(PLAIN_ENTRY)};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
	struct call c;
	CK_RV rv = load_real();

	if (rv == CKR_OK)
		rv = load_rules();
	if (rv != CKR_OK || !begin(&c, FN_C_GetFunctionList, &rv))
		return rv;
	*ret = &functions;
	return end(&c, CKR_OK);
}
