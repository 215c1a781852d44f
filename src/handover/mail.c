#include "handover/mail.h"
#include "core/process.h"
#include "core/secret.h"
#include "core/xalloc.h"
#include "handover/handover.h"
#include "handover/letter.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS 30L
#define TOTAL_SECONDS 120L
#define REPLY_MAX 96

struct tls_info {
	const char *scheme, *port;
	long use_ssl;
};

static const struct tls_info tls_infos[] = {
    [CONFIG_MAIL_STARTTLS] = {"smtp", "587", CURLUSESSL_ALL},
    [CONFIG_MAIL_TLS] = {"smtps", "465", CURLUSESSL_ALL},
    [CONFIG_MAIL_PLAIN] = {"smtp", "25", CURLUSESSL_NONE},
};

struct advice {
	CURLcode code;
	const char *what, *next;
};

static const struct advice advices[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "its name is not known", "check smtp under [mail] and the name service"},
    {CURLE_COULDNT_CONNECT, "it does not answer", "check smtp under [mail] (host and port) and that the server runs"},
    {CURLE_OPERATION_TIMEDOUT, "it took too long",
     "check smtp and tls under [mail]; a port that expects TLS at once needs tls = tls"},
    {CURLE_LOGIN_DENIED, "it refused the login", "check user and password-file under [mail]"},
    {CURLE_PEER_FAILED_VERIFICATION, "its certificate is not trusted",
     "use the name in the certificate for smtp under [mail], and set ca-file there to the CA that signed it"},
    {CURLE_SSL_CACERT_BADFILE, "the trusted certificates can't be read", "check ca-file under [mail]"},
    {CURLE_USE_SSL_FAILED, "it offers no STARTTLS",
     "set tls = tls under [mail] if the server has a TLS port, usually 465"},
    {CURLE_SSL_CONNECT_ERROR, "no TLS connection came about", "check tls and the port of smtp under [mail]"},
};

/* One transfer. */
struct mail {
	CURL *curl;
	curl_mime *mime;
	struct curl_slist *recipients, *headers;
	char *url;
	struct secret *password;
	char reply[REPLY_MAX]; /* the server's refusal, or "" */
	char reason[CURL_ERROR_SIZE];
};

/* libcurl hands each line of the server's replies over as a header. A refusal is kept until the server agrees to
 * something else; that it also agrees to part (221) does not count. */
static size_t on_reply(char *data, size_t size, size_t n, void *arg)
{
	struct mail *m = arg;
	size_t all = size * n, len = all < REPLY_MAX ? all : REPLY_MAX - 1;
	if (len < 3 || memcmp(data, "221", 3) == 0)
		return all;
	m->reply[0] = '\0';
	if (data[0] != '4' && data[0] != '5')
		return all;
	memcpy(m->reply, data, len);
	m->reply[len] = '\0';
	m->reply[strcspn(m->reply, "\r\n")] = '\0';
	for (char *p = m->reply; *p != '\0'; p++)
		*p = *p < 0x20 || *p >= 0x7F ? '?' : *p;
	return all;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)arg;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return process_stop_signal() != 0;
}

static int fault(const struct mail *m, const struct config_mail *cfg, CURLcode code, struct err *e)
{
	const struct advice *a = NULL;
	bool refused = m->reply[0] != '\0';
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return err_set(e, ERR_INTERRUPTED, "interrupted while sending the mail");
	for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
		a = advices[i].code == code ? &advices[i] : a;
	const char *what = a != NULL ? a->what : refused ? "it refused the mail" : "the connection broke";
	err_set(e, ERR_MAIL, "the mail server %s did not take the mail: %s", cfg->smtp, what);
	if (refused)
		err_native(e, "%s", m->reply);
	else
		err_native(e, "%s", m->reason[0] != '\0' ? m->reason : curl_easy_strerror(code));
	const char *next = a != NULL ? a->next : "see what the server says, and correct [mail]";
	return err_next(e, "%s; then run the same command again, it sends the mail again", next);
}

/* Remembers the first option that libcurl did not take. */
#define SET(m, code, option, value)                                          \
	do {                                                                 \
		if ((code) == CURLE_OK)                                      \
			(code) = curl_easy_setopt((m)->curl, option, value); \
	} while (0)

