#include "ca/create.h"

#include "ca/hsm.h"
#include "ca/key.h"
#include "ca/lock.h"
#include "ca/pki.h"
#include "ca/root.h"
#include "core/file.h"
#include "core/landlock.h"
#include "core/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SSL_SETTINGS "openssl-easyrsa.cnf"

struct ca_creation {
	char *pki; /* absolute; need not be there yet */
	struct vars *vars;
	struct ca_hsm hsm;
	bool on_hsm, has_key, encrypted;
	long lock_wait;
	rpc_note_fn *note;
	void *note_arg;
};

static char *place(const struct ca_creation *c, const char *name)
{
	return xasprintf("%s/%s", c->pki, name);
}

static bool is_there(const struct ca_creation *c, const char *name)
{
	char *path = place(c, name);
	bool ret = pki_exists(path);
	free(path);
	return ret;
}

/* Whether a folder has anything in it, but for what is passed over; true of one that cannot be listed. */
static bool has_entries(const char *path, bool (*pass)(const char *name))
{
	DIR *d = opendir(path);
	const struct dirent *entry;
	bool found = d == NULL && errno != ENOENT;
	while (d != NULL && !found && (entry = readdir(d)) != NULL)
		found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			(pass == NULL || !pass(entry->d_name));
	if (d != NULL)
		closedir(d);
	return found;
}

/* What init-pki makes, by any easy-rsa 3, and what a run that was cut off has left. */
static bool is_of_pki(const char *name)
{
	static const char *const names[] = {
	    "private",   "reqs",   "issued",    "certs_by_serial", "revoked",
	    "renewed",   "inline", "expired",   "x509-types",      "openssl-easyrsa.cnf",
	    "index.txt", "vars",   "lock.file", "crl.pem",         "safessl-easyrsa.cnf",
	    "ecparams",  "serial", "ca.crt",    "vars.example",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		if (strncmp(name, names[i], n) == 0 && (name[n] == '\0' || name[n] == '.'))
			return true;
	}
	return false;
}

static bool has_rows(const struct ca_creation *c)
{
	struct stat st;
	char *index = place(c, "index.txt"), *issued = place(c, "issued");
	bool ret = (stat(index, &st) == 0 && st.st_size > 0) || has_entries(issued, NULL);
	free(issued);
	free(index);
	return ret;
}

/* Of what may be there without a CA certificate: nothing, what init-pki has made, or what was begun here. */
static int check_begun(const struct ca_creation *c, struct err *e)
{
	if (has_rows(c)) {
		err_set(e, ERR_CA_PKI, "the PKI %s has issued certificates, but its CA certificate, ca.crt, is missing",
			c->pki);
		return err_next(e, "restore ca.crt from a backup, or name another folder with --pki");
	}
	if (is_there(c, "reqs/ca.req")) {
		err_set(e, ERR_FOREIGN,
			"%s is the PKI of an intermediate CA, whose request, reqs/ca.req, has not been signed", c->pki);
		return err_next(e,
				"have the CA above sign it and put its certificate into %s/ca.crt, or name another "
				"folder with --pki",
				c->pki);
	}
	if (!has_entries(c->pki, is_of_pki))
		return 0;
	err_set(e, ERR_FOREIGN, "the folder %s is no PKI and not empty", c->pki);
	return err_next(e, "name a folder for the new CA alone with --pki");
}

/* Whether a path of the configuration, NULL for none, is easy-rsa's own. */
static bool is_usual(const struct ca_creation *c, const char *path, const char *name)
{
	char *usual = place(c, name), *is = path != NULL ? pathset_resolve(path) : xstrdup(usual);
	bool same = is != NULL && strcmp(is, usual) == 0;
	free(is);
	free(usual);
	return same;
}

static int check_place(const struct ca_creation *c, const struct config_ca *cfg, struct err *e)
{
	struct stat st;
	if (stat(c->pki, &st) == 0 && !S_ISDIR(st.st_mode)) {
		err_set(e, ERR_CA_PKI, "%s is not a folder", c->pki);
		return err_next(e, "name the folder of the new CA with --pki");
	}
	bool cert_usual = is_usual(c, cfg->cert, "ca.crt");
	if (cert_usual && (c->on_hsm || is_usual(c, cfg->key, "private/ca.key")))
		return check_begun(c, e);
	err_set(e, ERR_CONFIG, "[ca] %s names another place than easy-rsa's for a CA that is not there yet",
		cert_usual ? "key" : "cert");
	return err_next(e, "take it out, so that a new CA can be made in %s", c->pki);
}

