/* Apart from mail.c, so that only who mails is linked with libcurl. */
#include "core/secret.h"
#include "handover/letter.h"
#include "handover/mail.h"

#include <string.h>

bool mail_split_server(const char *smtp, size_t *ret_host, const char **ret_port)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t host = 0;
	if (smtp[0] == '[') {
		host = 1 + strspn(smtp + 1, "0123456789abcdefABCDEF:.");
		if (host == 1 || smtp[host++] != ']')
			return false;
	} else {
		host = strspn(smtp, name);
	}
	const char *port = smtp + host + 1;
	*ret_host = host;
	*ret_port = NULL;
	if (host == 0 || smtp[host] == '\0')
		return host != 0;
	size_t digits = strspn(port, "0123456789");
	*ret_port = port;
	return smtp[host] == ':' && digits > 0 && digits < 6 && port[digits] == '\0';
}

static bool is_this_machine(const char *smtp, size_t host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strlen(names[i]) == host && strncmp(smtp, names[i], host) == 0)
			return true;
	}
	return false;
}

static int check_server(const struct config_mail *m, struct err *e)
{
	size_t host = 0;
	const char *port = NULL;
	if (m->smtp == NULL) {
		err_set(e, ERR_CONFIG, "[mail] has a recipient but no server");
		return err_next(e, "set smtp under [mail] to the mail server, e.g. mail.example.com:587");
	}
	if (!mail_split_server(m->smtp, &host, &port)) {
		err_set(e, ERR_CONFIG, "[mail] smtp: \"%.100s\" is not a host, or host:port", m->smtp);
		return err_next(e, "write a name or address, without smtp:// before it");
	}
	if (m->user != NULL && m->tls == CONFIG_MAIL_PLAIN && !is_this_machine(m->smtp, host)) {
		err_set(e, ERR_CONFIG, "[mail] tls = none would send the password over the network in the clear");
		return err_next(e, "set tls to starttls or tls, or take user and password-file out");
	}
	return 0;
}

static int check_login(const struct config_mail *m, struct err *e)
{
	if ((m->user != NULL) != (m->password_file != NULL)) {
		err_set(e, ERR_CONFIG, "[mail] has %s",
			m->user != NULL ? "user but no password-file" : "password-file but no user");
		return err_next(e, "set both, or none for a server that asks for no login");
	}
	if (m->password_file == NULL)
		return 0;
	struct secret *s = secret_new();
	int ret = secret_read_file(s, m->password_file, e);
	secret_free(&s);
	return ret == 0 ? 0 : err_prefix(e, "[mail] password-file");
}

int mail_check(const struct config *cfg, struct err *e)
{
	const struct config_mail *m = &cfg->mail;
	struct letter_lines to = {NULL, 0}, from = {NULL, 0};
	int ret = -1;
	if (m->to == NULL)
		return 0;
	if (m->from == NULL) {
		err_set(e, ERR_CONFIG, "[mail] has a recipient but no sender");
		return err_next(e, "set from under [mail] to the sender's address");
	}
	if (letter_addresses(&to, "to", m->to, e) == 0 && letter_addresses(&from, "from", m->from, e) == 0 &&
	    check_server(m, e) == 0)
		ret = check_login(m, e);
	letter_lines_free(&to);
	letter_lines_free(&from);
	return ret;
}
