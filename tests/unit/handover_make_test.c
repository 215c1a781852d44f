/* From the template folder to the bundle: what is in it, and what is refused before anything is made. */
#include "tests/unit/handover_fixture.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static void expect_files(struct fixture *f, const char *wanted)
{
	char got[1024] = "";
	for (size_t i = 0; i < f->result.n_files; i++) {
		strcat(got, f->result.files[i]);
		strcat(got, " ");
	}
	assert_string_equal(got, wanted);
}

static void expect_mode(const char *path, mode_t mode)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	if ((st.st_mode & 07777) != mode)
		fail_msg("%s has mode %o", path, st.st_mode & 07777);
}

static void every_template_is_rendered_under_its_name(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir(fixture_path(f, "templates/sub"), 0700), 0);
	fixture_template(f, "change_me.ovpn", FIXTURE_PROFILE "# change_me {{platform}}\n");
	fixture_template(f, "office.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "sub/read change_me.txt", "Dear change_me,\nsee {{expires}}\n");
	fixture_template(f, "page.html", "<b>{{token_label}}</b>");
	fixture_template(f, "page.html~", "{{broken");
	fixture_template(f, ".hidden", "{{broken");
	f->facts.token_label = "<alice>";
	fixture_make(f);
	expect_files(f, "alice-linux.ovpn alice-macos.ovpn alice-windows.ovpn office-linux.ovpn office-macos.ovpn "
			"office-windows.ovpn page.html sub/read alice.txt ");
	char *text = fixture_read(f, "bundles/alice/alice-linux.ovpn");
	assert_string_equal(text,
			    "client\nremote vpn.example.com 1194 udp\npkcs11-id '" FIXTURE_ID "'\n# alice linux\n");
	free(text);
	text = fixture_read(f, "bundles/alice/alice-windows.ovpn");
	assert_non_null(strstr(text, "client\r\nremote"));
	free(text);
	text = fixture_read(f, "bundles/alice/page.html");
	assert_string_equal(text, "<b>&lt;alice&gt;</b>");
	free(text);
	text = fixture_read(f, "bundles/alice/sub/read alice.txt");
	assert_string_equal(text, "Dear alice,\nsee 2028-02-01\n");
	free(text);
}

static void expect_text(struct fixture *f, const char *name, const char *expected)
{
	char path[128];
	snprintf(path, sizeof path, "bundles/alice/%s", name);
	char *text = fixture_read(f, path);
	assert_string_equal(text, expected);
	free(text);
}

/* A token's label, model or serial number is whatever somebody has written there. */
static void what_a_token_says_is_neither_markup_nor_a_command_in_any_file(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "a.XHTML", "<p title='{{token_label}}'/>");
	fixture_template(f, "b.svg", "<text>{{token_label}}</text>");
	fixture_template(f, "c.mobileconfig", "<string>{{token_label}}</string>");
	fixture_template(f, "d.sh", "echo \"{{token_label}}\" {{token_serial}} {{user}}\n");
	fixture_template(f, "e.ps1", "$a = '{{token_label}}'\r\n");
	fixture_template(f, "f", "#!/bin/sh\necho {{token_model}}\n");
	fixture_template(f, "g.txt", "{{token_label}}\n");
	f->facts.token_label = "<i>\"'`x`$(id);& %PATH% ü";
	f->facts.token_serial = "1|2>3";
	f->facts.token_model = "$HOME\\*";
	fixture_make(f);
	expect_text(f, "a.XHTML", "<p title='&lt;i&gt;&quot;&#39;`x`$(id);&amp; %PATH% ü'/>");
	expect_text(f, "b.svg", "<text>&lt;i&gt;&quot;&#39;`x`$(id);&amp; %PATH% ü</text>");
	expect_text(f, "c.mobileconfig", "<string>&lt;i&gt;&quot;&#39;`x`$(id);&amp; %PATH% ü</string>");
	expect_text(f, "d.sh", "echo \"_i____x___id___ _PATH_ _\" 1_2_3 alice\n");
	expect_text(f, "e.ps1", "$a = '_i____x___id___ _PATH_ _'\r\n");
	expect_text(f, "f", "#!/bin/sh\necho _HOME__\n");
	expect_text(f, "g.txt", "<i>\"'`x`$(id);& %PATH% ü\n");
}

