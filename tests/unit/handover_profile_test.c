/* Profiles: what OpenVPN would refuse or misread is refused here, and what we ship OpenVPN reads. */
#include "tests/unit/handover_fixture.h"

#include "core/process.h"
#include "handover/profile.h"

#define GOOD "client\npkcs11-id '" FIXTURE_ID "'\n"

static struct err checked(const char *text)
{
	struct err e = ERR_INIT;
	struct blob b = BLOB_INIT;
	blob_set(&b, text, strlen(text));
	int ret = profile_check("p.ovpn", &b, FIXTURE_ID, &e);
	assert_int_equal(ret, e.code == ERR_NONE ? 0 : -1);
	blob_free(&b);
	return e;
}

static void accept(const char *text)
{
	struct err e = checked(text);
	if (e.code != ERR_NONE)
		fail_msg("%s: %s", text, e.what);
}

static void refuse(const char *text, const char *words)
{
	struct err e = checked(text);
	assert_int_equal(e.code, ERR_TEMPLATE);
	if (strstr(e.what, words) == NULL)
		fail_msg("%s, but expected \"%s\"", e.what, words);
	assert_true(e.next[0] != '\0');
}

static void a_software_key_is_refused_however_it_is_written(void **state)
{
	(void)state;
	refuse(GOOD "key alice.key\n", "p.ovpn, rendered line 3: the option key");
	refuse(GOOD "cert alice.crt\n", "rendered line 3: the option cert");
	refuse(GOOD "\n  \tpkcs12 alice.p12", "rendered line 4: the option pkcs12");
	refuse("key\n" GOOD, "rendered line 1: the option key");
	refuse(GOOD "--key alice.key\n", "line 3: the option key");
	refuse(GOOD "\"key\" alice.key\n", "line 3: the option key");
	refuse(GOOD "'cert' alice.key\n", "line 3: the option cert");
	refuse(GOOD "k\\\"ey a\nsetenv opt key alice.key\n", "line 4: the option key");
	refuse(GOOD "<key>\nabc\n</key>\n", "line 3: <key>");
	refuse(GOOD "  <cert> # remark\nabc\n</cert>\n", "line 3: <cert>");
	refuse(GOOD "<pkcs12>\r\nabc\r\n</pkcs12>\r\n", "line 3: <pkcs12>");
	refuse(GOOD "<ca>\nabc\n</ca>\nkey x\n", "line 6: the option key");
	refuse(GOOD "<connection>\nremote a\nkey x\n</connection>\n", "line 5: the option key");
	refuse("\xEF\xBB\xBFkey x\n" GOOD, "line 1: the option key");
}

static void what_only_looks_like_a_key_is_accepted(void **state)
{
	(void)state;
	accept(GOOD "# key a\n;key a\n  # <key>\nverb 3 # key a\n");
	accept(GOOD "KEYS a\nkey-direction 1\nca cert\nsetenv key x\n");
	accept(GOOD "<ca>\nkey x\n<key>\npkcs12 y\n</ca>\n");
	accept(GOOD "<tls-crypt>\ncert x\n  </tls-crypt> \nverb 3\n");
}

static void add_repeated(char *text, const char *before, size_t n, const char *after)
{
	strcpy(text, GOOD);
	strcat(text, before);
	size_t len = strlen(text);
	memset(text + len, 'x', n);
	strcpy(text + len + n, after);
}

static void a_line_that_openvpn_cannot_read_is_refused_with_its_length(void **state)
{
	(void)state;
	char text[2048];
	add_repeated(text, "setenv AB ", 244, "\n"); /* 254 bytes */
	accept(text);
	add_repeated(text, "setenv AB ", 245, "\n");
	refuse(text, "rendered line 3: the line is 255 bytes long and OpenVPN takes 254");
	add_repeated(text, "setenv AB ", 244, "\r\n"); /* the carriage return counts */
	refuse(text, "255 bytes");
	add_repeated(text, "# ", 300, "\n"); /* remarks are read the same way */
	refuse(text, "line 3: the line is 302 bytes");
	add_repeated(text, "<ca>\n", 1000, "\n</ca>\n"); /* but a block is read in pieces */
	accept(text);
}

