/*
 * What is sealed to the recovery certificates is opened by each of their keys, also without tokenroll, and by nothing
 * else; what was changed or put in another's place is noticed.
 */
#include "recovery_fixture.h"
#include "store/escrow.h"

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#define PIN "3537363231383830"
#define CONTENT                                                                                             \
	"tokenroll-escrow 1\nmanufacturer: Yubico (www.yubico.com)\nmodel: YubiKey YK5\nserial: 12345678\n" \
	"kind: so-pin\nsecret: " PIN

static const struct store_token yubikey = {
    .manufacturer = "Yubico (www.yubico.com)", .model = "YubiKey YK5", .serial = "12345678", .label = "alice"};
static const struct store_token other = {
    .manufacturer = "Yubico (www.yubico.com)", .model = "YubiKey YK5", .serial = "87654321", .label = "bob"};

/* A row as the inventory gives it. */
static struct store_escrow sealed_to(const char *names)
{
	struct store_escrow v = {.id = 1, .kind = ESCROW_SO_PIN};
	struct recipients *r = NULL;
	struct secret *pin = secret_new();
	struct err e = ERR_INIT;

	assert_int_equal(secret_set(pin, PIN, strlen(PIN), &e), 0);
	if (load(&r, names, &e) == -1 || escrow_seal(&v.cms, r, &yubikey, ESCROW_SO_PIN, pin, &e) == -1)
		fail_msg("%s (%s)", e.what, e.native);
	v.recipients = strdup(recipients_names(r));
	secret_free(&pin);
	recipients_free(&r);
	return v;
}

static void done(struct store_escrow *v)
{
	blob_free(&v->cms);
	free(v->recipients);
}

static int open_by(const struct store_escrow *v, const struct store_token *t, const char *key, const char *passphrase,
		   struct secret *ret, struct err *e)
{
	struct secret *p = NULL;
	char path[96];
	int rc;

	if (passphrase) {
		p = secret_new();
		assert_int_equal(secret_set(p, passphrase, strlen(passphrase), NULL), 0);
	}
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	rc = escrow_open(ret, v, t, path, p, e);
	secret_free(&p);
	return rc;
}

static void opens(const struct store_escrow *v, const char *key, const char *passphrase)
{
	struct secret *got = secret_new();
	struct err e = ERR_INIT;

	if (open_by(v, &yubikey, key, passphrase, got, &e) == -1)
		fail_msg("%s (%s)", e.what, e.native);
	assert_string_equal(got->bytes, PIN);
	assert_int_equal(got->len, strlen(PIN));
	secret_free(&got);
}

static void refuses(const struct store_escrow *v, const struct store_token *t, const char *key, const char *passphrase,
		    enum err_code code, const char *words)
{
	struct secret *got = secret_new();
	struct err e = ERR_INIT;

	assert_int_equal(open_by(v, t, key, passphrase, got, &e), -1);
	assert_says(&e, code, words);
	assert_null(strstr(e.what, PIN));
	assert_int_equal(got->len, 0);
	secret_free(&got);
}

static void each_recovery_key_opens_it(void **state)
{
	(void)state;
	struct store_escrow v = sealed_to("rsa.pem");
	opens(&v, "rsa.key", NULL);
	done(&v);
	v = sealed_to("ec.pem");
	opens(&v, "ec.key", NULL);
	done(&v);
	v = sealed_to("rsa.pem ec.pem rsa2.pem p384.pem");
	opens(&v, "rsa.key", NULL);
	opens(&v, "ec.key", NULL);
	opens(&v, "rsa2.key", NULL);
	opens(&v, "p384.key", NULL);
	done(&v);
}

