/* A PKI that cannot be used is said so in words, and is not touched. */
#include "ca_fixture.h"

#include "ca/vars.h"

#include <sys/wait.h>

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	fixture_make_pki(&fx, "rsa-encrypted", "rsa", true);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static void refuses(enum err_code code, const char *says)
{
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca *ca = NULL;
	if (ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e) == 0)
		fail_msg("opened, but it should say \"%s\"", says);
	if (e.code != code)
		fail_msg("%s: %s", err_code_name(e.code), e.what);
	assert_says(&e, says);
	assert_int_not_equal(err_advice(&e)[0], '\0');
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *damage, *says;
	} cases[] = {
	    {"rm -r ../pki", "cannot be opened"},
	    {"rm -r ../pki && touch ../pki", "pki is not a folder"},
	    {"rm ca.crt", "ca.crt"},
	    {"echo nonsense > ca.crt", "not a certificate"},
	    {"rm index.txt", "has a CA key but no index.txt"},
	    {"rm -r issued", "folder issued is missing"},
	    {"rm -r certs_by_serial", "folder certs_by_serial is missing"},
	    {"rm -r reqs", "folder reqs is missing"},
	    {"rm serial", "file serial is missing"},
	    {"rm serial && mkdir serial", "file serial is missing"},
	    {"echo nonsense > private/ca.key", "not a private key"},
	    {": > private/ca.key", "ca.key is empty"},
	    {"rm private/ca.key && mkdir private/ca.key", "ca.key is not a regular file"},
	    {"printf 'V\\t1\\n' > index.txt", "index.txt line 1: "},
	    {"echo 'set_var EASYRSA_DN both' >> vars", "EASYRSA_DN is \"both\""},
	    {"echo 'set_var EASYRSA_CERT_EXPIRE long' >> vars", "EASYRSA_CERT_EXPIRE is \"long\""},
	    {"echo 'set_var EASYRSA_CRL_DAYS 0' >> vars", "EASYRSA_CRL_DAYS is \"0\""},
	    {"echo 'if then' >> vars", "cannot be read by /bin/sh"},
	    {"echo 'exit 0' >> vars", "ended the shell"},
	    {"echo 'exit 3' >> vars", "ended the shell"},
	    {"printf 'set_var EASYRSA_DN org\\r\\n' >> vars", "vars has the line ends of Windows"},
	    {"printf 'if true; then\\r\\ntrue\\r\\nfi\\r\\n' >> vars", "vars has the line ends of Windows"},
	    {"echo 'false' >> vars", "cannot be read by /bin/sh"},
	    {"echo 'set_var EASYRSA_EXT_DIR /nonexistent' >> vars", "/nonexistent"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fixture_use(&fx, "rsa");
		assert_int_equal(shell("cd %s && %s", fx.pki, cases[i].damage), 0);
		refuses(ERR_CA_PKI, cases[i].says);
	}
}

/* Nobody ever writes into these pipes: to open one must not take for ever. */
static void a_named_pipe_is_no_file_to_wait_for(void **state)
{
	(void)state;
	static const struct {
		const char *damage, *says;
	} cases[] = {
	    {"rm ca.crt && mkfifo ca.crt", "ca.crt"},
	    {"rm private/ca.key && mkfifo private/ca.key", "ca.key is not a regular file"},
	    {"rm index.txt && mkfifo index.txt", "index.txt"},
	    {"mkfifo index.txt.tokenroll", "index.txt.tokenroll"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status;
		fixture_use(&fx, "rsa");
		assert_int_equal(shell("cd %s && %s", fx.pki, cases[i].damage), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct err e = ERR_INIT;
			struct ca_info info;
			struct ca *ca = NULL;
			alarm(20);
			bool good = ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e) != 0 && e.code == ERR_CA_PKI &&
				    strstr(e.what, cases[i].says) != NULL;
			if (!good)
				fprintf(stderr, "%s: %s (%s)\n", cases[i].damage, e.what, e.native);
			_exit(good ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s: wait status %#x", cases[i].damage, (unsigned)status);
	}
}

static void a_lock_that_is_a_named_pipe_is_not_waited_for_longer(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	fixture_use(&fx, "rsa");
	fx.cfg.lock_wait = 1;
	struct ca *ca = fixture_open(&fx);
	assert_int_equal(shell("mkfifo %s/lock.file", fx.pki), 0);
	alarm(60);
	assert_int_equal(ca_unlock(ca, NULL, &e), -1);
	alarm(0);
	assert_int_equal(e.code, ERR_CA_LOCKED);
	ca_close(&ca);
}

static void the_shells_last_words_are_passed_on(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca *ca = NULL;
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, "echo some output; echo first >&2; no_such_command_here");
	assert_int_equal(ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e), -1);
	assert_non_null(strstr(e.native, "status 127"));
	assert_says(&e, "vars");
}

