/*
 * The inventory tells of every token what it is and whose it is, and of a user which credential counts.
 */
#include "store_fixture.h"

/* The list as lines: "serial manufacturer profile user state". */
static const char *lines(struct store_holding *list, size_t n)
{
	static char text[1024];

	text[0] = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%.4s %s [%s] %s %s\n", list[i].token.serial,
			 list[i].token.manufacturer, list[i].profile, list[i].user,
			 list[i].user[0] ? cred_state_name(list[i].state) : "-");
	}
	free(list);
	return text;
}

static const char *all(struct store *s)
{
	struct store_holding *list = NULL;
	size_t n = 77;

	assert_int_equal(store_tokens(s, &list, &n, NULL), 0);
	return lines(list, n);
}

static const char *by_serial(struct store *s, const char *serial)
{
	struct store_holding *list = NULL;
	size_t n = 77;

	assert_int_equal(store_find_by_serial(s, serial, &list, &n, NULL), 0);
	return lines(list, n);
}

static void every_token_is_listed_with_its_holder(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_token spare = token_2;
	struct store_credential c, d;

	assert_string_equal(all(s), "");
	enrolled(s, &c, "alice", &token_1);
	strcpy(spare.serial, "3333");
	assert_int_equal(store_claim_token(s, &spare, NULL), 0);
	plan(&d, "bob", &token_2);
	assert_int_equal(store_plan(s, &d, NULL), 0);
	assert_string_equal(all(s), "09fa SoftHSM project [] alice delivered\n3333 SoftHSM project []  -\n"
				    "1111 SoftHSM project [] bob planned\n");
	assert_int_equal(store_advance(s, &c, CRED_REVOKED, NULL), 0);
	store_credential_free(&c);
	assert_string_equal(by_serial(s, token_1.serial), "09fa SoftHSM project [] alice revoked\n");
	/* who has it now counts, not who had it last */
	enrolled(s, &c, "carol", &token_1);
	store_credential_free(&d);
	enrolled(s, &d, "dave", &token_1);
	assert_int_equal(store_advance(s, &d, CRED_SUPERSEDED, NULL), 0);
	assert_string_equal(by_serial(s, token_1.serial), "09fa SoftHSM project [] carol delivered\n");
	store_credential_free(&c);
	store_credential_free(&d);
	store_close(&s);
}

static void a_serial_number_finds_the_tokens_of_all_makers(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_token twin = token_1;

	strcpy(twin.manufacturer, "somebody else");
	assert_int_equal(store_claim_token(s, &token_1, NULL), 0);
	assert_int_equal(store_claim_token(s, &token_2, NULL), 0);
	assert_int_equal(store_claim_token(s, &twin, NULL), 0);
	assert_string_equal(by_serial(s, token_1.serial), "09fa SoftHSM project []  -\n09fa somebody else []  -\n");
	assert_string_equal(by_serial(s, "0815"), "");
	store_close(&s);
}

static void a_tokens_profile_is_noted_and_a_change_of_it_recorded(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct err e = ERR_INIT;
	char long_id[300];
	uint64_t n;

	assert_int_equal(store_token_profile(s, &token_1, "softhsm2", NULL), 0);
	assert_string_equal(all(s), "09fa SoftHSM project [softhsm2]  -\n");
	n = records(s);
	assert_int_equal(n, 2);
	assert_int_equal(store_token_profile(s, &token_1, "softhsm2", NULL), 0);
	assert_int_equal(records(s), n);
	assert_int_equal(store_token_profile(s, &token_1, "ours", NULL), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'token-profile' AND token_serial ="
				    " '09faa980baecee43' AND detail = 'ours, was softhsm2'"),
			 1);
	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = 0;
	assert_int_equal(store_token_profile(s, &token_1, long_id, &e), -1);
	assert_says(&e, ERR_STORE, "too long");
	assert_string_equal(all(s), "09fa SoftHSM project [ours]  -\n");
	store_close(&s);
}

static const char *found(struct store *s, const char *user)
{
	static char serial[17];
	struct store_credential c;
	bool there = false;

	assert_int_equal(store_find_user(s, user, &there, &c, NULL), 0);
	snprintf(serial, sizeof(serial), "%s", there ? c.token.serial : "none");
	store_credential_free(&c);
	return serial;
}

static void a_user_finds_the_newest_credential_that_can_be_used(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential first, second, third;

	assert_string_equal(found(s, "alice"), "none");
	enrolled(s, &first, "alice", &token_1);
	enrolled(s, &second, "alice", &token_2);
	plan(&third, "alice", &token_1);
	assert_int_equal(store_plan(s, &third, NULL), 0);
	assert_string_equal(found(s, "alice"), token_2.serial);
	assert_int_equal(store_advance(s, &second, CRED_PROVEN, NULL), 0);
	assert_string_equal(found(s, "alice"), token_2.serial);
	assert_int_equal(store_advance(s, &second, CRED_REVOKED, NULL), 0);
	assert_string_equal(found(s, "alice"), token_1.serial);
	assert_string_equal(found(s, "bob"), "none");
	store_credential_free(&first);
	store_credential_free(&second);
	store_credential_free(&third);
	store_close(&s);
}

static void what_a_token_proved_of_its_key_stays_with_the_credential(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c, back;
	bool there = false;

	enrolled(s, &c, "alice", &token_1);
	blob_set(&c.attestation, "\x30\x00\x30\x00", 4);
	strcpy(c.attested, "yubico: serial 123, firmware 5.4.3, PIN once, touch never");
	strcpy(c.enroll_id, "Yubico/YubiKey/123/x/01");
	assert_int_equal(store_advance(s, &c, CRED_PROVEN, NULL), 0);
	store_close(&s);
	s = open_store(p);
	assert_int_equal(store_find(s, "alice", &token_1, &there, &back, NULL), 0);
	assert_true(there);
	assert_true(blob_equal(&c.attestation, &back.attestation));
	assert_string_equal(back.attested, c.attested);
	assert_string_equal(back.enroll_id, c.enroll_id);
	assert_string_equal(back.pkcs11_id, c.pkcs11_id);
	/* none is none */
	blob_free(&back.attestation);
	assert_int_equal(store_advance(s, &back, CRED_DELIVERED, NULL), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE attestation IS NULL"), 1);
	store_credential_free(&back);
	store_credential_free(&c);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(every_token_is_listed_with_its_holder),
	    PROMISE(a_serial_number_finds_the_tokens_of_all_makers),
	    PROMISE(a_tokens_profile_is_noted_and_a_change_of_it_recorded),
	    PROMISE(a_user_finds_the_newest_credential_that_can_be_used),
	    PROMISE(what_a_token_proved_of_its_key_stays_with_the_credential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