static void openssl_alone_opens_it(void **state)
{
	static const char *const keys[] = {"rsa", "ec", "rsa2", "p384"};
	struct store_escrow v = sealed_to("rsa.pem ec.pem rsa2.pem p384.pem");
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/sealed.der", dir);
	assert_int_equal(file_write(path, v.cms.data, v.cms.len, 0600, NULL), 0);
	snprintf(path, sizeof(path), "%s/expected", dir);
	assert_int_equal(file_write(path, CONTENT, strlen(CONTENT), 0600, NULL), 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(shell("openssl cms -decrypt -inform DER -in sealed.der -inkey %s.key -out opened && "
				       "cmp opened expected && rm opened",
				       keys[i]),
				 0);
	done(&v);
}

static void it_is_sealed_with_what_the_header_promises(void **state)
{
	struct store_escrow v = sealed_to("rsa.pem ec.pem");
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/sealed.der", dir);
	assert_int_equal(file_write(path, v.cms.data, v.cms.len, 0600, NULL), 0);
	assert_int_equal(shell("openssl cms -cmsout -print -inform DER -in sealed.der -out printed"), 0);
	assert_int_equal(shell("grep id-smime-ct-authEnvelopedData printed && grep aes-256-gcm printed && "
			       "grep rsaesOaep printed && grep dhSinglePass-stdDH-sha256kdf-scheme printed && "
			       "grep id-aes256-wrap printed && ! grep -i 'sha1\\|des' printed"),
			 0);
	/* OAEP's digest and MGF1's */
	assert_int_equal(
	    shell("openssl asn1parse -inform DER -in sealed.der >parsed && test $(grep -c :sha256 parsed) = 2 && "
		  "! grep ':sha1$' parsed"),
	    0);
	assert_null(memmem(v.cms.data, v.cms.len, PIN, strlen(PIN)));
	assert_null(memmem(v.cms.data, v.cms.len, "12345678", 8));
	done(&v);
}

static void the_wrong_key_is_told_who_could_open_it(void **state)
{
	struct store_escrow v = sealed_to("rsa.pem ec.pem");

	(void)state;
	refuses(&v, &yubikey, "rsa2.key", NULL, ERR_RECOVERY_KEY,
		"opens none of the recipients: they are CN=rsa (serial ");
	refuses(&v, &yubikey, "ec2.key", NULL, ERR_RECOVERY_KEY, "; CN=ec (serial ");
	/* another curve, and a key of another kind */
	refuses(&v, &yubikey, "p384.key", NULL, ERR_RECOVERY_KEY, "opens none");
	refuses(&v, &yubikey, "ed.key", NULL, ERR_RECOVERY_KEY, "opens none");
	refuses(&v, &yubikey, "rsa.pem", NULL, ERR_RECOVERY_KEY, "not a private key");
	refuses(&v, &yubikey, "missing.key", NULL, ERR_RECOVERY_KEY, "No such file");
	done(&v);
	v = sealed_to("rsa.pem");
	refuses(&v, &yubikey, "ec.key", NULL, ERR_RECOVERY_KEY, "CN=rsa");
	done(&v);
}

static void a_key_under_a_passphrase_needs_the_right_one(void **state)
{
	struct store_escrow v = sealed_to("rsa.pem");

	(void)state;
	opens(&v, "locked.key", "correct horse");
	opens(&v, "rsa.key", "not needed");
	refuses(&v, &yubikey, "locked.key", NULL, ERR_RECOVERY_PASSPHRASE_NEEDED, "encrypted");
	refuses(&v, &yubikey, "locked.key", "wrong horse", ERR_RECOVERY_PASSPHRASE, "does not open");
	refuses(&v, &yubikey, "locked.key", "", ERR_RECOVERY_PASSPHRASE, "does not open");
	done(&v);
}

static void a_value_in_anothers_row_is_noticed(void **state)
{
	struct store_escrow v = sealed_to("rsa.pem");
	struct store_token twin = yubikey;

	(void)state;
	refuses(&v, &other, "rsa.key", NULL, ERR_ESCROW,
		"as the so-pin of token 87654321 (YubiKey YK5) is the so-pin of token 12345678 (YubiKey YK5)");
	v.kind = ESCROW_PUK;
	refuses(&v, &yubikey, "rsa.key", NULL, ERR_ESCROW,
		"as the puk of token 12345678 (YubiKey YK5) is the so-pin of");
	v.kind = ESCROW_SO_PIN;
	strcpy(twin.model, "another");
	refuses(&v, &twin, "rsa.key", NULL, ERR_ESCROW, "token 12345678 (another)");
	done(&v);
}

static void any_damage_is_noticed(void **state)
{
	struct store_escrow v = sealed_to("ec.pem"), bad = v;
	struct secret *got = secret_new();
	int said_damaged = 0;

	(void)state;
	bad.cms = (struct blob)BLOB_INIT;
	for (size_t i = 0; i < v.cms.len; i++) {
		struct err e = ERR_INIT;

		secret_clear(got);
		blob_set(&bad.cms, v.cms.data, v.cms.len);
		bad.cms.data[i] ^= 1 << (i % 8);
		/* some bytes say nothing that counts when there is one recipient and a key at hand: who that is */
		if (open_by(&bad, &yubikey, "ec.key", NULL, got, &e) == 0) {
			assert_string_equal(got->bytes, PIN);
			continue;
		}
		assert_int_equal(got->len, 0);
		if (e.code != ERR_RECOVERY_KEY)
			assert_says(&e, ERR_ESCROW, "damaged");
		said_damaged += e.code == ERR_ESCROW;
	}
	assert_true(said_damaged > 100);
	for (size_t len = 0; len < v.cms.len; len++) {
		struct err e = ERR_INIT;

		blob_set(&bad.cms, v.cms.data, len);
		assert_int_equal(open_by(&bad, &yubikey, "ec.key", NULL, got, &e), -1);
		assert_says(&e, ERR_ESCROW, "damaged");
	}
	secret_free(&got);
	blob_free(&bad.cms);
	done(&v);
}

static EVP_PKEY *read_key(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	assert_non_null(key);
	fclose(f);
	return key;
}

static void opens_with(const struct store_escrow *v, const char *key, const char *cert, enum err_code code)
{
	struct recipients *r = NULL;
	struct secret *got = secret_new();
	struct err e = ERR_INIT;
	EVP_PKEY *k = read_key(key);

	assert_int_equal(load(&r, cert, NULL), 0);
	int rc = escrow_open_with(got, v, &yubikey, k, recipients_certificate(r, 0), &e);
	assert_string_equal(err_code_name(e.code), err_code_name(code));
	assert_int_equal(rc, code == ERR_NONE ? 0 : -1);
	assert_string_equal(got->bytes, code == ERR_NONE ? PIN : "");
	secret_free(&got);
	EVP_PKEY_free(k);
	recipients_free(&r);
}

static void a_key_at_hand_with_its_certificate_opens_it_too(void **state)
{
	struct store_escrow v = sealed_to("rsa2.pem rsa.pem p384.pem ec.pem");

	(void)state;
	opens_with(&v, "rsa.key", "rsa.pem", ERR_NONE);
	opens_with(&v, "ec.key", "ec.pem", ERR_NONE);
	/* not a recipient, and not a pair */
	opens_with(&v, "ec2.key", "ec2.pem", ERR_RECOVERY_KEY);
	opens_with(&v, "rsa.key", "rsa2.pem", ERR_RECOVERY_KEY);
	/* with the certificate it is known that the message's key is damaged, and not another's */
	done(&v);
	v = sealed_to("rsa.pem");
	v.cms.data[400] ^= 1;
	opens_with(&v, "rsa.key", "rsa.pem", ERR_ESCROW);
	done(&v);
}

/* Sealed by somebody else, to the right certificate. */
static struct store_escrow foreign(const char *content, const EVP_CIPHER *cipher)
{
	struct store_escrow v = {.id = 1, .kind = ESCROW_SO_PIN};
	struct recipients *r = NULL;
	unsigned char *der = NULL;

	assert_int_equal(load(&r, "rsa.pem", NULL), 0);
	STACK_OF(X509) *certs = sk_X509_new_null();
	sk_X509_push(certs, recipients_certificate(r, 0));
	BIO *in = BIO_new_mem_buf(content, -1);
	CMS_ContentInfo *cms = CMS_encrypt(certs, in, cipher, CMS_BINARY);
	int len = i2d_CMS_ContentInfo(cms, &der);
	blob_set(&v.cms, der, (size_t)len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	sk_X509_free(certs);
	recipients_free(&r);
	return v;
}

static void what_tokenroll_did_not_seal_is_no_value(void **state)
{
	char *big = calloc(1, 100001);
	struct store_escrow v = foreign("my notes", EVP_aes_256_gcm());

	(void)state;
	refuses(&v, &yubikey, "rsa.key", NULL, ERR_ESCROW, "not put there by tokenroll");
	done(&v);
	/* without authentication nobody knows what it was */
	v = foreign(CONTENT, EVP_aes_256_cbc());
	refuses(&v, &yubikey, "rsa.key", NULL, ERR_ESCROW, "damaged");
	done(&v);
	memset(big, 'x', 100000);
	v = foreign(big, EVP_aes_256_gcm());
	refuses(&v, &yubikey, "rsa.key", NULL, ERR_ESCROW, "damaged");
	done(&v);
	v = foreign("", EVP_aes_256_gcm());
	refuses(&v, &yubikey, "rsa.key", NULL, ERR_ESCROW, "token 12345678");
	done(&v);
	free(big);
}

static void a_secret_that_does_not_fit_is_refused_before_it_is_used(void **state)
{
	struct secret *pin = secret_new();
	struct recipients *r = NULL;
	struct blob cms = BLOB_INIT;
	struct store_token liar = yubikey;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(load(&r, "rsa.pem", NULL), 0);
	assert_int_equal(escrow_seal(&cms, r, &yubikey, ESCROW_PUK, pin, &e), -1);
	assert_says(&e, ERR_ESCROW, "0 bytes");
	memset(pin->bytes, '1', SECRET_MAX);
	pin->len = SECRET_MAX;
	assert_int_equal(escrow_seal(&cms, r, &yubikey, ESCROW_PUK, pin, &e), -1);
	assert_says(&e, ERR_ESCROW, "1024 bytes");
	pin->len = 8;
	strcpy(liar.serial, "1\nkind: puk");
	assert_int_equal(escrow_seal(&cms, r, &liar, ESCROW_PUK, pin, &e), -1);
	assert_says(&e, ERR_ESCROW, "more than one line");
	assert_int_equal(cms.len, 0);
	recipients_free(&r);
	secret_free(&pin);
}

/* How often the secret is in the memory of this process that can be written. It is looked for inverted, so that what
 * looks is not found. */
static int in_memory(const unsigned char *inverted, size_t len)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], perms[8];
	unsigned long from, to;
	int found = 0;

	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, perms) != 3 || strncmp(perms, "rw", 2) != 0 ||
		    strstr(line, "[v"))
			continue;
		for (const unsigned char *p = (const unsigned char *)from; p + len <= (const unsigned char *)to; p++) {
			size_t i = 0;

			while (i < len && (p[i] ^ inverted[i]) == 0xff)
				i++;
			found += i == len;
		}
	}
	fclose(maps);
	return found;
}