static void settings_that_take_too_long_are_told_from_broken_ones(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct vars *v = NULL;
	fixture_use(&fx, "rsa");
	fixture_set_var(&fx, "exec sleep 60");
	assert_int_equal(vars_load(&v, NULL, fx.pki, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "vars did not come to an end within 10 s");
	assert_null(strstr(e.what, "env"));
	assert_non_null(strstr(e.next, "waits"));
}

static void unreadable_settings(void)
{
	struct err e = ERR_INIT;
	struct vars *v = NULL;
	if (vars_load(&v, NULL, fx.pki, &e) == 0 || e.code != ERR_CA_PKI || strstr(e.native, "denied") == NULL ||
	    strstr(e.next, "owner of the PKI") == NULL) {
		fprintf(stderr, "%s (%s): %s\n", e.what, e.native, e.next);
		_exit(1);
	}
	_exit(0);
}

static void settings_that_may_not_be_read_are_no_mistake_in_them(void **state)
{
	(void)state;
	int status;
	fixture_use(&fx, "rsa");
	assert_int_equal(shell("chmod 755 %s %s/work %s && chmod 0 %s/vars", fx.dir, fx.dir, fx.pki, fx.pki), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setegid(65534) != 0 || setresuid(65534, 65534, 65534) != 0))
			_exit(2);
		unreadable_settings();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A certificate made to measure, with the directory's own key. */
static void put_ca_certificate(bool is_ca, long from_s, long to_s)
{
	char path[256];
	struct err e = ERR_INIT;
	snprintf(path, sizeof path, "%s/private/ca.key", fx.pki);
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	X509 *cert = X509_new();
	X509V3_CTX ctx;
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)"Test CA",
				   -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
	X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
	X509_set_pubkey(cert, key);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, is_ca ? "CA:TRUE" : "CA:FALSE");
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	BIO *b = BIO_new(BIO_s_mem());
	char *pem;
	PEM_write_bio_X509(b, cert);
	long n = BIO_get_mem_data(b, &pem);
	snprintf(path, sizeof path, "%s/ca.crt", fx.pki);
	assert_ok(file_write(path, pem, (size_t)n, 0600, &e), &e);
	BIO_free(b);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void a_ca_certificate_that_cannot_be_one_is_refused(void **state)
{
	(void)state;
	fixture_use(&fx, "rsa");
	put_ca_certificate(false, -10, 1000);
	refuses(ERR_CA_PKI, "not the certificate of a CA");
	put_ca_certificate(true, -1000, -10);
	refuses(ERR_CA_PKI, "expired on ");
	put_ca_certificate(true, 5000, 10000);
	refuses(ERR_CA_PKI, "is not valid before ");
	put_ca_certificate(true, -10, 10000);
	struct ca *ca = fixture_unlocked(&fx);
	ca_close(&ca);
}