/* The folder itself, else the nearest one above it that is there. */
static char *writable_root(const struct ca_creation *c)
{
	char *path = xstrdup(c->pki), *slash;
	while (access(path, F_OK) != 0 && (slash = strrchr(path, '/')) != NULL && slash != path)
		*slash = '\0';
	return path;
}

static void confine(const struct ca_creation *c, const struct pathset *hsm_writes)
{
	struct landlock *l = NULL;
	char *root = writable_root(c);
	if (landlock_begin(&l, LANDLOCK_CHANGE | LANDLOCK_EXECUTE)) {
		landlock_allow(l, root, LANDLOCK_CHANGE);
		if (c->on_hsm)
			landlock_allow(l, "/dev", LANDLOCK_CHANGE);
		for (size_t i = 0; i < hsm_writes->n; i++)
			landlock_allow(l, hsm_writes->path[i], LANDLOCK_CHANGE);
		(void)landlock_enforce(&l);
	}
	free(root);
}

/* The shell that reads vars runs before this process is shut off, and the HSM's module after it. */
static int look(struct ca_creation *c, const struct config_ca *cfg, struct pathset *writes, struct err *e)
{
	struct blob spki = BLOB_INIT;
	char *key = place(c, "private/ca.key");
	int got = c->on_hsm ? c->hsm.port->prepare(&c->hsm.handle, cfg, writes, e)
			    : ca_key_probe(key, &c->has_key, &c->encrypted, e);
	if (got == 0)
		got = vars_load(&c->vars, cfg->vars, c->pki, e);
	if (got == 0) {
		confine(c, writes);
		if (c->on_hsm)
			got = c->hsm.port->open(c->hsm.handle, true, &c->hsm.info, &spki, e);
	}
	blob_free(&spki);
	free(key);
	return got;
}

static void describe(const struct ca_creation *c, bool has_ca, struct ca_ground *ret)
{
	*ret = (struct ca_ground){.has_ca = has_ca, .has_key = c->has_key, .hsm = c->hsm.info};
	snprintf(ret->pki, sizeof ret->pki, "%s", c->pki);
	ret->needs_passphrase = c->on_hsm ? c->hsm.info.wants_pin || c->hsm.info.last_try : !c->has_key || c->encrypted;
}

int ca_ground(struct ca_creation **ret, const struct config_ca *cfg, const struct ca_hsm_port *port, rpc_note_fn *note,
	      void *note_arg, struct ca_ground *ret_ground, struct err *e)
{
	struct ca_creation *c = xcalloc(1, sizeof *c);
	struct pathset writes = PATHSET_INIT;
	int got = -1;
	c->note = note;
	c->note_arg = note_arg;
	c->lock_wait = cfg->lock_wait;
	c->on_hsm = config_key_on_hsm(cfg);
	c->hsm.port = c->on_hsm ? port : NULL;
	c->pki = pathset_resolve(cfg->pki);
	if (c->pki == NULL) {
		err_errno(e, ERR_CA_PKI, "no folder can be made at %s", cfg->pki);
		goto out;
	}
	bool has_ca = cfg->cert != NULL ? pki_exists(cfg->cert) : is_there(c, "ca.crt");
	got = has_ca ? 0 : check_place(c, cfg, e);
	if (got == 0 && !has_ca)
		got = look(c, cfg, &writes, e);
	if (got == 0) {
		describe(c, has_ca, ret_ground);
		*ret = c;
		c = NULL;
	}
out:
	pathset_free(&writes);
	ca_creation_free(&c);
	return got;
}

void ca_creation_free(struct ca_creation **c)
{
	if (c == NULL || *c == NULL)
		return;
	ca_hsm_close(&(*c)->hsm);
	vars_free(&(*c)->vars);
	free((*c)->pki);
	free(*c);
	*c = NULL;
}

static int make_folder(const struct ca_creation *c, const char *name, struct err *e)
{
	char *path = place(c, name);
	int got = file_mkdir(path, 0700, e);
	if (got != 0 && e != NULL)
		e->code = ERR_CA_FAILED;
	free(path);
	return got;
}