static CURLcode set_server(struct mail *m, const struct config_mail *cfg)
{
	const struct tls_info *tls = &tls_infos[cfg->tls];
	CURLcode code = CURLE_OK;
	size_t host = 0;
	const char *port = NULL;
	mail_split_server(cfg->smtp, &host, &port);
	m->url = xasprintf("%s://%.*s:%s", tls->scheme, (int)host, cfg->smtp, port != NULL ? port : tls->port);
	SET(m, code, CURLOPT_URL, m->url);
	SET(m, code, CURLOPT_PROXY, "");
	SET(m, code, CURLOPT_USE_SSL, tls->use_ssl);
	SET(m, code, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (cfg->ca_file != NULL)
		SET(m, code, CURLOPT_CAINFO, cfg->ca_file);
	if (cfg->user != NULL) {
		SET(m, code, CURLOPT_USERNAME, cfg->user);
		SET(m, code, CURLOPT_PASSWORD, m->password->bytes);
	}
	return code;
}

static CURLcode list(struct curl_slist **ret, const struct letter_lines *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct curl_slist *longer = curl_slist_append(*ret, l->v[i]);
		if (longer == NULL)
			return CURLE_OUT_OF_MEMORY;
		*ret = longer;
	}
	return CURLE_OK;
}

static CURLcode set_transfer(struct mail *m, const struct letter *l)
{
	CURLcode code = list(&m->recipients, &l->recipients);
	if (code == CURLE_OK)
		code = list(&m->headers, &l->headers);
	SET(m, code, CURLOPT_MAIL_FROM, l->from);
	SET(m, code, CURLOPT_MAIL_RCPT, m->recipients);
	SET(m, code, CURLOPT_HTTPHEADER, m->headers);
	SET(m, code, CURLOPT_MIMEPOST, m->mime);
	SET(m, code, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	SET(m, code, CURLOPT_TIMEOUT, TOTAL_SECONDS);
	SET(m, code, CURLOPT_NOSIGNAL, 1L);
	SET(m, code, CURLOPT_ERRORBUFFER, m->reason);
	SET(m, code, CURLOPT_HEADERFUNCTION, on_reply);
	SET(m, code, CURLOPT_HEADERDATA, m);
	SET(m, code, CURLOPT_NOPROGRESS, 0L);
	SET(m, code, CURLOPT_XFERINFOFUNCTION, on_progress);
	return code;
}

static CURLcode add_part(struct mail *m, const char *file, const char *text, const char *type, const char *encoder)
{
	curl_mimepart *part = curl_mime_addpart(m->mime);
	CURLcode code = part != NULL ? CURLE_OK : CURLE_OUT_OF_MEMORY;
	if (code == CURLE_OK)
		code = file != NULL ? curl_mime_filedata(part, file) : curl_mime_data(part, text, CURL_ZERO_TERMINATED);
	if (code == CURLE_OK)
		code = curl_mime_type(part, type);
	if (code == CURLE_OK)
		code = curl_mime_encoder(part, encoder);
	return code;
}

static CURLcode send_letter(struct mail *m, const struct config_mail *cfg, const struct letter *l,
			    const struct handover_result *r)
{
	CURLcode code = add_part(m, NULL, l->text, "text/plain; charset=utf-8", "quoted-printable");
	if (code == CURLE_OK)
		code = add_part(m, r->zip, NULL, "application/zip", "base64");
	if (code == CURLE_OK)
		code = add_part(m, r->tar_gz, NULL, "application/gzip", "base64");
	if (code == CURLE_OK)
		code = set_server(m, cfg);
	if (code == CURLE_OK)
		code = set_transfer(m, l);
	return code == CURLE_OK ? curl_easy_perform(m->curl) : code;
}

int handover_mail(const struct config *cfg, const struct handover_facts *f, const struct handover_result *r,
		  struct err *e)
{
	struct mail m = {.curl = NULL};
	struct letter letter = {.from = NULL};
	CURLcode code = CURLE_FAILED_INIT;
	int ret = -1;
	if (cfg->mail.to == NULL)
		return 0;
	if (mail_check(cfg, e) != 0 || letter_write(&letter, &cfg->mail, f, e) != 0)
		return -1;
	m.password = secret_new();
	if (cfg->mail.password_file != NULL && secret_read_file(m.password, cfg->mail.password_file, e) != 0)
		goto out;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (m.curl = curl_easy_init()) != NULL &&
	    (m.mime = curl_mime_init(m.curl)) != NULL)
		code = send_letter(&m, &cfg->mail, &letter, r);
	ret = code == CURLE_OK ? 0 : fault(&m, &cfg->mail, code, e);
out:
	curl_mime_free(m.mime);
	curl_easy_cleanup(m.curl);
	curl_slist_free_all(m.recipients);
	curl_slist_free_all(m.headers);
	curl_global_cleanup();
	secret_free(&m.password);
	letter_free(&letter);
	free(m.url);
	return ret;
}
