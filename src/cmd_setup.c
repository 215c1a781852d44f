/*
 * tokenroll setup: first use. Finds the company's easy-rsa PKI, or makes a CA
 * in a new one, with a server's certificate, a tls-crypt key and a CRL, and
 * writes the configuration. Each step looks first whether there is something
 * to do, so that it can be run again, also after it was cut off.
 */
#include "ca/look.h"
#include "cmd.h"
#include "core/xalloc.h"
#include "credentials.h"
#include "setup/conffile.h"
#include "setupui.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPENVPN_FOLDER "/etc/openvpn"
#define TLS_KEY_FILE "tls-crypt.key"
#define LOOKED_AT_MAX 20000 /* rows of index.txt that are searched for a server's certificate */
#define DETAILS_AT_ONCE 256

void setup_note(void *arg, const char *text)
{
	struct setup *s = arg;
	screen_note(&s->screen, text);
}

/* The text stays the caller's. */
static char *copy(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

static void set(char **to, char *value)
{
	free(*to);
	*to = value;
}

/* For what is written down and told: from another folder it is the same place. */
static char *absolute(const char *path)
{
	char *folder = path[0] != '/' ? realpath(".", NULL) : NULL;
	char *ret = folder != NULL ? xasprintf("%s/%s", folder, path) : xstrdup(path);
	free(folder);
	return ret;
}

/* ---- what there is */

const char *setup_from_template(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_names; i++) {
		if (strcmp(c->names[i].name, name) == 0)
			return c->names[i].value;
	}
	return NULL;
}

static int differs(const struct setup *s, const char *option, const char *is, struct err *e)
{
	err_set(e, ERR_USAGE, "%s is another one than in the configuration %s, which says \"%s\"", option, s->conf_path,
		is != NULL ? is : "");
	return err_next(e, "setup leaves a configuration as it is: change it there, or name another file with -c");
}

/* What the options say has to be what the configuration says. */
static int read_configuration(struct setup *s, struct err *e)
{
	const struct options *o = s->o;
	s->configured = access(s->conf_path, F_OK) == 0;
	if (!s->configured)
		return 0;
	if (config_read(&s->cfg, s->conf_path, e) != 0)
		return -1;
	credentials_hide(s->cfg, o);
	const char *remote = setup_from_template(s->cfg, "remote");
	if (o->ca_key != NULL && (s->cfg->ca.key == NULL || strcmp(s->cfg->ca.key, o->ca_key) != 0))
		return differs(s, "--ca-key", s->cfg->ca.key, e);
	if (o->remote != NULL && (remote == NULL || strcmp(remote, o->remote) != 0))
		return differs(s, "--remote", remote, e);
	set(&s->pki, xstrdup(s->cfg->ca.pki));
	set(&s->ca_key, copy(s->cfg->ca.key));
	set(&s->server, copy(o->server != NULL ? o->server : setup_from_template(s->cfg, "server_name")));
	return 0;
}

/* One folder under two names is the same. */
static int check_pki(const struct setup *s, struct err *e)
{
	if (!s->configured || s->o->pki == NULL)
		return 0;
	char *a = realpath(s->o->pki, NULL), *b = realpath(s->pki, NULL);
	bool same = a != NULL && b != NULL ? strcmp(a, b) == 0 : strcmp(s->o->pki, s->pki) == 0;
	free(b);
	free(a);
	return same ? 0 : differs(s, "--pki", s->pki, e);
}

/* By the configuration, as far as there is one; all in it is borrowed. */
static struct config_ca settings(const struct setup *s)
{
	if (s->cfg != NULL)
		return s->cfg->ca;
	return (struct config_ca){.pki = s->pki, .key = s->ca_key, .key_types = KEYTYPE_ALL, .lock_wait = 30};
}

static int find_ground(struct setup *s, struct err *e)
{
	const struct config_ca ca = settings(s);
	return signer_ground(&s->creator, &ca, s->o->verbose, setup_note, s, &s->ground, e);
}

int setup_open_ca(struct setup *s, struct err *e)
{
	const struct config_ca ca = settings(s);
	if (signer_start(&s->signer, &ca, s->o->verbose, setup_note, s, e) != 0)
		return -1;
	ca_info_free(&s->ca);
	return signer_open(s->signer, &s->ca, e);
}

