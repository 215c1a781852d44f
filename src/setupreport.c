#include "core/clean.h"
#include "core/day.h"
#include "report.h"
#include "setupui.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

static void line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void line(const char *fmt, ...)
{
	char text[3000], clean[3000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	clean_text(clean, sizeof clean, text);
	puts(clean);
}

static json_t *thing_json(const struct setup_thing *t, const char *name, bool dated)
{
	char until[DAY_TIME_SIZE];
	if (t->name[0] == '\0')
		return json_null();
	day_time_format(until, t->not_after);
	json_t *doc = json_pack("{s:o, s:b, s:b}", name, report_json_text(t->name), "there", t->there, "made", t->made);
	if (dated)
		json_object_set_new(doc, "not_after", t->not_after != 0 ? json_string(until) : json_null());
	return doc;
}

static json_t *ca_json(const struct setup *s)
{
	char until[DAY_TIME_SIZE];
	if (s->ca.subject[0] == '\0')
		return json_null();
	day_time_format(until, s->ca.not_after);
	return json_pack("{s:o, s:o, s:s, s:s, s:b}", "pki", report_json_text(s->ca.pki), "subject",
			 report_json_text(s->ca.subject), "not_after", until, "key",
			 s->ca.hsm.name[0] != '\0' ? "hsm"
			 : s->ca.has_key           ? "file"
						   : "elsewhere",
			 "made", s->made_ca);
}

static int report_document(const struct setup *s, const struct err *error, struct err *e)
{
	json_t *doc = json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "ok", error == NULL, "ca", ca_json(s), "server",
				thing_json(&s->server_cert, "name", true), "crl",
				thing_json(&s->published, "path", true), "tls_key", thing_json(&s->tls, "path", false),
				"configuration", thing_json(&s->conf, "path", false));
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return report_json(doc, e);
}

static const char *made(bool is_new)
{
	return is_new ? "   (made now)" : "";
}

static void print_things(const struct setup *s)
{
	char until[DAY_SIZE];
	day_format(until, s->ca.not_after);
	line("The CA is %s, until %s.%s", s->ca.subject, until, made(s->made_ca));
	line("  PKI          %s", s->ca.pki);
	if (s->server_cert.there) {
		day_format(until, s->server_cert.not_after);
		line("  server       %s, until %s%s", s->server_cert.name, until, made(s->server_cert.made));
	} else if (s->server_cert.name[0] != '\0') {
		line("  server       the PKI has no certificate of a VPN server named %s", s->server_cert.name);
	}
	if (s->published.there) {
		day_format(until, s->published.not_after);
		line("  CRL          %s, until %s%s", s->published.name, until, made(s->published.made));
	}
	if (s->tls.name[0] != '\0')
		line("  control key  %s%s", s->tls.name, s->tls.there ? made(s->tls.made) : ", which is not there");
	line("  settings     %s%s", s->conf.name, made(s->conf.made));
}

/* Only where this run has made what a server needs. */
static void print_for_server(const struct setup *s, int *step)
{
	const char *name = s->server_cert.name;
	const char *crl = s->cfg->ca.crl;
	if (!s->server_cert.made)
		return;
	printf("  %d. The VPN server gets these files, in /etc/openvpn/server of its machine:\n", ++*step);
	line("       install -m 0600 %s/private/%s.key %s /etc/openvpn/server/", s->ca.pki, name, s->tls.name);
	line("       install -m 0644 %s/ca.crt %s/issued/%s.crt%s%s /etc/openvpn/server/", s->ca.pki, s->ca.pki, name,
	     crl == NULL ? " " : "", crl == NULL ? s->published.name : "");
	puts("     and these lines in its configuration:");
	puts("       ca ca.crt");
	line("       cert %s.crt", name);
	line("       key %s.key", name);
	puts("       dh none");
	puts("       remote-cert-tls client");
	line("       crl-verify %s", crl != NULL ? crl : "crl.pem");
	if (s->tls.there)
		line("       tls-crypt %s",
		     strrchr(s->tls.name, '/') != NULL ? strrchr(s->tls.name, '/') + 1 : s->tls.name);
}

static void print_next(const struct setup *s)
{
	int step = 0;
	puts("\nNext:");
	print_for_server(s, &step);
	if (s->made_ca && s->ca.hsm.name[0] == '\0')
		line("  %d. Keep a copy of %s, and its passphrase, in a safe place: a lost CA key cannot be had again.",
		     ++step, s->ca.pki);
	line("  %d. Read %s once: where the CRL goes, mail, what is kept of SO PINs and PUKs ([escrow]).", ++step,
	     s->conf.name);
	printf("  %d. Put a token in, then:  tokenroll tokens\n", ++step);
	printf("                             tokenroll USER\n");
	printf("  %d. See to it that the CRL never expires:  systemctl enable --now tokenroll-crl.timer\n", ++step);
	if (!s->made_ca && s->valid > 0)
		printf("  %d. Bring the certificates that there are into the inventory:  tokenroll adopt\n", ++step);
}

int setupui_report(const struct setup *s, const struct err *error, struct err *e)
{
	if (s->o->json)
		return report_document(s, error, e);
	print_things(s);
	print_next(s);
	return 0;
}
