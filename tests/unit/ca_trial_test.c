/* What the CA cannot sign, or a VPN server would not take, is told when the key is unlocked: before anything is made.
 */
#include "ca_fixture.h"

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "rsa", "rsa", false);
	fixture_make_pki(&fx, "ec", "ec", false);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

/* A client type of the PKI's own, with these lines in it. */
#define TYPE(lines)                                                                                     \
	"mkdir -p x509-types && touch x509-types/COMMON && printf 'basicConstraints = CA:FALSE\n" lines \
	"' > x509-types/client"
/* A certificate of the CA's with these extensions, for the same key. */
#define CA(extensions)                                                                            \
	"openssl req -x509 -key private/ca.key -subj '/CN=Test CA' -days 30 -config cnf -addext " \
	"basicConstraints=CA:TRUE " extensions " -out new.crt 2>/dev/null && mv new.crt ca.crt"
#define VAR(line) "echo 'set_var " line "' >> vars && chmod 600 vars"

struct trial {
	const char *damage, *says, *native, *next;
	enum err_code code; /* 0: ERR_CA_PKI */
};

static const struct trial cases[] = {
    {TYPE("garbage\n"), "cannot be read", "missing equal sign", "correct the files", 0},
    {TYPE("keyUsage = nonsense\n"), "an extension that OpenSSL cannot make", "name=keyUsage", "correct the files", 0},
    {TYPE("keyUsage = keyCertSign\n"), "would make a CA of every client", "", "CA:FALSE", 0},
    {"mkdir x509-types && touch x509-types/COMMON", "x509-types/client", "No such file", "x509-types", 0},
    {VAR("EASYRSA_DIGEST foo"), "EASYRSA_DIGEST is \"foo\"", "", "set it to sha256", 0},
    {VAR("EASYRSA_RAND_SN no") " && : > serial", "serial does not hold a serial number", "", "serial.old", 0},
    {VAR("EASYRSA_RAND_SN no") " && echo zz > serial", "serial does not hold a serial number", "", "serial.old", 0},
    {TYPE("extendedKeyUsage = serverAuth\n"), "a VPN server would refuse the certificate of alice", "purpose",
     "clientAuth", 0},
    {TYPE("keyUsage = keyEncipherment\n"), "a VPN server would refuse", "purpose", "digitalSignature", 0},
    {TYPE("keyUsage = keyAgreement\n"), "a VPN server would refuse", "purpose", "digitalSignature", 0},
    {TYPE("1.2.3.4 = critical,ASN1:NULL\n"), "a VPN server would refuse", "unhandled critical extension", "critical",
     0},
    {CA("-addext extendedKeyUsage=serverAuth"), "the CA certificate", "purpose", "clientAuth", 0},
    {CA("-addext 'nameConstraints=critical,permitted;dirName:dn'"), "nameConstraints", "permitted subtree violation",
     "subject", 0},
    {VAR("EASYRSA_DIGEST sha1"), "EASYRSA_DIGEST", "too weak", "sha256", 0},
    {VAR("EASYRSA_DIGEST md5"), "EASYRSA_DIGEST", "", "sha256", 0},
};

static void make_damage(const char *pki, const char *damage)
{
	fixture_use(&fx, pki);
	char cnf[256];
	snprintf(cnf, sizeof cnf, "%s/cnf", fx.pki);
	write_text(cnf, "[req]\ndistinguished_name=d\n[d]\n[dn]\nO=Elsewhere\n");
	if (shell("cd %s && %s", fx.pki, damage) != 0)
		fail_msg("%s", damage);
}

static struct ca *open_for(const char *user)
{
	struct err e = ERR_INIT;
	struct blob subject = BLOB_INIT;
	struct ca *ca = fixture_open(&fx);
	assert_ok(ca_subject(ca, user, &subject, &e), &e);
	blob_free(&subject);
	return ca;
}