static void only_the_owner_can_read_a_bundle(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(0);
	assert_int_equal(mkdir(fixture_path(f, "templates/sub"), 0777), 0);
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "sub/a.txt", "a");
	fixture_make(f);
	umask(before);
	expect_mode(fixture_path(f, "bundles"), 0700);
	expect_mode(f->result.folder, 0700);
	expect_mode(fixture_path(f, "bundles/alice/sub"), 0700);
	expect_mode(fixture_path(f, "bundles/alice/sub/a.txt"), 0600);
	expect_mode(fixture_path(f, "bundles/alice/alice-linux.ovpn"), 0600);
	expect_mode(f->result.tar_gz, 0600);
	expect_mode(f->result.zip, 0600);
}

static void a_binary_file_is_copied_as_it_is(void **state)
{
	static const char logo[] = "\x89PNG\0{{nobody}} change_me\r\n";
	struct fixture *f = *state;
	struct blob got = BLOB_INIT;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	assert_int_equal(file_write(fixture_path(f, "templates/change_me.png"), logo, sizeof logo, 0600, &f->e), 0);
	fixture_make(f);
	assert_int_equal(file_read(fixture_path(f, "bundles/alice/alice.png"), FILE_MAX_DEFAULT, &got, &f->e), 0);
	assert_int_equal(got.len, sizeof logo);
	assert_memory_equal(got.data, logo, sizeof logo);
	blob_free(&got);
}

static void a_profile_in_utf16_is_refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_write(fixture_path(f, "templates/client.ovpn"), "c\0l\0", 4, 0600, &f->e), 0);
	fixture_refused_early(f, ERR_TEMPLATE, "templates/client.ovpn is not a text file");
}

static void bad_template_folders_are_refused_before_anything_is_made(void **state)
{
	struct fixture *f = *state;
	fixture_refused_early(f, ERR_TEMPLATE, "has no .ovpn file");
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "change_me.ovpn", FIXTURE_PROFILE);
	fixture_refused_early(f, ERR_TEMPLATE, "two templates in ");
	unlink(fixture_path(f, "templates/change_me.ovpn"));
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE "{{#windows}}\nkey x\n{{/windows}}\n");
	fixture_refused_early(f, ERR_TEMPLATE, "templates/client.ovpn (windows), rendered line 4: the option key");
	free(f->cfg.vpn.templates);
	f->cfg.vpn.templates = xstrdup(fixture_path(f, "nowhere"));
	fixture_refused_early(f, ERR_CONFIG, "cannot open the template folder");
}

static void links_out_of_the_template_folder_are_refused(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_write(f, "secret.txt", "secret");
	assert_int_equal(symlink("client.ovpn", fixture_path(f, "templates/inner.ovpn")), 0);
	fixture_make(f);
	assert_int_equal(access(fixture_path(f, "bundles/alice/inner-linux.ovpn"), F_OK), 0);
	assert_int_equal(rename(fixture_path(f, "bundles"), fixture_path(f, "other")), 0);
	assert_int_equal(symlink("../secret.txt", fixture_path(f, "templates/a.txt")), 0);
	fixture_refused_early(f, ERR_TEMPLATE, "templates/a.txt is a symbolic link that leads out");
	assert_int_equal(unlink(fixture_path(f, "templates/a.txt")), 0);
	assert_int_equal(mkfifo(fixture_path(f, "templates/pipe"), 0600), 0);
	fixture_refused_early(f, ERR_TEMPLATE, "templates/pipe is neither a file nor a folder");
}

static void a_private_key_never_gets_into_a_bundle(void **state)
{
	struct fixture *f = *state;
	fixture_write(f, "note", "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n");
	fixture_name(f, "note", "@note");
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE "<tls-crypt>\n{{note}}\n</tls-crypt>\n");
	fixture_refused_early(f, ERR_TEMPLATE, "templates/client.ovpn: there is a private key in what becomes ");
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	assert_int_equal(
	    file_write(fixture_path(f, "templates/a.bin"), "\0-----BEGIN PRIVATE KEY-----", 29, 0600, &f->e), 0);
	fixture_refused_early(f, ERR_TEMPLATE, "templates/a.bin: there is a private key");
}