static int make_folders(const struct ca_creation *c, struct err *e)
{
	static const char *const names[] = {
	    "private",
	    "reqs",
	    "issued",
	    "certs_by_serial",
	    "revoked/certs_by_serial",
	    "revoked/private_by_serial",
	    "revoked/reqs_by_serial",
	};
	int got = 0;
	for (size_t i = 0; got == 0 && i < sizeof names / sizeof *names; i++)
		got = make_folder(c, names[i], e);
	return got;
}

/* What is there stays as it is. */
static int write_new(const struct ca_creation *c, const char *name, const char *text, struct err *e)
{
	char *path = place(c, name);
	int got = pki_exists(path) ? 0 : pki_write(path, text, strlen(text), e);
	free(path);
	return got;
}

/* As init-pki copies it; easyrsa 3.1 does nothing without. Where easy-rsa is not installed nobody misses it yet. */
static int copy_openssl_settings(const struct ca_creation *c, struct err *e)
{
	static const char *const folders[] = {"/etc/easy-rsa", "/usr/share/easy-rsa", "/usr/local/share/easy-rsa"};
	struct blob text = BLOB_INIT;
	char *above = place(c, "../" SSL_SETTINGS);
	bool found = file_read(above, FILE_MAX_DEFAULT, &text, NULL) == 0;
	for (size_t i = 0; !found && i < sizeof folders / sizeof *folders; i++) {
		char *path = xasprintf("%s/" SSL_SETTINGS, folders[i]);
		found = file_read(path, FILE_MAX_DEFAULT, &text, NULL) == 0;
		free(path);
	}
	int got = found ? write_new(c, SSL_SETTINGS, (const char *)text.data, e) : 0;
	if (!found && c->note != NULL)
		c->note(c->note_arg,
			"easy-rsa is not installed here; should it be one day, copy its " SSL_SETTINGS " into the PKI");
	blob_free(&text);
	free(above);
	return got;
}

static char *algorithm_lines(enum keytype type)
{
	if (type == KEYTYPE_EC_P384)
		return xstrdup("set_var EASYRSA_ALGO\t\tec\nset_var EASYRSA_CURVE\t\tsecp384r1\n");
	return xasprintf("set_var EASYRSA_ALGO\t\trsa\nset_var EASYRSA_KEY_SIZE\t%u\n", keytype_rsa_bits(type));
}

/* Only where easy-rsa finds no settings: it refuses to choose between two files of them. */
static int write_vars(const struct ca_creation *c, const struct ca_plan *plan, struct err *e)
{
	if (c->vars->file != NULL)
		return 0;
	char *lines = algorithm_lines(plan->key_type);
	char *text = xasprintf("# easy-rsa's settings for this CA, read as shell by easyrsa and tokenroll.\n"
			       "if [ -z \"$EASYRSA_CALLER\" ]; then\n"
			       "\techo \"This file is read by easyrsa, not run.\" >&2\n"
			       "\treturn 1\n"
			       "fi\n\n"
			       "# the subject of a certificate: cn_only, or org with EASYRSA_REQ_COUNTRY and so on\n"
			       "set_var EASYRSA_DN\t\t\"cn_only\"\n"
			       "%s"
			       "set_var EASYRSA_DIGEST\t\t\"%s\"\n"
			       "# days\n"
			       "set_var EASYRSA_CA_EXPIRE\t%ld\n"
			       "set_var EASYRSA_CERT_EXPIRE\t825\n"
			       "set_var EASYRSA_CRL_DAYS\t180\n",
			       lines, root_digest(plan->key_type), plan->days);
	int got = write_new(c, "vars", text, e);
	if (got == 0) {
		free(c->vars->value[VAR_DIGEST]);
		c->vars->value[VAR_DIGEST] = xstrdup(root_digest(plan->key_type));
	}
	free(text);
	free(lines);
	return got;
}

static int check_passphrase(const struct secret *passphrase, struct err *e)
{
	if (passphrase != NULL && passphrase->len >= CA_PASSPHRASE_MIN)
		return 0;
	err_set(e, ERR_USAGE, "the passphrase of a CA key has at least %d characters", CA_PASSPHRASE_MIN);
	return err_next(e, "choose a long one: it is all that protects the key where somebody gets hold of the file");
}