static void a_key_of_another_ca_is_refused(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	fixture_use(&fx, "rsa");
	assert_int_equal(shell("openssl ecparam -name prime256v1 -genkey -out %s/private/ca.key", fx.pki), 0);
	struct ca *ca = fixture_open(&fx);
	assert_int_equal(ca_unlock(ca, NULL, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "is not the key of");
	ca_close(&ca);
}

/* As somebody who may read the PKI but not change it. */
static void unlock_as_nobody(const char *part)
{
	struct err e = ERR_INIT;
	struct ca *ca = fixture_open(&fx);
	if (geteuid() == 0 && (setegid(65534) != 0 || setresuid(65534, 65534, 65534) != 0))
		_exit(2);
	char *path = xasprintf("write %s%s", fx.pki, part);
	if (ca_unlock(ca, NULL, &e) == 0 || e.code != ERR_CA_PKI || strstr(e.what, path) == NULL ||
	    strstr(e.what, "cannot be changed") == NULL || strstr(e.native, "denied") == NULL) {
		fprintf(stderr, "%s: %s (%s)\n", part, e.what, e.native);
		_exit(1);
	}
	_exit(0);
}

static void a_pki_that_cannot_be_changed_is_refused_before_anything_is_made(void **state)
{
	(void)state;
	static const char *const parts[] = {"", "/index.txt", "/issued", "/certs_by_serial", "/reqs"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		int status;
		fixture_use(&fx, "rsa");
		assert_int_equal(
		    shell("chmod 755 %s && cd %s && chmod -R a+rwX . && chmod a-w .%s", fx.dir, fx.pki, parts[i]), 0);
		pid_t pid = fork();
		if (pid == 0)
			unlock_as_nobody(parts[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(shell("chmod -R u+w %s", fx.pki), 0); /* so that it can be removed */
		assert_int_equal(status, 0);
	}
}

static void only_the_right_passphrase_opens_the_key(void **state)
{
	(void)state;
	static const char *const forms[] = {
	    "true", /* as easy-rsa made it */
	    "openssl rsa -aes256 -traditional -passin file:../../pass -passout file:../../pass -in "
	    "private/ca.key -out private/new.key 2>/dev/null && mv private/new.key private/ca.key"};
	struct err e = ERR_INIT;
	struct ca_info info;
	struct secret *s = secret_new();
	for (size_t i = 0; i < 2; i++) {
		struct ca *ca = NULL;
		fixture_use(&fx, "rsa-encrypted");
		assert_int_equal(
		    shell("cd %s && printf '%s\\n%s\\n' > ../../pass && %s", fx.pki, PASSPHRASE, PASSPHRASE, forms[i]),
		    0);
		assert_ok(ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e), &e);
		assert_true(info.has_key);
		assert_true(info.needs_passphrase);
		ca_info_free(&info);
		assert_int_equal(ca_unlock(ca, NULL, &e), -1);
		assert_int_equal(e.code, ERR_CA_PASSPHRASE_NEEDED);
		assert_ok(secret_set(s, "wrong", 5, &e), &e);
		assert_int_equal(ca_unlock(ca, s, &e), -1);
		assert_int_equal(e.code, ERR_CA_PASSPHRASE);
		assert_null(strstr(e.what, "wrong"));
		assert_ok(secret_set(s, PASSPHRASE, strlen(PASSPHRASE), &e), &e);
		assert_ok(ca_unlock(ca, s, &e), &e);
		ca_close(&ca);
	}
	secret_free(&s);
}

/* An old CA's key, as OpenSSL 1 encrypted it: the passphrase is right, and the advice helps. */
static void a_cipher_that_openssl_has_given_up_is_not_a_wrong_passphrase(void **state)
{
	(void)state;
	static const char *const ciphers[] = {"PBE-MD5-DES", "PBE-SHA1-RC4-128"};
	struct secret *s = secret_new();
	for (size_t i = 0; i < 2; i++) {
		struct err e = ERR_INIT;
		fixture_use(&fx, "rsa");
		assert_int_equal(
		    shell("cd %s/private && printf '%s\\n%s\\n' > ../../../pass && openssl pkcs8 -topk8 -in ca.key -v1 "
			  "%s -provider legacy -provider default -passout file:../../../pass -out new.key && "
			  "mv new.key ca.key",
			  fx.pki, PASSPHRASE, PASSPHRASE, ciphers[i]),
		    0);
		struct ca *ca = fixture_open(&fx);
		assert_ok(secret_set(s, PASSPHRASE, strlen(PASSPHRASE), &e), &e);
		assert_int_equal(ca_unlock(ca, s, &e), -1);
		assert_int_equal(e.code, ERR_CA_PKI);
		assert_says(&e, "is encrypted in a way that OpenSSL does not read any more");
		assert_non_null(strstr(e.native, "unsupported"));
		const char *command = strstr(e.next, "openssl pkcs8");
		assert_non_null(command);
		assert_int_equal(
		    shell("cd %s && %.*s -passin file:../../pass -passout file:../../pass && mv %s/private/ca.key.new "
			  "%s/private/ca.key",
			  fx.pki, (int)strcspn(command, "`"), command, fx.pki, fx.pki),
		    0);
		assert_ok(ca_unlock(ca, s, &e), &e);
		ca_close(&ca);
	}
	secret_free(&s);
}

static void without_a_key_or_an_index_one_can_look_but_not_issue(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_info info;
	struct ca_certificate c;
	struct ca_issued out;
	struct ca *ca = NULL;
	bool found = true;
	fixture_use(&fx, "rsa");
	assert_int_equal(
	    shell("cd %s && find . -mindepth 1 ! -name ca.crt -delete 2>/dev/null; ls | grep -qx ca.crt", fx.pki), 0);
	assert_ok(ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e), &e);
	assert_false(info.has_key);
	assert_false(info.needs_passphrase);
	assert_string_equal(info.subject, "/CN=Test CA");
	assert_memory_equal(info.chain_pem.data, "-----BEGIN CERTIFICATE-----", 27);
	ca_info_free(&info);
	assert_ok(ca_find(ca, "alice", &found, &c, &e), &e);
	assert_false(found);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_int_equal(ca_unlock(ca, NULL, &e), -1);
	assert_says(&e, "no CA key");
	assert_int_equal(try_issue(ca, "alice", key, false, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "cannot be issued here");
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void vars_mean_what_the_shell_makes_of_them(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct vars *v = NULL;
	setenv("EASYRSA_REQ_CITY", "from our environment", 1);
	fixture_use(&fx, "rsa");
	fixture_set_var(
	    &fx, "echo noise; x=Lab; set_var EASYRSA_REQ_OU \"The $x\"\nset_var EASYRSA_REQ_ORG \"A  'quoted' org\"\n"
		 "export EASYRSA_REQ_COUNTRY=FR\nset_var EASYRSA_REQ_PROVINCE \"\"\n"
		 "set_var EASYRSA_REQ_EMAIL \"$EASYRSA\"\nset_var EASYRSA_PKI /elsewhere\n"
		 "set_var EASYRSA_DN org\nset_var EASYRSA_RAND_SN no\nset_var EASYRSA_CERT_EXPIRE 42");
	assert_ok(vars_load(&v, NULL, fx.pki, &e), &e);
	assert_string_equal(v->value[VAR_REQ_OU], "The Lab");
	assert_string_equal(v->value[VAR_REQ_ORG], "A  'quoted' org");
	assert_string_equal(v->value[VAR_REQ_COUNTRY], "FR");
	assert_string_equal(v->value[VAR_REQ_PROVINCE], "");
	assert_string_equal(v->value[VAR_REQ_CITY], "San Francisco");
	assert_memory_equal(v->value[VAR_REQ_EMAIL], fx.dir, strlen(fx.dir));
	assert_true(v->org);
	assert_false(v->random_serials);
	assert_int_equal(v->cert_days, 42);
	assert_int_equal(v->crl_days, 180);
	vars_free(&v);
	unsetenv("EASYRSA_REQ_CITY");
	assert_int_equal(vars_load(&v, "/nonexistent/vars", fx.pki, &e), -1);
	assert_says(&e, "/nonexistent/vars");
	/* beside the PKI, where easy-rsa 3.0 has it */
	shell("cd %s && mv vars ../vars", fx.pki);
	assert_ok(vars_load(&v, NULL, fx.pki, &e), &e);
	assert_int_equal(v->cert_days, 42);
	vars_free(&v);
}

/* crl-verify DIR dir: a server that is set up so reads no CRL. */
static void a_folder_is_no_place_for_the_crl(void **state)
{
	(void)state;
	fixture_use(&fx, "rsa");
	fx.cfg.crl = fx.dir;
	refuses(ERR_CONFIG, "is a folder");
}

static void the_ordinary_signer_has_nothing_that_could_use_an_hsm(void **state)
{
	(void)state;
	char uri[] = "pkcs11:token=x?module-path=/usr/lib/x.so";
	struct ca *ca = NULL;
	struct ca_info info = {.subject = ""};
	struct err e = ERR_INIT;
	fixture_use(&fx, "rsa");
	fx.cfg.key = uri;
	assert_ok(ca_open(&ca, &fx.cfg, NULL, NULL, &info, &e), &e);
	assert_true(info.has_key);
	assert_int_equal(ca_unlock(ca, NULL, &e), -1);
	assert_says(&e, "nothing in it that could use an HSM");
	ca_info_free(&info);
	ca_close(&ca);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_missing_is_named),
	    cmocka_unit_test(a_named_pipe_is_no_file_to_wait_for),
	    cmocka_unit_test(a_lock_that_is_a_named_pipe_is_not_waited_for_longer),
	    cmocka_unit_test(the_shells_last_words_are_passed_on),
	    cmocka_unit_test(settings_that_take_too_long_are_told_from_broken_ones),
	    cmocka_unit_test(settings_that_may_not_be_read_are_no_mistake_in_them),
	    cmocka_unit_test(a_ca_certificate_that_cannot_be_one_is_refused),
	    cmocka_unit_test(a_key_of_another_ca_is_refused),
	    cmocka_unit_test(a_pki_that_cannot_be_changed_is_refused_before_anything_is_made),
	    cmocka_unit_test(only_the_right_passphrase_opens_the_key),
	    cmocka_unit_test(a_cipher_that_openssl_has_given_up_is_not_a_wrong_passphrase),
	    cmocka_unit_test(without_a_key_or_an_index_one_can_look_but_not_issue),
	    cmocka_unit_test(vars_mean_what_the_shell_makes_of_them),
	    cmocka_unit_test(a_folder_is_no_place_for_the_crl),
	    cmocka_unit_test(the_ordinary_signer_has_nothing_that_could_use_an_hsm),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