static void the_plain_text_is_nowhere_in_memory_afterwards(void **state)
{
	struct store_escrow v = {.kind = ESCROW_SO_PIN};
	struct secret *pin = secret_new(), *got = secret_new();
	struct recipients *r = NULL;
	unsigned char inverted[32];

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* it keeps what was freed */
#endif
	assert_int_equal(load(&r, "rsa.pem ec.pem", NULL), 0);
	assert_int_equal(secret_random(pin, "0123456789ABCDEF", sizeof(inverted), NULL), 0);
	for (size_t i = 0; i < sizeof(inverted); i++)
		inverted[i] = (unsigned char)~pin->bytes[i];
	assert_int_equal(in_memory(inverted, sizeof(inverted)), 1);
	assert_int_equal(escrow_seal(&v.cms, r, &yubikey, ESCROW_SO_PIN, pin, NULL), 0);
	assert_int_equal(in_memory(inverted, sizeof(inverted)), 1);
	secret_clear(pin);
	assert_int_equal(in_memory(inverted, sizeof(inverted)), 0);
	assert_int_equal(open_by(&v, &yubikey, "ec.key", NULL, got, NULL), 0);
	assert_int_equal(in_memory(inverted, sizeof(inverted)), 1);
	assert_int_equal(open_by(&v, &yubikey, "rsa.key", NULL, got, NULL), 0);
	secret_free(&got);
	assert_int_equal(in_memory(inverted, sizeof(inverted)), 0);
	secret_free(&pin);
	recipients_free(&r);
	done(&v);
}

