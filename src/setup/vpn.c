#include "setup/vpn.h"

#include "core/file.h"
#include "core/words.h"
#include "core/xalloc.h"

#include <glob.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONF_BYTES_MAX 262144
#define CERT_BYTES_MAX 1048576

/* While one file is read. */
struct reading {
	struct setup_vpn vpn;
	char *folder;            /* that relative paths count from */
	char *ca, *cert;         /* files */
	struct blob ca_inline;   /* of <ca> */
	struct blob cert_inline; /* of <cert> */
	bool serves;             /* it is a server's */
};

static void set(char **to, char *value)
{
	free(*to);
	*to = value;
}

static char *absolute(const struct reading *r, const char *path)
{
	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", r->folder, path);
}

static void take_crl(struct reading *r, const struct words *w)
{
	r->vpn.crl_is_folder = w->n > 2 && strcmp(w->list[2], "dir") == 0;
	set(&r->vpn.crl, r->vpn.crl_is_folder ? NULL : absolute(r, w->list[1]));
}

static void take_tls(struct reading *r, const struct words *w, const char *name)
{
	set(&r->vpn.tls, absolute(r, w->list[1]));
	r->vpn.tls_name = name;
}

/* "tcp-server", "tcp6-server" and "udp6" are a client's "tcp" and "udp" */
static void take_proto(struct reading *r, const struct words *w)
{
	set(&r->vpn.proto, xstrdup(strncmp(w->list[1], "tcp", 3) == 0 ? "tcp" : "udp"));
}

static void take(struct reading *r, const struct words *w)
{
	static const char *const serves[] = {"server", "server-ipv6", "server-bridge", "tls-server"};
	const char *name = w->list[0];
	if (strncmp(name, "--", 2) == 0)
		name += 2;
	for (size_t i = 0; i < sizeof serves / sizeof *serves; i++)
		r->serves = r->serves || strcmp(name, serves[i]) == 0;
	if (strcmp(name, "mode") == 0)
		r->serves = r->serves || (w->n > 1 && strcmp(w->list[1], "server") == 0);
	if (w->n < 2)
		return;
	if (strcmp(name, "cd") == 0)
		set(&r->folder, absolute(r, w->list[1]));
	else if (strcmp(name, "ca") == 0)
		set(&r->ca, absolute(r, w->list[1]));
	else if (strcmp(name, "cert") == 0)
		set(&r->cert, absolute(r, w->list[1]));
	else if (strcmp(name, "crl-verify") == 0)
		take_crl(r, w);
	else if (strcmp(name, "tls-crypt") == 0)
		take_tls(r, w, "tls_crypt");
	else if (strcmp(name, "tls-crypt-v2") == 0)
		take_tls(r, w, "tls_crypt_v2");
	else if (strcmp(name, "tls-auth") == 0)
		take_tls(r, w, "tls_auth");
	else if (strcmp(name, "port") == 0 || strcmp(name, "lport") == 0)
		set(&r->vpn.port, xstrdup(w->list[1]));
	else if (strcmp(name, "proto") == 0)
		take_proto(r, w);
}

/* <ca> and the lines up to </ca>. Returns where to go on. */
static char *take_inline(struct reading *r, char *line, char *next)
{
	char tag[32] = "", end[40];
	if (sscanf(line, " <%30[^>]>", tag) != 1)
		return NULL;
	snprintf(end, sizeof end, "</%s>", tag);
	char *to = next != NULL ? strstr(next, end) : NULL;
	struct blob *into = strcmp(tag, "ca") == 0 ? &r->ca_inline : strcmp(tag, "cert") == 0 ? &r->cert_inline : NULL;
	if (to == NULL)
		return next != NULL ? next + strlen(next) : line + strlen(line);
	if (into != NULL)
		blob_set(into, next, (size_t)(to - next));
	return to + strlen(end);
}

