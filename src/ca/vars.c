#include "ca/vars.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/process.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VARS_TIMEOUT_MS 10000

static const struct {
	const char *name, *fallback; /* by easy-rsa's own vars_setup() */
} table[VAR_COUNT] = {
    [VAR_DN] = {"EASYRSA_DN", "cn_only"},
    [VAR_REQ_COUNTRY] = {"EASYRSA_REQ_COUNTRY", "US"},
    [VAR_REQ_PROVINCE] = {"EASYRSA_REQ_PROVINCE", "California"},
    [VAR_REQ_CITY] = {"EASYRSA_REQ_CITY", "San Francisco"},
    [VAR_REQ_ORG] = {"EASYRSA_REQ_ORG", "Copyleft Certificate Co"},
    [VAR_REQ_OU] = {"EASYRSA_REQ_OU", "My Organizational Unit"},
    [VAR_REQ_EMAIL] = {"EASYRSA_REQ_EMAIL", "me@example.net"},
    [VAR_REQ_SERIAL] = {"EASYRSA_REQ_SERIAL", ""},
    [VAR_CERT_EXPIRE] = {"EASYRSA_CERT_EXPIRE", "825"},
    [VAR_FIX_OFFSET] = {"EASYRSA_FIX_OFFSET", ""},
    [VAR_CRL_DAYS] = {"EASYRSA_CRL_DAYS", "180"},
    [VAR_DIGEST] = {"EASYRSA_DIGEST", "sha256"},
    [VAR_RAND_SN] = {"EASYRSA_RAND_SN", "yes"},
    [VAR_NS_SUPPORT] = {"EASYRSA_NS_SUPPORT", "no"},
    [VAR_NS_COMMENT] = {"EASYRSA_NS_COMMENT", "Easy-RSA Generated Certificate"},
    [VAR_EXTRA_EXTS] = {"EASYRSA_EXTRA_EXTS", ""},
    [VAR_EXT_DIR] = {"EASYRSA_EXT_DIR", ""},
    [VAR_TEMP_DIR] = {"EASYRSA_TEMP_DIR", ""},
};

/* What vars prints must not mix with the answer, so the answer has a descriptor of its own. A variable that is
 * set is answered as "=value", one that is not as "". */
static const char script_head[] = "set_var() {\n"
				  "	var=$1; shift; value=\"$*\"\n"
				  "	eval \"export $var=\\\"\\${$var-$value}\\\"\"\n"
				  "}\n"
				  "exec 3>&1 1>&2\n"
				  "cd \"$EASYRSA\" || exit 1\n"
				  ". \"$1\" || { status=$?; echo \"it ended with status $status\" >&2; exit 1; }\n";

const char *vars_name(enum var v)
{
	return table[v].name;
}

static char *make_script(void)
{
	char *script = xstrdup(script_head);
	for (size_t i = 0; i < VAR_COUNT; i++) {
		const char *n = table[i].name;
		char *longer = xasprintf("%sprintf '%%s\\0' \"${%s+=}${%s-}\" >&3\n", script, n, n);
		free(script);
		script = longer;
	}
	return script;
}

static int ended_shell(const struct vars *v, struct err *e)
{
	err_set(e, ERR_CA_PKI, "%s ended the shell that reads it", v->file);
	return err_next(e, "easy-rsa sources this file as shell: it must not call exit");
}

static int windows_lines(const struct vars *v, struct err *e)
{
	err_set(e, ERR_CA_PKI, "%s has the line ends of Windows (CR LF), which the shell takes for a part of each line",
		v->file);
	return err_next(e, "take them out: sed -i 's/\\r$//' '%s'", v->file);
}

static bool has_windows_lines(const char *file)
{
	struct blob text = BLOB_INIT;
	bool ret =
	    file_read(file, FILE_MAX_DEFAULT, &text, NULL) == 0 && memmem(text.data, text.len, "\r\n", 2) != NULL;
	blob_free(&text);
	return ret;
}

/* e is what process_run says. */
static int cannot_source(const struct vars *v, bool in_time, struct err *e)
{
	char why[sizeof e->native];
	if (e == NULL)
		return -1;
	if (!in_time) {
		err_set(e, ERR_CA_PKI, "%s did not come to an end within %d s", v->file, VARS_TIMEOUT_MS / 1000);
		return err_next(e,
				"look whether something in it waits for input, for another program or for the network");
	}
	if (has_windows_lines(v->file))
		return windows_lines(v, e);
	if (e->native[0] == '\0') /* the shell itself never fails without a word */
		return ended_shell(v, e);
	snprintf(why, sizeof why, "%s", e->native);
	err_set(e, ERR_CA_PKI, "easy-rsa's settings in %s cannot be read by /bin/sh", v->file);
	err_native(e, "%s", why);
	return err_next(e,
			"correct the file, which is sourced as shell and must not call exit; `sh -n '%s'` shows "
			"mistakes of form",
			v->file);
}