static int prepare(void **state)
{
	(void)state;
	if (make_folder() == -1)
		return -1;
	make_recovery("rsa", RSA_2048, GOOD_RSA);
	make_recovery("rsa2", "rsa:3072", GOOD_RSA);
	make_recovery("ec", EC_P256, GOOD_EC);
	make_recovery("ec2", EC_P256, GOOD_EC);
	make_recovery("p384", "ec -pkeyopt ec_paramgen_curve:P-384", GOOD_EC);
	return shell("openssl genpkey -algorithm ed25519 -out ed.key; openssl pkcs8 -topk8 -in rsa.key -out locked.key "
		     "-passout pass:'correct horse'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_recovery_key_opens_it),
	    cmocka_unit_test(openssl_alone_opens_it),
	    cmocka_unit_test(it_is_sealed_with_what_the_header_promises),
	    cmocka_unit_test(the_wrong_key_is_told_who_could_open_it),
	    cmocka_unit_test(a_key_under_a_passphrase_needs_the_right_one),
	    cmocka_unit_test(a_value_in_anothers_row_is_noticed),
	    cmocka_unit_test(any_damage_is_noticed),
	    cmocka_unit_test(a_key_at_hand_with_its_certificate_opens_it_too),
	    cmocka_unit_test(what_tokenroll_did_not_seal_is_no_value),
	    cmocka_unit_test(a_secret_that_does_not_fit_is_refused_before_it_is_used),
	    cmocka_unit_test(the_plain_text_is_nowhere_in_memory_afterwards),
	};

	return cmocka_run_group_tests(tests, prepare, remove_folder);
}