static void add_server(struct config_list *servers, const struct ca_detail *d)
{
	bool known = strcmp(d->purpose, "server") != 0;
	for (size_t i = 0; !known && i < servers->n; i++)
		known = strcmp(servers->text[i], d->name) == 0;
	if (!known)
		config_list_add(servers, xstrdup(d->name));
}

static int look_at_servers(struct signer *look, const struct ca_rows *rows, struct config_list *servers, struct err *e)
{
	char serials[DETAILS_AT_ONCE][CA_SERIAL_HEX_MAX];
	struct ca_detail details[DETAILS_AT_ONCE];
	size_t n = 0;
	for (size_t i = 0; i < rows->n; i++) {
		if (rows->list[i].status == 'V' && rows->list[i].not_after > time(NULL))
			memcpy(serials[n++], rows->list[i].serial, CA_SERIAL_HEX_MAX);
		if (n < DETAILS_AT_ONCE && i + 1 < rows->n)
			continue;
		for (size_t from = 0, got = 0; from < n; from += got) {
			if (signer_details(look, serials + from, n - from, details, &got, e) != 0)
				return -1;
			for (size_t d = 0; d < got; d++) {
				add_server(servers, &details[d]);
				ca_detail_free(&details[d]);
			}
		}
		n = 0;
	}
	return 0;
}

/* Counts the rows; of a PKI that is not too large the names of its servers. */
static int look_at_rows(struct setup *s, struct signer *look, struct config_list *servers, struct err *e)
{
	struct ca_rows rows = {.more = true};
	uint64_t next = 0;
	int got = 0;
	while (got == 0 && rows.more) {
		rows = (struct ca_rows){.next = next};
		got = signer_rows_begin(look, next, e);
		if (got == 0)
			got = signer_rows_end(look, &rows, e);
		for (size_t i = 0; got == 0 && i < rows.n; i++) {
			s->rows++;
			s->valid += rows.list[i].status == 'V' && rows.list[i].not_after > time(NULL);
			s->revoked += rows.list[i].status == 'R';
		}
		if (got == 0 && rows.next <= LOOKED_AT_MAX)
			got = look_at_servers(look, &rows, servers, e);
		next = rows.next;
		ca_rows_free(&rows);
	}
	return got;
}

static int look_at_pki(struct setup *s, struct config_list *servers, struct err *e)
{
	const struct config_ca ca = settings(s);
	struct ca_look l;
	struct signer *look = NULL;
	int got = signer_look_begin(&look, &ca, s->o->verbose, setup_note, s, e);
	if (got == 0)
		got = signer_look_end(look, &l, e);
	if (got == 0 && l.has_index)
		got = look_at_rows(s, look, servers, e);
	signer_stop(&look);
	return got;
}

static const char *openvpn_folder(const struct setup *s)
{
	return s->o->openvpn != NULL ? s->o->openvpn : OPENVPN_FOLDER;
}

/* ---- what is to be */

/* Where the CRL is published: what the server reads; a new CA's where it will, if there is none yet. Not in the PKI,
 * which only its owner can read. */
static void settle_crl(struct setup *s)
{
	const char *openvpn = openvpn_folder(s);
	char *file = xasprintf("%s/server/crl.pem", openvpn), *folder = xasprintf("%s/server", openvpn);
	if (s->vpn.crl != NULL) {
		char *real = realpath(s->vpn.crl, NULL), *own = realpath(s->ground.pki, NULL);
		bool inside = real != NULL && own != NULL && strncmp(real, own, strlen(own)) == 0;
		if (inside)
			screen_note(&s->screen, "the VPN server reads its CRL in the PKI: one that runs as nobody "
						"cannot read a fresh one there; move it out, then set [ca] crl");
		else
			set(&s->crl, xstrdup(s->vpn.crl));
		free(own);
		free(real);
	} else if (s->vpn.file == NULL && s->young && access(folder, W_OK) == 0 && access(file, F_OK) != 0) {
		set(&s->crl, xstrdup(file));
	}
	free(folder);
	free(file);
}