static void a_long_token_label_is_named_as_the_reason(void **state)
{
	(void)state;
	char id[400] = "pkcs11-id '";
	memset(id + strlen(id), 'a', 300);
	strcpy(id + 311, "'\n");
	refuse(id, "the id of the token's key is too long");
	struct err e = checked(id);
	assert_non_null(strstr(e.next, "shorter label"));
}

static void open_quotes_blocks_and_stray_backslashes_are_refused(void **state)
{
	(void)state;
	refuse(GOOD "setenv A 'abc\n", "rendered line 3: a single quote is not closed");
	refuse(GOOD "setenv A \"abc\n", "rendered line 3: a double quote is not closed");
	refuse(GOOD "setenv A \"C:\\x\"\n", "rendered line 3: a backslash");
	refuse(GOOD "<ca>\nabc\n", "rendered line 3: the block that begins here has no </ca>");
	accept(GOOD "setenv A \"a\\\\b\\\"c\"\nsetenv B 'a\\b\"'\n");
}

static void the_key_on_the_token_has_to_be_named_as_openvpn_reads_it(void **state)
{
	(void)state;
	refuse("client\nremote a\n", "p.ovpn: the profile has no pkcs11-id line");
	refuse("# pkcs11-id '" FIXTURE_ID "'\n", "the profile has no pkcs11-id line");
	refuse("client\npkcs11-id \"" FIXTURE_ID "\"\n", "rendered line 2: a backslash");
	refuse("client\npkcs11-id " FIXTURE_ID "\n", "rendered line 2: a backslash");
	refuse("client\npkcs11-id 'a/b/c/d/01'\n", "line 2: OpenVPN would not read the id of the user's key");
	refuse("client\npkcs11-id\n", "line 2: OpenVPN would not read the id");
	accept("cryptoapicert \"SUBJ:alice\"\n");
}

static void a_second_provider_line_is_refused(void **state)
{
	(void)state;
	accept(GOOD "pkcs11-providers /a.so /b.so\n");
	refuse(GOOD "pkcs11-providers /a.so\nverb 3\npkcs11-providers /b.so\n",
	       "rendered line 5: a second pkcs11-providers line, which makes OpenVPN forget the one in line 3");
}

static void line_ends_are_made_even(void **state)
{
	(void)state;
	struct blob b = BLOB_INIT;
	blob_set(&b, "a\r\nb\n\nc", 7);
	profile_line_ends(&b, true);
	assert_int_equal(b.len, 11);
	assert_memory_equal(b.data, "a\r\nb\r\n\r\nc\r\n", 11);
	profile_line_ends(&b, false);
	assert_int_equal(b.len, 7);
	assert_memory_equal(b.data, "a\nb\n\nc\n", 7);
	blob_free(&b);
}

/* Runs openvpn without a terminal: it reads the whole profile, checks its options against each other, loads the
 * provider, and stops where it would ask for the token. Returns what it printed. */
static char *openvpn_reads(struct fixture *f, const char *profile)
{
	char *script =
	    xasprintf("cd '%s' && PATH=$PATH:/usr/sbin setsid -w timeout 20 openvpn --config '%s' --dev null "
		      "--connect-retry-max 1 > openvpn.log 2>&1 < /dev/null; :",
		      f->dir, profile);
	const char *const argv[] = {"sh", "-c", script, NULL};
	assert_int_equal(process_run(argv, NULL, NULL, 30000, &f->e), 0);
	free(script);
	return fixture_read(f, "openvpn.log");
}

static char *make_ca(struct fixture *f)
{
	char *script = xasprintf("cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
				 "-keyout ca.key -out ca.crt -subj /CN=ca -days 30",
				 f->dir);
	const char *const argv[] = {"sh", "-c", script, NULL};
	assert_int_equal(process_run(argv, NULL, NULL, 30000, &f->e), 0);
	free(script);
	return fixture_read(f, "ca.crt");
}

static void make_key(struct fixture *f, const char *kind, const char *file)
{
	char *path = xstrdup(fixture_path(f, file));
	char *script = xasprintf("PATH=$PATH:/usr/sbin openvpn --genkey %s '%s'", kind, path);
	const char *const argv[] = {"sh", "-c", script, NULL};
	assert_int_equal(process_run(argv, NULL, NULL, 30000, &f->e), 0);
	free(script);
	free(path);
}