static void assert_case(const struct trial *c, const struct err *e)
{
	if (e->code != (c->code != 0 ? c->code : ERR_CA_PKI) || strstr(e->what, c->says) == NULL ||
	    strstr(e->native, c->native) == NULL || strstr(err_advice(e), c->next) == NULL)
		fail_msg("%s: %s: %s (%s); %s", c->damage, err_code_name(e->code), e->what, e->native, err_advice(e));
}

static void sum_pki(const char *name)
{
	assert_int_equal(shell("cd %s && (find . -printf '%%p %%y %%m\\n' | sort; find . -type f -print0 | sort -z | "
			       "xargs -0 sha256sum) > %s/%s",
			       fx.pki, fx.dir, name),
			 0);
}

static void refused_before_anything_is_made(const char *pki)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = ERR_INIT;
		make_damage(pki, cases[i].damage);
		sum_pki("before");
		struct ca *ca = open_for("alice");
		if (ca_unlock(ca, NULL, &e) == 0)
			fail_msg("%s: unlocked", cases[i].damage);
		assert_case(&cases[i], &e);
		ca_close(&ca);
		sum_pki("after");
		assert_int_equal(shell("cmp %s/before %s/after", fx.dir, fx.dir), 0);
	}
}

static void what_an_rsa_ca_cannot_do_is_told_when_it_is_unlocked(void **state)
{
	(void)state;
	refused_before_anything_is_made("rsa");
}

static void so_it_is_with_an_ec_ca(void **state)
{
	(void)state;
	refused_before_anything_is_made("ec");
}

static void a_file_of_that_name_that_is_somebody_elses_too(void **state)
{
	(void)state;
	static const struct trial c = {"", "is a valid certificate of somebody else", "", "choose another name",
				       ERR_NAME_TAKEN};
	struct err e = ERR_INIT;
	fixture_use(&fx, "ec");
	must_easyrsa(&fx, "build-server-full server nopass");
	assert_int_equal(shell("cp %s/issued/server.crt %s/issued/alice.crt", fx.pki, fx.pki), 0);
	struct ca *ca = open_for("alice");
	assert_int_equal(ca_unlock(ca, NULL, &e), -1);
	assert_case(&c, &e);
	ca_close(&ca);
	ca = open_for("bob");
	assert_ok(ca_unlock(ca, NULL, &e), &e);
	ca_close(&ca);
}