/* The server's key, wherever it is, is no other than the laptops': only a new CA's server gets a new one. */
static void settle_tls(struct setup *s)
{
	const char *slash = strrchr(s->conf_path, '/');
	if (s->vpn.tls != NULL) {
		set(&s->tls_name, xstrdup(s->vpn.tls_name));
		set(&s->tls_file, xasprintf("@%s", s->vpn.tls));
	} else if (s->vpn.file == NULL && s->young) {
		set(&s->tls_name, xstrdup("tls_crypt"));
		set(&s->tls_file,
		    xasprintf("@%.*s" TLS_KEY_FILE, slash != NULL ? (int)(slash - s->conf_path + 1) : 0, s->conf_path));
	}
}

static int make_text(struct setup *s, struct err *e)
{
	const struct conffile_value values[] = {
	    {"ca", "pki", s->ground.pki},
	    {"ca", "key", s->ca_key},
	    {"ca", "crl", s->crl},
	    {"bundle", "dir", s->bundles},
	    {"store", "path", s->store},
	    {"template", "remote", s->remote},
	    {"template", "server_name", s->server},
	    {"template", s->tls_name != NULL ? s->tls_name : "tls_crypt", s->tls_file},
	};
	struct blob text = BLOB_INIT;
	if (conffile_fill(&s->conf_text, values, sizeof values / sizeof *values, e) != 0)
		return -1;
	blob_set(&text, s->conf_text, strlen(s->conf_text));
	int got = config_parse(&s->cfg, s->conf_path, &text, e);
	blob_free(&text);
	if (got == 0)
		credentials_hide(s->cfg, s->o);
	return got;
}

static int settle_configuration(struct setup *s, struct err *e)
{
	if (s->configured)
		return 0;
	if (s->o->data != NULL) {
		char *data = absolute(s->o->data);
		set(&s->bundles, xasprintf("%s/bundles", data));
		set(&s->store, xasprintf("%s/tokenroll.db", data));
		free(data);
	}
	settle_crl(s);
	settle_tls(s);
	return make_text(s, e);
}

static int plan_for_existing(struct setup *s, struct err *e)
{
	struct config_list servers = {NULL, 0};
	signer_stop(&s->creator);
	int got = setup_open_ca(s, e);
	if (got == 0)
		got = look_at_pki(s, &servers, e);
	if (got == 0) {
		s->young = s->rows == 0;
		(void)setup_vpn_find(&s->vpn, openvpn_folder(s), &s->ca.chain_pem);
		setupui_found(s);
		if (!s->configured)
			got = setupui_server(s, &servers, e);
	}
	config_list_free(&servers);
	return got;
}

static int plan(struct setup *s, struct err *e)
{
	set(&s->ca_key, copy(s->o->ca_key));
	if (read_configuration(s, e) != 0 || (!s->configured && setupui_pki(s, e) != 0) || check_pki(s, e) != 0 ||
	    find_ground(s, e) != 0)
		return -1;
	s->young = !s->ground.has_ca;
	if ((s->ground.has_ca ? plan_for_existing(s, e) : setupui_new_ca(s, e)) != 0)
		return -1;
	return settle_configuration(s, e);
}

static void clear(struct setup *s)
{
	char **const texts[] = {&s->conf_path, &s->conf_text, &s->store,  &s->bundles, &s->pki,      &s->ca_key,
				&s->ca_name,   &s->server,    &s->remote, &s->crl,     &s->tls_name, &s->tls_file};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		set(texts[i], NULL);
	signer_stop(&s->creator);
	signer_stop(&s->signer);
	secret_free(&s->passphrase);
	setup_vpn_free(&s->vpn);
	ca_info_free(&s->ca);
	config_free(&s->cfg);
	screen_free(&s->screen);
}

int cmd_setup(const struct options *o, struct err *e)
{
	struct setup s = {.o = o, .vpn = SETUP_VPN_INIT};
	struct err unsaid = ERR_INIT;
	if (o->n_args > 0)
		return err_set(e, ERR_USAGE, "setup takes no argument, but '%s' was given", o->args[0]);
	screen_init(&s.screen, o);
	s.conf_path = absolute(cmd_config_path(o));
	snprintf(s.conf.name, sizeof s.conf.name, "%s", s.conf_path);
	int got = plan(&s, e);
	if (got == 0)
		got = setupui_agree(&s, e);
	if (got == 0)
		got = setup_make(&s, e);
	s.conf.there = s.configured || s.conf.made;
	if ((got == 0 || o->json) && setupui_report(&s, got == 0 ? NULL : e, got == 0 ? e : &unsaid) != 0)
		got = -1;
	clear(&s);
	return got;
}
