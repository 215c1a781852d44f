#include "certui.h"
#include "core/clean.h"
#include "core/day.h"
#include "core/prompt.h"
#include "report.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

int certui_serial(char ret[CA_SERIAL_HEX_MAX], const char *typed, struct err *e)
{
	char hex[CA_SERIAL_HEX_MAX + 2];
	size_t n = 0;
	const char *p = typed;
	for (; *p != '\0' && n < CA_SERIAL_HEX_MAX; p++) {
		if (*p != ':' && isxdigit((unsigned char)*p) == 0)
			break;
		/* zeros before the first other digit are none of index.txt's */
		if (*p != ':' && (n > 0 || *p != '0'))
			hex[n++] = (char)toupper((unsigned char)*p);
	}
	hex[n] = '\0';
	if (*p == '\0' && typed[0] != '\0' && n + n % 2 < CA_SERIAL_HEX_MAX) {
		snprintf(ret, CA_SERIAL_HEX_MAX, "%s%s%s", n == 0 ? "00" : "", n % 2 != 0 ? "0" : "", hex);
		return 0;
	}
	err_set(e, ERR_USAGE, "\"%.64s\" is not a serial number", typed);
	return err_next(e, "write it in hex, as `openssl x509 -noout -serial -in FILE` shows it");
}

int certui_confirm(const struct options *o, const struct ca_known *k, struct err *e)
{
	bool yes = o->yes;
	char line[600], text[600];
	const char *what = k->kind == CA_SERVER ? "a server's: its VPN connections break"
						: "a CA's: nobody whose certificate it has signed connects any more";
	snprintf(line, sizeof line, "Certificate %s (%s) is %s. Revoke it? [y/N] ", k->serial, k->subject, what);
	clean_text(text, sizeof text, line);
	if (!yes && prompt_possible() && prompt_yes(&yes, text, e) != 0)
		return -1;
	if (yes)
		return 0;
	snprintf(line, sizeof line, "certificate %s (%s) is %s, so it was not revoked", k->serial, k->subject, what);
	clean_text(text, sizeof text, line);
	return err_set(e, ERR_SERVER, "%s", text);
}

static json_t *revoked_json(const struct life_revoked *r)
{
	char on[DAY_SIZE];
	if (!r->cert.revoked)
		return json_null();
	day_format(on, r->cert.when);
	return json_pack("{s:b, s:s, s:s}", "already", r->already, "on", on, "reason", r->cert.reason);
}

struct json_t *certui_json(const struct life_revoked *r)
{
	static const char *const kinds[CA_KIND_COUNT] = {"client", "server", "ca"};
	const struct ca_known *k = &r->cert;
	char until[DAY_SIZE];
	if (k->serial[0] == '\0')
		return json_null();
	day_format(until, k->not_after);
	return json_pack("{s:s, s:o, s:s, s:s, s:o}", "serial", k->serial, "subject", report_json_text(k->subject),
			 "kind", kinds[k->kind], "not_after", until, "revoked", revoked_json(r));
}

struct json_t *certui_list_json(const struct life_revoked *list, size_t n)
{
	json_t *ret = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(ret, certui_json(&list[i]));
	return ret;
}

struct json_t *certui_crl_json(const struct ca_crl *c)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	if (c->this_update == 0)
		return json_null();
	day_format(from, c->this_update);
	day_format(until, c->next_update);
	return json_pack("{s:o, s:o, s:I, s:s, s:s}", "path", report_json_text(c->path), "number",
			 report_json_text(c->number), "entries", (json_int_t)c->entries, "this_update", from,
			 "next_update", until);
}

void certui_text(const struct life_revoked *r, char *ret, size_t size)
{
	const struct ca_known *k = &r->cert;
	char line[600], on[DAY_SIZE];
	day_format(on, k->when);
	if (r->already)
		snprintf(line, sizeof line, "%s of %s was revoked on %s (%s)", k->serial, k->name, on, k->reason);
	else
		snprintf(line, sizeof line, "%s of %s is revoked (%s)", k->serial, k->name, k->reason);
	clean_text(ret, size, line);
}