static int take_answer(struct vars *v, const struct blob *out, struct err *e)
{
	size_t pos = 0;
	for (size_t i = 0; i < VAR_COUNT; i++) {
		const char *text = (const char *)out->data + pos;
		const char *nul = pos < out->len ? memchr(text, '\0', out->len - pos) : NULL;
		if (nul == NULL)
			return ended_shell(v, e);
		if (strchr(text, '\r') != NULL)
			return windows_lines(v, e);
		if (text[0] == '=') {
			free(v->value[i]);
			v->value[i] = xstrdup(text + 1);
		}
		pos += (size_t)(nul - text) + 1;
	}
	return 0;
}

static int source_file(struct vars *v, const char *pki, struct err *e)
{
	const char *slash = strrchr(pki, '/');
	int above = slash != NULL && slash != pki ? (int)(slash - pki) : 1;
	char *easyrsa = xasprintf("EASYRSA=%.*s", above, pki);
	char *easyrsa_pki = xasprintf("EASYRSA_PKI=%s", pki);
	char *script = make_script();
	/* $0 is easy-rsa's own path, because its vars.example takes the folder from it */
	const char *const argv[] = {"/bin/sh", "-c", script, "/usr/share/easy-rsa/easyrsa", v->file, NULL};
	const char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				   "EASYRSA_CALLER=1", easyrsa, easyrsa_pki, NULL};
	struct blob out = BLOB_INIT;
	const int64_t start = clock_ms();
	int ret = process_run(argv, env, &out, VARS_TIMEOUT_MS, e);
	if (ret != 0)
		ret = cannot_source(v, clock_ms() - start < VARS_TIMEOUT_MS, e);
	if (ret == 0)
		ret = take_answer(v, &out, e);
	blob_free(&out);
	free(script);
	free(easyrsa);
	free(easyrsa_pki);
	return ret;
}

static char *find_file(const char *pki)
{
	static const char *const system_files[] = {"/etc/easy-rsa/vars", "/usr/share/easy-rsa/vars"};
	static const char *const beside[] = {"vars", "../vars"};
	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
		char *path = xasprintf("%s/%s", pki, beside[i]);
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	for (size_t i = 0; i < sizeof system_files / sizeof *system_files; i++) {
		if (access(system_files[i], F_OK) == 0)
			return xstrdup(system_files[i]);
	}
	return NULL;
}

static int days_of(long *ret, const struct vars *v, enum var which, long max, struct err *e)
{
	char *end;
	errno = 0;
	long n = strtol(v->value[which], &end, 10);
	if (errno != 0 || end == v->value[which] || *end != '\0' || n < 1 || n > max) {
		err_set(e, ERR_CA_PKI, "%s is \"%s\" in %s, not a number of days", vars_name(which), v->value[which],
			v->file != NULL ? v->file : "easy-rsa's defaults");
		return err_next(e, "set it to a number from 1 to %ld", max);
	}
	*ret = n;
	return 0;
}

/* Values in the form that the rest of the module needs, after easy-rsa's rules. */
static int interpret(struct vars *v, struct err *e)
{
	const char *dn = v->value[VAR_DN];
	v->org = strcmp(dn, "org") == 0;
	if (!v->org && strcmp(dn, "cn_only") != 0) {
		err_set(e, ERR_CA_PKI, "EASYRSA_DN is \"%s\" in %s", dn, v->file);
		return err_next(e, "easy-rsa knows cn_only and org");
	}
	v->random_serials = strcmp(v->value[VAR_RAND_SN], "no") != 0;
	v->ns_support = strcasestr(v->value[VAR_NS_SUPPORT], "yes") != NULL;
	if (days_of(&v->cert_days, v, VAR_CERT_EXPIRE, 36500, e) != 0 ||
	    days_of(&v->crl_days, v, VAR_CRL_DAYS, 36500, e) != 0)
		return -1;
	return v->value[VAR_FIX_OFFSET][0] == '\0' ? 0 : days_of(&v->fix_offset, v, VAR_FIX_OFFSET, 365, e);
}

int vars_load(struct vars **ret, const char *file, const char *pki, struct err *e)
{
	struct vars *v = xcalloc(1, sizeof *v);
	for (size_t i = 0; i < VAR_COUNT; i++)
		v->value[i] = xstrdup(table[i].fallback);
	v->file = file != NULL ? realpath(file, NULL) : find_file(pki);
	int status = 0;
	if (file != NULL && v->file == NULL) {
		status = err_errno(e, ERR_CA_PKI, "cannot open easy-rsa's settings in %s", file);
	} else if (v->file != NULL && access(v->file, R_OK) != 0) {
		err_errno(e, ERR_CA_PKI, "cannot read easy-rsa's settings in %s", v->file);
		status = err_next(e, "run tokenroll as the owner of the PKI, or let it read that file");
	} else if (v->file != NULL) {
		status = source_file(v, pki, e);
	}
	if (status == 0)
		status = interpret(v, e);
	if (status != 0)
		vars_free(&v);
	else
		*ret = v;
	return status;
}

void vars_free(struct vars **v)
{
	if (v == NULL || *v == NULL)
		return;
	for (size_t i = 0; i < VAR_COUNT; i++)
		free((*v)->value[i]);
	free((*v)->file);
	free(*v);
	*v = NULL;
}