/* The same once more, if the PKI was changed between the trial and the certificate: nothing is left of it. */
static void a_certificate_that_a_server_would_refuse_is_put_nowhere(void **state)
{
	(void)state;
	static const char damage[] = TYPE("extendedKeyUsage = serverAuth\n");
	struct err e = ERR_INIT;
	struct ca_issued out;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	fixture_use(&fx, "ec");
	assert_int_equal(
	    shell("cd %s && mkdir -p x509-types && cp /usr/share/easy-rsa/x509-types/* x509-types", fx.pki), 0);
	struct ca *ca = open_for("alice");
	assert_ok(ca_unlock(ca, NULL, &e), &e);
	assert_int_equal(shell("cd %s && %s", fx.pki, damage), 0);
	sum_pki("before");
	assert_int_equal(try_issue(ca, "alice", key, false, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "a VPN server would refuse the certificate of alice");
	sum_pki("after");
	assert_int_equal(shell("cmp %s/before %s/after", fx.dir, fx.dir), 0);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

/* One that is there already, for this very key: it is not written on the token, and can be revoked. */
static void one_that_was_issued_before_is_not_passed_on_either(void **state)
{
	(void)state;
	static const char types[] = "cd %s && mkdir -p x509-types && cp /usr/share/easy-rsa/x509-types/* x509-types && "
				    "cp x509-types/server x509-types/client";
	struct err e = ERR_INIT;
	struct blob csr = BLOB_INIT;
	struct ca_issued out;
	char path[256];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	fixture_use(&fx, "ec");
	struct ca *ca = fixture_unlocked(&fx);
	user_csr(&csr, ca, "alice", key);
	snprintf(path, sizeof path, "%s/alice.der", fx.dir);
	assert_ok(file_write(path, csr.data, csr.len, 0600, &e), &e);
	assert_int_equal(shell("openssl req -inform DER -in %s -out %s/reqs/alice.req", path, fx.pki), 0);
	assert_int_equal(shell(types, fx.pki), 0);
	must_easyrsa(&fx, "sign-req client alice");
	assert_int_equal(try_issue(ca, "alice", key, false, &out, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "a VPN server would refuse the certificate of alice");
	assert_non_null(strstr(e.next, "easyrsa revoke alice"));
	must_easyrsa(&fx, "revoke alice");
	assert_int_equal(shell("rm -r %s/x509-types", fx.pki), 0);
	must_issue(ca, "alice", key, false, &out);
	ca_certificate_free(&out.cert);
	blob_free(&csr);
	EVP_PKEY_free(key);
	ca_close(&ca);
}

static void one_that_was_signed_elsewhere_is_no_better(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_certificate c;
	struct blob file = BLOB_INIT, spki = BLOB_INIT;
	make_damage("ec", CA("-addext extendedKeyUsage=serverAuth"));
	must_easyrsa(&fx, "build-client-full carol nopass");
	assert_int_equal(
	    shell("cd %s && openssl pkey -in private/carol.key -pubout -outform DER -out carol.spki", fx.pki), 0);
	char *cert = xasprintf("%s/issued/carol.crt", fx.pki), *key = xasprintf("%s/carol.spki", fx.pki);
	assert_ok(file_read(cert, 65536, &file, &e), &e);
	assert_ok(file_read(key, 65536, &spki, &e), &e);
	struct ca *ca = fixture_open(&fx);
	assert_int_equal(ca_check(ca, "carol", &spki, &file, &c, &e), -1);
	assert_int_equal(e.code, ERR_CERT_MISMATCH);
	assert_says(&e, "a VPN server would refuse the certificate of carol");
	ca_close(&ca);
	blob_free(&spki);
	blob_free(&file);
	free(key);
	free(cert);
}

/* What a server takes is issued. */
static void what_is_only_unusual_is_no_obstacle(void **state)
{
	(void)state;
	static const char *const unusual[] = {
	    TYPE(""),
	    TYPE("extendedKeyUsage = serverAuth,clientAuth\n"),
	    TYPE("keyUsage = digitalSignature,keyAgreement\nsubjectAltName = email:copy\n"),
	    CA("-addext extendedKeyUsage=serverAuth,clientAuth"),
	    CA("-addext 'nameConstraints=critical,excluded;dirName:dn'"),
	    VAR("EASYRSA_DIGEST sha512"),
	    VAR("EASYRSA_RAND_SN no"),
	};
	static const char *const pkis[] = {"rsa", "ec"};
	for (size_t i = 0; i < 2 * sizeof unusual / sizeof *unusual; i++) {
		struct err e = ERR_INIT;
		struct ca_issued out;
		EVP_PKEY *key = EVP_EC_gen("P-256");
		make_damage(pkis[i % 2], unusual[i / 2]);
		struct ca *ca = open_for("alice");
		if (ca_unlock(ca, NULL, &e) != 0)
			fail_msg("%s: %s (%s)", unusual[i / 2], e.what, e.native);
		must_issue(ca, "alice", key, false, &out);
		assert_int_equal(shell("cd %s && openssl verify -purpose sslclient -CAfile ca.crt issued/alice.crt "
				       ">/dev/null",
				       fx.pki),
				 0);
		ca_certificate_free(&out.cert);
		EVP_PKEY_free(key);
		ca_close(&ca);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_an_rsa_ca_cannot_do_is_told_when_it_is_unlocked),
	    cmocka_unit_test(so_it_is_with_an_ec_ca),
	    cmocka_unit_test(a_file_of_that_name_that_is_somebody_elses_too),
	    cmocka_unit_test(a_certificate_that_a_server_would_refuse_is_put_nowhere),
	    cmocka_unit_test(one_that_was_issued_before_is_not_passed_on_either),
	    cmocka_unit_test(one_that_was_signed_elsewhere_is_no_better),
	    cmocka_unit_test(what_is_only_unusual_is_no_obstacle),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