static void expect_accepted(struct fixture *f)
{
	static const char *const profiles[] = {"linux", "windows", "macos"};
	for (size_t i = 0; i < 3; i++) {
		char name[64];
		snprintf(name, sizeof name, "bundles/alice/alice-%s.ovpn", profiles[i]);
		char *log = openvpn_reads(f, name);
		if (strstr(log, "Options error") != NULL || strstr(log, "Adding PKCS#11 provider") == NULL ||
		    strstr(log, "token-insertion-request") == NULL)
			fail_msg("%s: %s", name, log);
		free(log);
	}
}

static void use_shipped_templates(struct fixture *f)
{
	free(f->cfg.vpn.templates);
	f->cfg.vpn.templates = xstrdup("templates");
	fixture_name(f, "server_name", "vpn.example.com");
	/* no such module: openvpn gets as far without one, and a real one would find no token either */
	f->facts.clients[PLATFORM_LINUX].module = "/nonexistent/opensc-pkcs11.so";
}

static void real_openvpn_reads_the_shipped_profiles(void **state)
{
	static const char *const kinds[][3] = {{"tls_auth", "secret", "@ta.key"},
					       {"tls_crypt", "secret", "@tc.key"},
					       {"tls_crypt_v2", "tls-crypt-v2-server", "@v2.key"}};
	struct fixture *f = *state;
	use_shipped_templates(f);
	char *ca = make_ca(f);
	f->facts.ca_pem = ca;
	fixture_make(f);
	expect_accepted(f);
	fixture_name(f, "", "");
	for (size_t i = 0; i < 3; i++) {
		struct config_name *n = &f->names[f->cfg.n_names - 1];
		make_key(f, kinds[i][1], kinds[i][2] + 1);
		free(n->name);
		free(n->value);
		n->name = xstrdup(kinds[i][0]);
		n->value = xstrdup(kinds[i][2]);
		fixture_make(f);
		expect_accepted(f);
	}
	char *profile = fixture_read(f, "bundles/alice/alice-linux.ovpn");
	assert_non_null(strstr(profile, "BEGIN OpenVPN tls-crypt-v2 client key"));
	assert_null(strstr(profile, "server key"));
	free(profile);
	free(ca);
}

static struct profile_named named(const char *text)
{
	struct blob b = BLOB_INIT;
	struct profile_named ret;
	blob_set(&b, text, strlen(text));
	profile_named(&b, &ret);
	blob_free(&b);
	return ret;
}

static void the_key_and_its_modules_are_found_as_openvpn_reads_them(void **state)
{
	(void)state;
	struct profile_named n = named("client\r\n# pkcs11-id 'none'\r\nsetenv opt pkcs11-id 'A\\x20b/c/01'\r\n"
				       "pkcs11-providers \"/opt/a b/x.so\" /y\\ z.so 'q.so'\r\nverb 3");
	assert_string_equal(n.id, "A\\x20b/c/01");
	assert_int_equal(n.n, 3);
	assert_string_equal(n.modules[0], "/opt/a b/x.so");
	assert_string_equal(n.modules[1], "/y z.so");
	assert_string_equal(n.modules[2], "q.so");
	n = named("pkcs11-providers a b c d e f g h i j\npkcs11-providers b\npkcs11-id x\n--pkcs11-id y");
	assert_string_equal(n.id, "y");
	assert_int_equal(n.n, 1);
	assert_string_equal(n.modules[0], "b");
	n = named("pkcs11-id\npkcs11-providers\n");
	assert_string_equal(n.id, "");
	assert_int_equal(n.n, 0);
	assert_int_equal(named("").n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_software_key_is_refused_however_it_is_written),
	    cmocka_unit_test(what_only_looks_like_a_key_is_accepted),
	    cmocka_unit_test(a_line_that_openvpn_cannot_read_is_refused_with_its_length),
	    cmocka_unit_test(a_long_token_label_is_named_as_the_reason),
	    cmocka_unit_test(open_quotes_blocks_and_stray_backslashes_are_refused),
	    cmocka_unit_test(the_key_on_the_token_has_to_be_named_as_openvpn_reads_it),
	    cmocka_unit_test(a_second_provider_line_is_refused),
	    cmocka_unit_test(line_ends_are_made_even),
	    cmocka_unit_test(the_key_and_its_modules_are_found_as_openvpn_reads_them),
	    PROMISE(real_openvpn_reads_the_shipped_profiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