static int key_in_file(const struct ca_creation *c, const struct ca_plan *plan, const struct secret *passphrase,
		       EVP_PKEY **ret, struct err *e)
{
	char *path = place(c, "private/ca.key");
	int got = 0;
	if (pki_exists(path)) {
		got = ca_key_load(ret, path, passphrase, e);
	} else {
		got = root_key_generate(ret, plan->key_type, e);
		if (got == 0)
			got = root_key_write(path, *ret, passphrase, e);
	}
	free(path);
	return got;
}

/* easyrsa looks for the file before most of what it does, and into it only to sign. */
static const char in_hsm[] = "The key of this CA is on an HSM. tokenroll signs with it ([ca] key in its\n"
			     "configuration); easyrsa cannot, and can do all else.\n";

static int key_on_hsm(const struct ca_creation *c, const struct ca_plan *plan, const struct secret *pin, EVP_PKEY **ret,
		      struct err *e)
{
	const struct ca_hsm *h = &c->hsm;
	if (h->port == NULL)
		return err_set(e, ERR_CA_FAILED, "this process has nothing in it that could use an HSM");
	if (h->info.pin_pad && c->note != NULL)
		c->note(c->note_arg, "enter the PIN of the CA's HSM on its reader");
	if (h->port->make(h->handle, h->info.wants_pin ? pin : NULL, plan->last_try, plan->key_type, ret, e) != 0)
		return -1;
	return write_new(c, "private/ca.key", in_hsm, e);
}

/* The end of it all: with ca.crt there is a CA. */
static int write_certificate(const struct ca_creation *c, X509 *cert, struct err *e)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *path = place(c, "ca.crt");
	const char *data;
	int got = -1;
	if (b != NULL && PEM_write_bio_X509(b, cert) == 1) {
		long n = BIO_get_mem_data(b, &data);
		got = pki_write(path, data, (size_t)n, e);
	} else {
		err_openssl(e, ERR_CA_FAILED, "cannot write the certificate of the CA as text");
	}
	free(path);
	BIO_free(b);
	return got;
}

static int create_locked(const struct ca_creation *c, const struct ca_plan *plan, const struct secret *passphrase,
			 struct err *e)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int got = -1;
	if (is_there(c, "ca.crt")) {
		err_set(e, ERR_FOREIGN, "the PKI %s has got a CA meanwhile", c->pki);
		err_next(e, "run the same command again to see it");
		goto out;
	}
	if (make_folders(c, e) != 0 || write_new(c, "index.txt", "", e) != 0 ||
	    write_new(c, "index.txt.attr", "", e) != 0 || write_new(c, "serial", "01\n", e) != 0 ||
	    write_vars(c, plan, e) != 0 || copy_openssl_settings(c, e) != 0 ||
	    (c->on_hsm ? key_on_hsm(c, plan, passphrase, &key, e) : key_in_file(c, plan, passphrase, &key, e)) != 0)
		goto out;
	got = root_certificate(&cert, key, plan, c->vars, e);
	if (got == 0)
		got = write_certificate(c, cert, e);
out:
	X509_free(cert);
	EVP_PKEY_free(key);
	return got;
}

/* What openssl and easyrsa show in one line, and index.txt has in a column. */
static int check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= CA_COMMON_NAME_MAX && name[0] != ' ' && name[n - 1] != ' ';
	for (size_t i = 0; good && i < n; i++)
		good = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f && strchr("/\\", name[i]) == NULL;
	if (good)
		return 0;
	err_set(e, ERR_USAGE, "\"%s\" cannot be the name of a CA", name);
	return err_next(e, "a name has 1 to %d bytes, no / or \\, and no blank at its ends", CA_COMMON_NAME_MAX);
}

int ca_create(struct ca_creation *c, const struct ca_plan *plan, const struct secret *passphrase, struct err *e)
{
	struct pki_lock *lock = NULL;
	if (check_name(plan->name, e) != 0 || (!c->on_hsm && !c->has_key && check_passphrase(passphrase, e) != 0) ||
	    file_mkdir(c->pki, 0700, e) != 0)
		return -1;
	int got = pki_lock_take(&lock, c->pki, c->lock_wait, c->note, c->note_arg, e);
	if (got == 0)
		got = create_locked(c, plan, passphrase, e);
	pki_lock_release(&lock);
	return got;
}