static void faults_in_free_names_name_the_line_of_the_configuration(void **state)
{
	struct fixture *f = *state;
	struct config_name *n;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_name(f, "tls_crypt", "@gone.key");
	fixture_refused_early(f, ERR_CONFIG, "tokenroll.conf:11: [template] tls_crypt: cannot open ");
	fixture_write(f, "gone.key", "no key");
	fixture_refused_early(f, ERR_CONFIG, "tokenroll.conf:11: [template] tls_crypt: ");
	assert_non_null(strstr(f->e.what, "gone.key has no \"OpenVPN Static key V1\" in it"));
	fixture_write(f, "gone.key", "#\n" FIXTURE_STATIC_KEY "\n");
	assert_int_equal(handover_check(&f->cfg, "alice", NULL, &f->e), 0);
	fixture_name(f, "tls_auth", "@gone.key");
	fixture_refused_early(f, ERR_CONFIG,
			      "tokenroll.conf:12: [template] tls_auth stands beside tls_crypt of line 11");
	n = &f->names[2];
	free(n->name);
	n->name = xstrdup("pkcs11_id");
	fixture_refused_early(f, ERR_CONFIG, "tokenroll.conf:12: [template] sets {{pkcs11_id}}, which tokenroll sets");
	free(n->name);
	n->name = xstrdup("tls_crypt_v2");
	fixture_refused_early(f, ERR_CONFIG, "has no \"OpenVPN tls-crypt-v2 server key\" in it");
}

static void values_that_cannot_be_made_harmless_are_refused(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE "pkcs11-providers \"{{pkcs11_module}}\"\n");
	f->facts.clients[PLATFORM_MACOS].module = "/a\"\nkey x";
	fixture_refused(f, ERR_CONFIG, "the path of the PKCS#11 module on macos has a quote");
	f->facts.clients[PLATFORM_MACOS].module = NULL;
	fixture_refused(f, ERR_CONFIG, "the path of the PKCS#11 module on macos is empty");
	fixture_facts(&f->facts);
	f->facts.clients[PLATFORM_LINUX].pkcs11_id = "a/b'\nkey x";
	fixture_refused(f, ERR_FAILED, "linux: the pkcs11-id has byte 0x27 at place 4");
	fixture_facts(&f->facts);
	f->facts.user = "../alice";
	fixture_refused(f, ERR_USAGE, "");
	assert_int_not_equal(access(fixture_path(f, "alice"), F_OK), 0);
}

static void a_backslash_path_of_windows_gets_forward_slashes(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE "pkcs11-providers \"{{pkcs11_module}}\"\n");
	fixture_make(f);
	char *text = fixture_read(f, "bundles/alice/alice-windows.ovpn");
	assert_non_null(strstr(text, "pkcs11-providers \"C:/Program Files/OpenSC/opensc-pkcs11.dll\""));
	free(text);
}

static void the_shipped_templates_pass_their_own_check(void **state)
{
	struct fixture *f = *state;
	free(f->cfg.vpn.templates);
	f->cfg.vpn.templates = xstrdup("templates");
	assert_int_equal(handover_check(&f->cfg, "alice", NULL, &f->e), 0);
	f->facts.token_label = "<script>alert('x')</script>";
	fixture_make(f);
	expect_files(f,
		     "alice-linux.ovpn alice-macos.ovpn alice-windows.ovpn guide.de.html guide.en.html guide.ru.html ");
	for (size_t i = 3; i < 6; i++) {
		char path[64];
		snprintf(path, sizeof path, "bundles/alice/%s", f->result.files[i]);
		char *page = fixture_read(f, path);
		assert_non_null(strstr(page, "<meta charset=\"utf-8\">"));
		assert_null(strstr(page, "<script"));
		assert_null(strstr(page, "http://"));
		assert_null(strstr(page, "{{"));
		free(page);
	}
}

static void a_server_that_was_not_named_is_found_by_the_check(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	free(f->names[0].value);
	f->names[0].value = xstrdup("");
	fixture_refused_early(f, ERR_TEMPLATE, "templates/client.ovpn:2: {{remote}} has no value");
}

static void write_key(const struct fixture *f, const char *name, int (*encode)(BIO *, EVP_PKEY *), EVP_PKEY *key)
{
	char path[256];
	const char *data;
	BIO *b = BIO_new(BIO_s_mem());
	assert_int_equal(encode(b, key), 1);
	long n = BIO_get_mem_data(b, &data);
	snprintf(path, sizeof path, "templates/%s", name);
	assert_int_equal(file_write(fixture_path(f, path), data, (size_t)n, 0600, NULL), 0);
	BIO_free(b);
}

static int as_pkcs8(BIO *b, EVP_PKEY *key)
{
	return i2d_PKCS8PrivateKey_bio(b, key, NULL, NULL, 0, NULL, NULL);
}

