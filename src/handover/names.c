#include "handover/names.h"
#include "core/xalloc.h"
#include "handover/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	const char *name;
	enum name_kind kind;
	char *value;
};

struct names {
	struct entry *own;
	size_t n_own;
	const struct extras *extras;
	const char *user;
};

/* Names that a shipped template uses if [template] has them. */
static const char *const optional_names[] = {
    "remote", "server_name", "company", "admin_contact", "tls_auth", "tls_crypt", "tls_crypt_v2",
};

static void add(struct names *n, const char *name, enum name_kind kind, char *value)
{
	n->own = xrealloc(n->own, n->n_own + 1, sizeof *n->own);
	n->own[n->n_own++] = (struct entry){name, kind, value};
}

static void add_date(struct names *n, const char *name, time_t t)
{
	struct tm tm;
	char text[32] = "";
	if (gmtime_r(&t, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%d", &tm) == 0)
		text[0] = '\0';
	add(n, name, NAME_TEXT, xstrdup(text));
}

static const char *or_empty(const char *s)
{
	return s != NULL ? s : "";
}

/* pkcs11-helper escapes all that is not plain in an id, so anything else here would be a fault, or an attack. */
static int check_id(const char *id, struct err *e)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/\\_=~^";
	size_t good = strspn(id, plain);
	if (id[0] != '\0' && id[good] == '\0')
		return 0;
	if (id[0] == '\0')
		err_set(e, ERR_FAILED, "there is no pkcs11-id for the profile");
	else
		err_set(e, ERR_FAILED, "the pkcs11-id has byte 0x%02X at place %zu, which no such id can have",
			(unsigned char)id[good], good + 1);
	return err_next(e, "do not hand the token out; run the same command again, which computes the id anew");
}

/* In double quotes a backslash escapes; Windows takes forward slashes as well. */
static int module_path(char **ret, const char *path, enum config_platform p, struct err *e)
{
	char *copy = xstrdup(or_empty(path));
	if (p == PLATFORM_WINDOWS) {
		for (char *c = copy; *c != '\0'; c++)
			*c = *c == '\\' ? '/' : *c;
	}
	if (copy[0] == '\0' || !text_is_one_line(copy) || strpbrk(copy, "\"'\\") != NULL) {
		const char *why = copy[0] == '\0' ? "is empty" : "has a quote, a backslash or a control character";
		err_set(e, ERR_CONFIG, "the path of the PKCS#11 module on %s %s", config_platform_name(p), why);
		err_next(e,
			 "set client-module-%s under [vpn] in the configuration to its path on the employee's computer",
			 config_platform_name(p));
		free(copy);
		return -1;
	}
	*ret = copy;
	return 0;
}

/* A guide names the modules of all systems; a profile has its own under a name of its own, too. */
static int add_modules(struct names *n, const struct handover_facts *f, enum config_platform target, struct err *e)
{
	static const char *const names[PLATFORM_COUNT] = {"module_linux", "module_windows", "module_macos"};
	for (enum config_platform p = 0; p < PLATFORM_COUNT; p++) {
		char *path = NULL;
		if (module_path(&path, f->clients[p].module, p, e) != 0)
			return -1;
		add(n, names[p], NAME_TEXT, path);
		if (p == target)
			add(n, "pkcs11_module", NAME_TEXT, xstrdup(path));
	}
	return 0;
}

static int add_client(struct names *n, const struct handover_client *c, enum config_platform target, struct err *e)
{
	if (check_id(or_empty(c->pkcs11_id), e) != 0)
		return err_prefix(e, "%s", config_platform_name(target));
	add(n, "pkcs11_id", NAME_TEXT, xstrdup(c->pkcs11_id));
	add(n, "platform", NAME_TEXT, xstrdup(config_platform_name(target)));
	for (enum config_platform p = 0; p < PLATFORM_COUNT; p++)
		add(n, config_platform_name(p), p == target ? NAME_FLAG_ON : NAME_FLAG_OFF, NULL);
	return 0;
}

static void add_elsewhere(struct names *n)
{
	add(n, "pkcs11_id", NAME_ELSEWHERE, NULL);
	add(n, "pkcs11_module", NAME_ELSEWHERE, NULL);
	add(n, "platform", NAME_ELSEWHERE, NULL);
	for (enum config_platform p = 0; p < PLATFORM_COUNT; p++)
		add(n, config_platform_name(p), NAME_ELSEWHERE, NULL);
}

static int add_ca(struct names *n, const char *pem, struct err *e)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	if (pem == NULL || strncmp(pem, begin, sizeof begin - 1) != 0) {
		err_set(e, ERR_CONFIG, "the CA certificate for the profile is not PEM");
		return err_next(e, "check cert under [ca] in the configuration");
	}
	char *copy = xstrdup(pem);
	for (size_t len = strlen(copy); len > 0 && copy[len - 1] == '\n'; len--)
		copy[len - 1] = '\0';
	add(n, "ca", NAME_TEXT, copy);
	return 0;
}