/* It begins with a word, as OpenVPN has it. */
static void cut_comment(char *line)
{
	line[strcspn(line, "\r")] = '\0';
	for (char *p = line; (p = strpbrk(p, "#;")) != NULL; p++) {
		if (p == line || p[-1] == ' ' || p[-1] == '\t') {
			*p = '\0';
			return;
		}
	}
}

static void read_lines(struct reading *r, char *text)
{
	char *line = text;
	while (line != NULL && *line != '\0') {
		char *end = strchr(line, '\n'), *next = end != NULL ? end + 1 : NULL;
		char *past = take_inline(r, line, next);
		if (end != NULL)
			*end = '\0';
		struct words w = WORDS_INIT;
		cut_comment(line);
		if (past == NULL && words_split(&w, line, NULL) == 0 && w.n > 0)
			take(r, &w);
		words_free(&w);
		line = past != NULL ? past : next;
	}
}

static X509 *first_certificate(const struct blob *pem)
{
	BIO *b = pem->len != 0 ? BIO_new_mem_buf(pem->data, (int)pem->len) : NULL;
	X509 *x = b != NULL ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	BIO_free(b);
	ERR_clear_error();
	return x;
}

static void read_into(struct blob *b, const char *path)
{
	if (path != NULL && b->len == 0)
		(void)file_read(path, CERT_BYTES_MAX, b, NULL);
}

/* Any of the certificates that it trusts is this CA's. */
static bool trusts(const struct blob *trusted, const struct blob *ca_pem)
{
	X509 *ca = first_certificate(ca_pem), *x;
	BIO *b = trusted->len != 0 ? BIO_new_mem_buf(trusted->data, (int)trusted->len) : NULL;
	bool found = false;
	while (ca != NULL && b != NULL && !found && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		found = X509_cmp(x, ca) == 0;
		X509_free(x);
	}
	ERR_clear_error();
	BIO_free(b);
	X509_free(ca);
	return found;
}

static char *common_name(const struct blob *pem)
{
	char name[256] = "";
	X509 *x = first_certificate(pem);
	if (x != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name);
	X509_free(x);
	return name[0] != '\0' ? xstrdup(name) : NULL;
}

static char *folder_of(const char *file)
{
	return xasprintf("%.*s", (int)(strrchr(file, '/') - file), file);
}

static bool read_one(struct setup_vpn *ret, const char *file, const struct blob *ca_pem)
{
	struct reading r = {.vpn = SETUP_VPN_INIT};
	struct blob text = BLOB_INIT;
	bool found = false;
	r.folder = folder_of(file);
	if (file_read(file, CONF_BYTES_MAX, &text, NULL) == 0) {
		read_lines(&r, (char *)text.data);
		read_into(&r.ca_inline, r.ca);
		read_into(&r.cert_inline, r.cert);
		found = r.serves && trusts(&r.ca_inline, ca_pem);
	}
	if (found) {
		r.vpn.file = xstrdup(file);
		r.vpn.server = common_name(&r.cert_inline);
		*ret = r.vpn;
	} else {
		setup_vpn_free(&r.vpn);
	}
	blob_free(&r.ca_inline);
	blob_free(&r.cert_inline);
	blob_free(&text);
	free(r.cert);
	free(r.ca);
	free(r.folder);
	return found;
}

bool setup_vpn_find(struct setup_vpn *ret, const char *folder, const struct blob *ca_pem)
{
	static const char *const places[] = {"server/*.conf", "*.conf"};
	bool found = false;
	for (size_t i = 0; !found && i < sizeof places / sizeof *places; i++) {
		char *pattern = xasprintf("%s/%s", folder, places[i]);
		glob_t g;
		if (glob(pattern, 0, NULL, &g) == 0) {
			for (size_t j = 0; !found && j < g.gl_pathc; j++)
				found = read_one(ret, g.gl_pathv[j], ca_pem);
			globfree(&g);
		}
		free(pattern);
	}
	return found;
}

void setup_vpn_free(struct setup_vpn *v)
{
	char *const all[] = {v->file, v->crl, v->tls, v->server, v->port, v->proto};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	*v = (struct setup_vpn)SETUP_VPN_INIT;
}
