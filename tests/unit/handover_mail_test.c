/* The mail to the admin, against a real SMTP server on loopback. */
#include "tests/unit/handover_fixture.h"

#include "core/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define PASSWORD "s3cret-of-the-mailbox"

struct server {
	pid_t pid;
	int in; /* its standard input; closing it ends the server */
	char smtp[64];
};

static void run(struct fixture *f, const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	if (process_run(argv, NULL, NULL, 60000, &f->e) != 0)
		fail_msg("%s: %s (%s)", script, f->e.what, f->e.native);
}

static void make_certificates(struct fixture *f)
{
	char *script = xasprintf(
	    "cd '%s' && exec 2>/dev/null; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
	    "ca.key "
	    "-out ca.crt -subj /CN=mail-ca -days 30 && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	    "-keyout "
	    "mail.key -out mail.csr -subj /CN=mail && echo subjectAltName=IP:127.0.0.1 > ext && openssl x509 -req -in "
	    "mail.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out mail.crt",
	    f->dir);
	run(f, script);
	free(script);
}

static void exec_server(const struct fixture *f, int in, int out, const char *mode, const char *refuse)
{
	const char *cert = fixture_path(f, "mail.crt"), *key = fixture_path(f, "mail.key");
	const char *folder = fixture_path(f, "inbox");
	bool plain = strcmp(mode, "plain") == 0;
	dup2(in, 0);
	dup2(out, 1);
	dup2(open(fixture_path(f, "smtp.log"), O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
	if (plain)
		execl("/usr/bin/python3", "python3", "tests/lib/smtp_server.py", folder, "--mode", mode, "--refuse",
		      refuse, NULL);
	else
		execl("/usr/bin/python3", "python3", "tests/lib/smtp_server.py", folder, "--mode", mode, "--refuse",
		      refuse, "--cert", cert, "--key", key, "--login", "robot:" PASSWORD, NULL);
	_exit(127);
}

static struct server server_start(struct fixture *f, const char *mode, const char *refuse)
{
	struct server s = {.pid = -1};
	int in[2], out[2];
	char port[16] = "";
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	mkdir(fixture_path(f, "inbox"), 0700);
	s.pid = fork();
	if (s.pid == 0)
		exec_server(f, in[0], out[1], mode, refuse);
	close(in[0]);
	close(out[1]);
	FILE *first = fdopen(out[0], "r");
	assert_non_null(fgets(port, sizeof port, first));
	fclose(first);
	port[strcspn(port, "\n")] = '\0';
	s.in = in[1];
	snprintf(s.smtp, sizeof s.smtp, "127.0.0.1:%s", port);
	return s;
}

static void server_stop(struct server *s)
{
	close(s->in);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* A mailbox's configuration, and a bundle to send. */
static void prepare(struct fixture *f)
{
	static char to[] = "Admin <admin@example.com>, second@example.com", from[] = "tokenroll@example.com";
	static char user[] = "robot";
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_make(f);
	make_certificates(f);
	fixture_write(f, "password", PASSWORD "\n");
	f->cfg.mail = (struct config_mail){.to = to,
					   .from = from,
					   .user = user,
					   .password_file = xstrdup(fixture_path(f, "password")),
					   .ca_file = xstrdup(fixture_path(f, "ca.crt"))};
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	free(f->cfg.mail.password_file);
	free(f->cfg.mail.ca_file);
	return fixture_teardown(state);
}

static int send_mail(struct fixture *f)
{
	return handover_mail(&f->cfg, &f->facts, &f->result, &f->e);
}

static void expect_refusal(struct fixture *f, enum err_code code, const char *words, const char *advice)
{
	assert_int_equal(send_mail(f), -1);
	char *all = xasprintf("%s (%s); %s", f->e.what, f->e.native, err_advice(&f->e));
	if (f->e.code != code || strstr(all, words) == NULL || strstr(all, advice) == NULL)
		fail_msg("%s: %s; expected \"%s\" and \"%s\"", err_code_name(f->e.code), all, words, advice);
	assert_null(strstr(all, PASSWORD));
	free(all);
	assert_int_not_equal(access(fixture_path(f, "inbox/1.eml"), F_OK), 0);
}

/* Unpacks the message with another mail reader and compares the attachments with the archives. */
static void expect_attachments(struct fixture *f)
{
	char *script =
	    xasprintf("cd '%s' && /usr/bin/python3 -c \"import email, email.policy\n"
		      "m = email.message_from_binary_file(open('inbox/1.eml', 'rb'), policy=email.policy.default)\n"
		      "assert not m.defects, m.defects\n"
		      "a = list(m.iter_attachments())\n"
		      "assert [p.get_filename() for p in a] == ['alice.zip', 'alice.tar.gz'], a\n"
		      "assert [p.get_content_type() for p in a] == ['application/zip', 'application/gzip']\n"
		      "for p in a: assert p.get_content() == open('bundles/' + p.get_filename(), 'rb').read()\n"
		      "t = m.get_body().get_content()\n"
		      "assert 'alice' in t and '2028-02-01' in t and 'no private key' in t, t\n"
		      "assert m['To'] == 'admin@example.com, second@example.com', m['To']\n"
		      "assert m['From'] == 'tokenroll@example.com' and m['Subject'] == 'VPN bundle for alice'\n"
		      "assert m['Date'].datetime and m['Message-ID'].endswith('@example.com>')\n"
		      "assert len(m.get_all('Subject')) == 1 and m['Bcc'] is None\"\n",
		      f->dir);
	run(f, script);
	free(script);
}

static void expect_delivery(struct fixture *f, const char *mode)
{
	struct server s = server_start(f, mode, "nobody@example.com");
	f->cfg.mail.smtp = s.smtp;
	if (send_mail(f) != 0)
		fail_msg("%s (%s)", f->e.what, f->e.native);
	server_stop(&s);
	char *envelope = fixture_read(f, "inbox/1.env");
	assert_string_equal(envelope, "tokenroll@example.com\nadmin@example.com\nsecond@example.com\n");
	free(envelope);
	expect_attachments(f);
}

static void both_archives_arrive_over_starttls_with_a_login(void **state)
{
	struct fixture *f = *state;
	prepare(f);
	f->facts.token_label = "alice\r\nBcc: evil@example.com\r\n\r\n";
	expect_delivery(f, "starttls");
	char *login = fixture_read(f, "inbox/login");
	assert_string_equal(login, "robot");
	free(login);
	char *mail = fixture_read(f, "inbox/1.eml");
	assert_null(strstr(mail, PASSWORD));
	assert_null(strstr(mail, "\nBcc:"));
	free(mail);
}

static void they_arrive_over_tls_too(void **state)
{
	struct fixture *f = *state;
	prepare(f);
	f->cfg.mail.tls = CONFIG_MAIL_TLS;
	expect_delivery(f, "tls");
}

static void without_tls_only_without_a_login(void **state)
{
	static char elsewhere[] = "mail.example.com:25";
	struct fixture *f = *state;
	prepare(f);
	f->cfg.mail.tls = CONFIG_MAIL_PLAIN;
	f->cfg.mail.smtp = elsewhere;
	expect_refusal(f, ERR_CONFIG, "would send the password over the network in the clear", "starttls");
	f->cfg.mail.user = NULL;
	free(f->cfg.mail.password_file);
	f->cfg.mail.password_file = NULL;
	expect_delivery(f, "plain");
}

static void a_wrong_password_is_said_in_the_servers_words(void **state)
{
	struct fixture *f = *state;
	prepare(f);
	fixture_write(f, "password", "wrong\n");
	struct server s = server_start(f, "starttls", "nobody@example.com");
	f->cfg.mail.smtp = s.smtp;
	expect_refusal(f, ERR_MAIL, "it refused the login (535 5.7.8 ", "check user and password-file");
	server_stop(&s);
}

static void a_recipient_that_is_refused_is_said_in_the_servers_words(void **state)
{
	struct fixture *f = *state;
	prepare(f);
	struct server s = server_start(f, "starttls", "second@example.com");
	f->cfg.mail.smtp = s.smtp;
	expect_refusal(f, ERR_MAIL, "550 5.1.1 no such mailbox here", "run the same command again");
	server_stop(&s);
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
	struct fixture *f = *state;
	prepare(f);
	free(f->cfg.mail.ca_file);
	f->cfg.mail.ca_file = NULL;
	struct server s = server_start(f, "starttls", "nobody@example.com");
	f->cfg.mail.smtp = s.smtp;
	expect_refusal(f, ERR_MAIL, "its certificate is not trusted", "ca-file");
	char *name = xasprintf("localhost%s", strchr(s.smtp, ':'));
	f->cfg.mail.smtp = name; /* the certificate is for 127.0.0.1 */
	f->cfg.mail.ca_file = xstrdup(fixture_path(f, "ca.crt"));
	expect_refusal(f, ERR_MAIL, "its certificate is not trusted", "use the name in the certificate");
	free(name);
	server_stop(&s);
}

static void a_server_without_starttls_gets_neither_password_nor_mail(void **state)
{
	struct fixture *f = *state;
	prepare(f);
	struct server s = server_start(f, "plain", "nobody@example.com");
	f->cfg.mail.smtp = s.smtp;
	expect_refusal(f, ERR_MAIL, "it offers no STARTTLS", "tls = tls");
	server_stop(&s);
}

static void a_server_that_is_down_is_said_to_be(void **state)
{
	struct fixture *f = *state;
	prepare(f);
	struct server s = server_start(f, "starttls", "nobody@example.com");
	f->cfg.mail.smtp = s.smtp;
	server_stop(&s);
	expect_refusal(f, ERR_MAIL, "it does not answer", "check smtp under [mail]");
}

static void a_password_file_that_others_can_read_is_refused_early(void **state)
{
	static char smtp[] = "127.0.0.1:1";
	struct fixture *f = *state;
	prepare(f);
	f->cfg.mail.smtp = smtp;
	assert_int_equal(chmod(f->cfg.mail.password_file, 0644), 0);
	expect_refusal(f, ERR_SECRET_FILE, "password", "chmod 600");
	assert_int_equal(handover_check(&f->cfg, "alice", NULL, &f->e), -1);
	assert_int_equal(f->e.code, ERR_SECRET_FILE);
}

static void a_mailbox_that_is_not_one_is_refused_early(void **state)
{
	static const char *const bad_to[] = {"admin",        "a@b@c", "a b@c", "a@b,,c@d", "a@b\r\nRCPT TO:<x@y>",
					     "ü@example.com"};
	static const char *const bad_smtp[] = {"smtp://host", "host:", "host:x", "host:123456", "ho st", "[::1", ""};
	static char good_to[] = "a@b", good_smtp[] = "127.0.0.1:1";
	struct fixture *f = *state;
	prepare(f);
	f->cfg.mail.smtp = good_smtp;
	for (size_t i = 0; i < sizeof bad_to / sizeof *bad_to; i++) {
		f->cfg.mail.to = xstrdup(bad_to[i]);
		expect_refusal(f, ERR_CONFIG, "is not a mail address", "configuration");
		free(f->cfg.mail.to);
	}
	f->cfg.mail.to = good_to;
	for (size_t i = 0; i < sizeof bad_smtp / sizeof *bad_smtp; i++) {
		f->cfg.mail.smtp = xstrdup(bad_smtp[i]);
		expect_refusal(f, ERR_CONFIG, "is not a host, or host:port", "write a name");
		free(f->cfg.mail.smtp);
	}
	f->cfg.mail.smtp = NULL;
	expect_refusal(f, ERR_CONFIG, "no server", "set smtp");
	f->cfg.mail.from = NULL;
	expect_refusal(f, ERR_CONFIG, "no sender", "set from");
}

static void no_recipient_means_no_mail(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(send_mail(f), 0);
}

#define MAIL_PROMISE(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    MAIL_PROMISE(both_archives_arrive_over_starttls_with_a_login),
	    MAIL_PROMISE(they_arrive_over_tls_too),
	    MAIL_PROMISE(without_tls_only_without_a_login),
	    MAIL_PROMISE(a_wrong_password_is_said_in_the_servers_words),
	    MAIL_PROMISE(a_recipient_that_is_refused_is_said_in_the_servers_words),
	    MAIL_PROMISE(a_certificate_that_nobody_vouches_for_is_refused),
	    MAIL_PROMISE(a_server_without_starttls_gets_neither_password_nor_mail),
	    MAIL_PROMISE(a_server_that_is_down_is_said_to_be),
	    MAIL_PROMISE(a_password_file_that_others_can_read_is_refused_early),
	    MAIL_PROMISE(a_mailbox_that_is_not_one_is_refused_early),
	    MAIL_PROMISE(no_recipient_means_no_mail),
	};
	signal(SIGPIPE, SIG_IGN); /* as process_harden does in the program */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