/* "pin_de": what the profile of the token has to say of it in a guide. */
static void add_remarks(struct names *n, const struct handover_facts *f)
{
	static const char *const names[HANDOVER_LANGUAGE_COUNT][HANDOVER_REMARK_COUNT] = {
	    [HANDOVER_EN] = {"token_en", "insert_en", "pin_en", "install_en"},
	    [HANDOVER_DE] = {"token_de", "insert_de", "pin_de", "install_de"},
	    [HANDOVER_RU] = {"token_ru", "insert_ru", "pin_ru", "install_ru"},
	};
	for (size_t l = 0; l < HANDOVER_LANGUAGE_COUNT; l++) {
		for (size_t i = 0; i < HANDOVER_REMARK_COUNT; i++) {
			const char *text = or_empty(f->remarks[l][i]);
			if (text[0] != '\0')
				add(n, names[l][i], NAME_TEXT, text_one_line(text));
			else
				add(n, names[l][i], NAME_UNSET, NULL);
		}
	}
}

static void add_facts(struct names *n, const struct handover_facts *f, bool profile)
{
	char *(*tame)(const char *) = profile ? text_for_profile : text_one_line;
	add(n, "user", NAME_TEXT, xstrdup(f->user));
	add(n, "token_manufacturer", NAME_TEXT, tame(or_empty(f->token_manufacturer)));
	add(n, "token_model", NAME_TEXT, tame(or_empty(f->token_model)));
	add(n, "token_serial", NAME_TEXT, tame(or_empty(f->token_serial)));
	add(n, "token_label", NAME_TEXT, tame(or_empty(f->token_label)));
	add(n, "key_type", NAME_TEXT, tame(or_empty(f->key_type)));
	add(n, "cert_serial", NAME_TEXT, tame(or_empty(f->cert_serial)));
	add_date(n, "issued", f->issued);
	add_date(n, "expires", f->not_after);
	add(n, "pin_each_time", f->pin_each_time ? NAME_FLAG_ON : NAME_FLAG_OFF, NULL);
	add_remarks(n, f);
}

static const struct entry *find_own(const struct names *n, const char *name, size_t len)
{
	for (size_t i = 0; i < n->n_own; i++) {
		if (strlen(n->own[i].name) == len && memcmp(n->own[i].name, name, len) == 0)
			return &n->own[i];
	}
	return NULL;
}

/* A free name must not hide one of ours: a profile would then name another key or another CA. */
static int check_extras(const struct names *n, struct err *e)
{
	for (size_t i = 0; i < n->extras->n; i++) {
		const struct extra *x = &n->extras->v[i];
		if (find_own(n, x->name, strlen(x->name)) == NULL)
			continue;
		err_set(e, ERR_CONFIG, "%s:%d: [template] sets {{%s}}, which tokenroll sets itself", n->extras->file,
			x->line, x->name);
		return err_next(e, "choose another name, and use that one in the templates");
	}
	return 0;
}

int names_new(struct names **ret, const struct extras *extras, const struct handover_facts *f,
	      enum config_platform target, struct err *e)
{
	struct names *n = xcalloc(1, sizeof *n);
	n->extras = extras;
	n->user = f->user;
	add_facts(n, f, target != PLATFORM_COUNT);
	if (add_ca(n, f->ca_pem, e) != 0 || add_modules(n, f, target, e) != 0)
		goto out;
	if (target == PLATFORM_COUNT)
		add_elsewhere(n);
	else if (add_client(n, &f->clients[target], target, e) != 0)
		goto out;
	if (check_extras(n, e) != 0)
		goto out;
	*ret = n;
	return 0;
out:
	names_free(&n);
	return -1;
}

void names_new_values(struct names **ret, const struct extras *extras, const char *user, const struct names_value *v,
		      size_t n)
{
	struct names *made = xcalloc(1, sizeof *made);
	made->extras = extras;
	made->user = user;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(v[i].name);
		const char *value = or_empty(v[i].value);
		if (find_own(made, v[i].name, len) != NULL)
			continue;
		if (v[i].kind != NAME_TEXT)
			add(made, v[i].name, v[i].kind, NULL);
		else if (value[0] != '\0' || extras_find(extras, v[i].name, len) == NULL)
			add(made, v[i].name, NAME_TEXT, text_one_line(value));
	}
	*ret = made;
}

void names_free(struct names **n)
{
	if (*n == NULL)
		return;
	for (size_t i = 0; i < (*n)->n_own; i++)
		free((*n)->own[i].value);
	free((*n)->own);
	free(*n);
	*n = NULL;
}

enum name_kind names_find(const struct names *n, const char *name, size_t len, const char **ret_value)
{
	const struct entry *own = find_own(n, name, len);
	if (own != NULL) {
		*ret_value = own->value;
		return own->kind;
	}
	const struct extra *x = extras_find(n->extras, name, len);
	if (x != NULL) {
		*ret_value = x->value;
		return x->literal || x->value[0] != '\0' ? NAME_TEXT : NAME_UNSET;
	}
	for (size_t i = 0; i < sizeof optional_names / sizeof *optional_names; i++) {
		if (strlen(optional_names[i]) == len && memcmp(optional_names[i], name, len) == 0)
			return NAME_UNSET;
	}
	return NAME_UNKNOWN;
}

bool names_is_own(const char *name)
{
	/* with any values: which names there are does not depend on them */
	const struct extras none = {.n = 0};
	const struct handover_client client = {"/module", "id"};
	const struct handover_facts any = {
	    .user = "", .ca_pem = "-----BEGIN CERTIFICATE-----", .clients = {client, client, client}};
	struct names *n = NULL;
	if (names_new(&n, &none, &any, PLATFORM_LINUX, NULL) != 0)
		return true;
	bool own = find_own(n, name, strlen(name)) != NULL;
	names_free(&n);
	return own;
}

const char *names_user(const struct names *n)
{
	return n->user;
}