static int as_encrypted_pkcs8(BIO *b, EVP_PKEY *key)
{
	return i2d_PKCS8PrivateKey_bio(b, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL);
}

/* PKCS#1, or for an EC key SEC 1 */
static int as_traditional(BIO *b, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PrivateKey(key, &der);
	int ret = n > 0 && BIO_write(b, der, n) == n;
	OPENSSL_free(der);
	return ret;
}

static int as_pkcs12(BIO *b, EVP_PKEY *key)
{
	PKCS12 *p12 = PKCS12_create("secret", "alice", key, NULL, NULL, 0, 0, 0, 0, 0);
	int ret = p12 != NULL && i2d_PKCS12_bio(b, p12) == 1;
	PKCS12_free(p12);
	return ret;
}

static int as_public(BIO *b, EVP_PKEY *key)
{
	return i2d_PUBKEY_bio(b, key);
}

static void a_private_key_is_found_in_whatever_form_it_is(void **state)
{
	static int (*const forms[])(BIO *, EVP_PKEY *) = {as_pkcs8, as_encrypted_pkcs8, as_traditional, as_pkcs12};
	struct fixture *f = *state;
	EVP_PKEY *keys[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	for (size_t k = 0; k < 3; k++) {
		for (size_t i = 0; i < 4; i++) {
			write_key(f, "change_me.bin", forms[i], keys[k]);
			fixture_refused_early(
			    f, ERR_TEMPLATE,
			    "templates/change_me.bin: there is a private key in what becomes alice.bin");
		}
	}
	/* a public key, and anything else in DER, is none */
	write_key(f, "change_me.bin", as_public, keys[1]);
	fixture_make(f);
	for (size_t k = 0; k < 3; k++)
		EVP_PKEY_free(keys[k]);
}

static void a_profile_named_conf_is_checked_as_one(void **state)
{
	static const char with_key[] = "client\nremote x\nca change_me-ca.crt\ncert change_me.crt\nkey change_me.key\n";
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "change_me.conf", with_key);
	fixture_refused_early(f, ERR_TEMPLATE, "templates/change_me.conf (linux), rendered line 4: the option cert");
	fixture_template(f, "change_me.conf", "  --remote x\n<key>\n</key>\n");
	fixture_refused_early(f, ERR_TEMPLATE, "<key> cannot stand beside");
	fixture_template(f, "change_me.conf", FIXTURE_PROFILE "# for {{user}} on {{platform}}\n");
	/* no profile, so what it says is no matter of ours */
	fixture_template(f, "printer.conf", "# client\nkey = {{user}}\ncert x\n");
	fixture_make(f);
	expect_files(f, "alice-linux.ovpn alice-macos.ovpn alice-windows.ovpn alice.conf printer.conf ");
	char *text = fixture_read(f, "bundles/alice/alice.conf");
	assert_non_null(strstr(text, "pkcs11-id '" FIXTURE_ID "'\n# for alice on linux\n"));
	free(text);
}

static void a_message_before_the_enrollment_names_the_user(void **state)
{
	struct fixture *f = *state;
	fixture_template(f, "client.ovpn", FIXTURE_PROFILE);
	fixture_template(f, "change_me.ovpn", FIXTURE_PROFILE);
	fixture_refused_early(f, ERR_TEMPLATE, "become alice-linux.ovpn");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(every_template_is_rendered_under_its_name),
	    PROMISE(what_a_token_says_is_neither_markup_nor_a_command_in_any_file),
	    PROMISE(only_the_owner_can_read_a_bundle),
	    PROMISE(a_binary_file_is_copied_as_it_is),
	    PROMISE(a_profile_in_utf16_is_refused),
	    PROMISE(bad_template_folders_are_refused_before_anything_is_made),
	    PROMISE(links_out_of_the_template_folder_are_refused),
	    PROMISE(a_private_key_never_gets_into_a_bundle),
	    PROMISE(faults_in_free_names_name_the_line_of_the_configuration),
	    PROMISE(values_that_cannot_be_made_harmless_are_refused),
	    PROMISE(a_backslash_path_of_windows_gets_forward_slashes),
	    PROMISE(the_shipped_templates_pass_their_own_check),
	    PROMISE(a_server_that_was_not_named_is_found_by_the_check),
	    PROMISE(a_private_key_is_found_in_whatever_form_it_is),
	    PROMISE(a_profile_named_conf_is_checked_as_one),
	    PROMISE(a_message_before_the_enrollment_names_the_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
