#include "core/file.h"
#include "core/xalloc.h"
#include "enroll/run.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* OpenSC is the module that people install on laptops; its installers always put it there. */
static const char *const usual_module[PLATFORM_COUNT] = {
    [PLATFORM_WINDOWS] = "C:/Program Files/OpenSC Project/OpenSC/pkcs11/opensc-pkcs11.dll",
    [PLATFORM_MACOS] = "/Library/OpenSC/lib/opensc-pkcs11.so",
};

#define PROFILE_FILE_MAX ((size_t)1 << 20)

time_t enroll_issued_at(const struct blob *cert)
{
	const unsigned char *p = cert->data;
	struct tm tm;
	X509 *x = d2i_X509(NULL, &p, (long)cert->len);
	time_t t = x != NULL && ASN1_TIME_to_tm(X509_get0_notBefore(x), &tm) == 1 ? timegm(&tm) : 0;
	X509_free(x);
	return t;
}

static void collect_facts(const struct enroll_run *r, const struct store_credential *c, const char *ca_pem,
			  struct handover_facts *f)
{
	*f = (struct handover_facts){
	    .user = c->user,
	    .token_manufacturer = r->token.manufacturer,
	    .token_model = r->token.model,
	    .token_serial = r->token.serial,
	    .token_label = r->token.label,
	    .key_type = keytype_name((enum keytype)c->key_type),
	    .cert_serial = c->cert_serial,
	    .issued = enroll_issued_at(&c->cert),
	    .not_after = c->not_after,
	    .ca_pem = ca_pem,
	    .pin_each_time = enroll_wants_pin_each_time(c),
	};
	for (int l = 0; l < HANDOVER_LANGUAGE_COUNT; l++) {
		const struct profile_guide *g = &r->profile->guide[l];
		f->remarks[l][HANDOVER_TOKEN] = g->token;
		f->remarks[l][HANDOVER_INSERT] = g->insert;
		f->remarks[l][HANDOVER_PIN] = g->pin;
		f->remarks[l][HANDOVER_INSTALL] = g->install;
	}
	for (int p = 0; p < PLATFORM_COUNT; p++) {
		const char *module = enroll_client_module(r, (enum config_platform)p);
		if (module == NULL)
			module = p == PLATFORM_LINUX ? c->client_module : usual_module[p];
		f->clients[p] = (struct handover_client){.module = module, .pkcs11_id = c->pkcs11_id};
	}
}

static char *chain_text(const struct enroll_run *r)
{
	char *ret = xcalloc(1, r->ca.chain_pem.len + 1);
	if (r->ca.chain_pem.len != 0)
		memcpy(ret, r->ca.chain_pem.data, r->ca.chain_pem.len);
	return ret;
}

void enroll_draft(const struct enroll_run *r)
{
	struct store_credential c = r->cred; /* borrowed: only texts of its own are changed */
	struct handover_facts facts;
	/* another module may name the key in another way */
	if (enroll_client_differs(r) || enroll_id_name(r, &c.cka_id, c.pkcs11_id, sizeof c.pkcs11_id) != 0)
		return;
	snprintf(c.client_module, sizeof c.client_module, "%s", r->module);
	char *ca_pem = chain_text(r);
	collect_facts(r, &c, ca_pem, &facts);
	r->ports->handover.draft(r->courier, &facts);
	free(ca_pem);
}

int enroll_deliver(struct enroll_run *r, struct err *e)
{
	struct handover_facts facts;
	struct handover_result made = {.folder = NULL};
	char *ca_pem = chain_text(r);
	collect_facts(r, &r->cred, ca_pem, &facts);
	int ret = r->ports->handover.make(r->courier, &facts, &made, e);
	if (ret == 0) {
		r->result->folder = xstrdup(made.folder);
		r->result->tar_gz = xstrdup(made.tar_gz);
		r->result->zip = xstrdup(made.zip);
		ret = r->ports->handover.mail(r->courier, e);
	}
	handover_result_free(&made);
	free(ca_pem);
	return ret;
}

/* The module is not part of what is journalled where only the laptops have it. */
void enroll_note_module(struct enroll_run *r)
{
	static const char option[] = "\npkcs11-providers ";
	const char *module =
	    r->opt->client_module != NULL ? r->opt->client_module : r->cfg->vpn.client_module[PLATFORM_LINUX];
	char *path = xasprintf("%s/%s/%s-linux.ovpn", r->cfg->bundle.dir, r->cred.user, r->cred.user), text[1400];
	struct blob profile = BLOB_INIT;
	bool read = module != NULL && file_read(path, PROFILE_FILE_MAX, &profile, NULL) == 0;
	const unsigned char *line = read ? memmem(profile.data, profile.len, option, strlen(option)) : NULL;
	size_t left = line != NULL ? profile.len - (size_t)(line - profile.data) : 0;
	const unsigned char *end = left > 1 ? memchr(line + 1, '\n', left - 1) : NULL;
	if (end != NULL && memmem(line, (size_t)(end - line), module, strlen(module)) == NULL) {
		snprintf(text, sizeof text, "%s names another module than %s; `tokenroll bundle%s%s %s` makes it again",
			 path, module, r->opt->client_module != NULL ? " --client-module " : "",
			 r->opt->client_module != NULL ? module : "", r->cred.user);
		r->ui->note(r->ui->arg, text);
	}
	blob_free(&profile);
	free(path);
}

/* What somebody has changed since is theirs, and not replaced. */
static bool is_whole(struct enroll_run *r)
{
	char *name = NULL, text[700];
	enum owned_state is = r->ports->handover.compare(r->cfg->bundle.dir, r->cred.user, &name);
	if (is == OWNED_MISSING)
		snprintf(text, sizeof text, "%s is missing in %s: the bundle is made again", name, r->cfg->bundle.dir);
	if (is == OWNED_CHANGED)
		snprintf(text, sizeof text,
			 "%s in %s was changed since it was made, and is left so: `tokenroll bundle %s` makes it again "
			 "when it "
			 "is moved out of the way",
			 name, r->cfg->bundle.dir, r->cred.user);
	if (is != OWNED_WHOLE)
		r->ui->note(r->ui->arg, text);
	free(name);
	return is != OWNED_MISSING;
}

bool enroll_is_delivered(struct enroll_run *r)
{
	struct enroll_result *res = r->result;
	res->folder = xasprintf("%s/%s", r->cfg->bundle.dir, r->cred.user);
	res->tar_gz = xasprintf("%s.tar.gz", res->folder);
	res->zip = xasprintf("%s.zip", res->folder);
	bool there = access(res->folder, F_OK) == 0 && access(res->tar_gz, F_OK) == 0 && access(res->zip, F_OK) == 0;
	if (there && is_whole(r))
		return true;
	free(res->folder);
	free(res->tar_gz);
	free(res->zip);
	res->folder = res->tar_gz = res->zip = NULL;
	return false;
}
