/* A credential that takes over from another one: what the journal remembers of the two until the old one is revoked. */
#include "store_fixture.h"

/* A renewal of old's certificate that has got as far as to be issued. */
static void renewed(struct store *s, struct store_credential *c, const struct store_credential *old, const char *serial)
{
	struct err e = ERR_INIT;

	plan(c, old->user, &old->token);
	c->way = CRED_WAY_RENEW;
	c->replaces = old->id;
	assert_int_equal(store_plan(s, c, &e), 0);
	blob_set(&c->spki, old->spki.data, old->spki.len);
	blob_set(&c->csr, "the request", 11);
	blob_set(&c->cert, serial, strlen(serial));
	strcpy(c->cert_serial, serial);
	c->not_after = 2000000000;
	assert_int_equal(store_advance(s, c, CRED_ISSUED, &e), 0);
}

static struct store_credential by_id(struct store *s, int64_t id)
{
	struct store_credential c = {0};
	bool found = false;

	assert_int_equal(store_find_id(s, id, &found, &c, NULL), 0);
	assert_true(found);
	return c;
}

static void how_it_came_about_is_remembered(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential old, new, c;

	enrolled(s, &old, "alice", &token_1);
	renewed(s, &new, &old, "CDCD");
	c = by_id(s, new.id);
	assert_int_equal(c.way, CRED_WAY_RENEW);
	assert_true(c.replaces == old.id);
	store_credential_free(&c);
	c = by_id(s, old.id);
	assert_int_equal(c.way, CRED_WAY_ENROLL);
	assert_true(c.replaces == 0);
	assert_int_equal(c.state, CRED_DELIVERED);
	store_credential_free(&c);
	for (int way = 0; way < CRED_WAY_COUNT; way++)
		assert_string_not_equal(cred_way_name((enum cred_way)way), "unknown");
	store_credential_free(&old);
	store_credential_free(&new);
	store_close(&s);
}

static void it_takes_over_on_its_own_token_and_the_old_one_waits_for_its_revocation(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential old, new, other, c;
	time_t at = time(NULL) + 7;

	enrolled(s, &other, "alice", &token_2);
	enrolled(s, &old, "alice", &token_1);
	renewed(s, &new, &old, "CDCD");
	assert_int_equal(store_take_over(s, &new, at, NULL), 0);
	c = by_id(s, old.id);
	assert_int_equal(c.state, CRED_SUPERSEDED);
	assert_true(c.revoke_at == at && c.revoked == 0);
	store_credential_free(&c);
	c = by_id(s, other.id);
	assert_int_equal(c.state, CRED_DELIVERED);
	store_credential_free(&c);
	/* once more changes nothing */
	uint64_t n = records(s);
	assert_int_equal(store_take_over(s, &new, at + 100, NULL), 0);
	assert_true(records(s) == n);
	store_credential_free(&old);
	store_credential_free(&other);
	store_credential_free(&new);
	store_close(&s);
}

static void the_key_of_a_renewed_certificate_is_no_leftover_whatever_its_cka_id_is_now(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential old, new, c = {0};
	bool found = true;

	enrolled(s, &old, "alice", &token_1);
	renewed(s, &new, &old, "CDCD");
	blob_set(&new.cka_id, "another", 7);
	assert_int_equal(store_advance(s, &new, CRED_WRITTEN, NULL), 0);
	assert_int_equal(store_take_over(s, &new, 1, NULL), 0);
	assert_int_equal(store_find_leftover(s, &token_1, 0, &found, &c, NULL), 0);
	assert_false(found);
	store_credential_free(&old);
	store_credential_free(&new);
	store_close(&s);
}

static void what_is_due_is_found_until_it_is_noted_as_revoked(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential old, new, c = {0};
	time_t at = time(NULL) + 7;
	bool found = true;

	enrolled(s, &old, "alice", &token_1);
	renewed(s, &new, &old, "CDCD");
	assert_int_equal(store_take_over(s, &new, at, NULL), 0);
	assert_int_equal(store_find_due(s, at - 1, 0, &found, &c, NULL), 0);
	assert_false(found);
	/* one that has expired needs no revocation */
	assert_int_equal(store_find_due(s, old.not_after, 0, &found, &c, NULL), 0);
	assert_false(found);
	assert_int_equal(store_find_due(s, at, old.id, &found, &c, NULL), 0);
	assert_false(found);
	assert_int_equal(store_find_due(s, at, 0, &found, &c, NULL), 0);
	assert_true(found && c.id == old.id);
	/* what the CA says counts: somebody may have revoked it before */
	assert_int_equal(store_revoked(s, c.cert_serial, "alice", at + 1, "keyCompromise", NULL), 0);
	store_credential_free(&c);
	c = by_id(s, old.id);
	assert_int_equal(c.state, CRED_SUPERSEDED);
	assert_true(c.revoke_at == 0 && c.revoked == at + 1);
	assert_string_equal(c.reason, "keyCompromise");
	store_credential_free(&c);
	assert_int_equal(store_find_due(s, at, 0, &found, &c, NULL), 0);
	assert_false(found);
	assert_int_equal(
	    sql_int(*state, "SELECT count(*) FROM audit WHERE action = 'certificate-revoked' AND cert_serial = 'ABAB'"),
	    1);
	store_credential_free(&old);
	store_credential_free(&new);
	store_close(&s);
}

static void assert_beside(struct store *s, const struct store_credential *c, const char *want)
{
	char *serials = NULL;

	assert_int_equal(store_serials_beside(s, c, &serials, NULL), 0);
	assert_string_equal(serials, want);
	free(serials);
}

static void those_that_may_be_valid_beside_it_are_known(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential old, new, bobs, c = {0};

	enrolled(s, &old, "alice", &token_1);
	enrolled(s, &bobs, "bob", &token_2);
	assert_beside(s, &old, "");
	renewed(s, &new, &old, "CDCD");
	assert_beside(s, &new, "ABAB");
	assert_beside(s, &old, "CDCD");
	strcpy(c.user, "alice");
	assert_beside(s, &c, "ABAB CDCD");
	assert_int_equal(store_take_over(s, &new, 1, NULL), 0);
	assert_beside(s, &new, "ABAB");
	store_credential_free(&old);
	old = by_id(s, new.replaces);
	assert_int_equal(store_revoked(s, old.cert_serial, "alice", 2, "superseded", NULL), 0);
	assert_beside(s, &new, "");
	strcpy(c.user, "nobody");
	assert_beside(s, &c, "");
	store_credential_free(&old);
	store_credential_free(&new);
	store_credential_free(&bobs);
	store_close(&s);
}

static void the_last_one_is_one_that_counts_if_there_is_one(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential first, second, c = {0};
	bool found = true;

	assert_int_equal(store_find_last(s, "alice", &found, &c, NULL), 0);
	assert_false(found);
	enrolled(s, &first, "alice", &token_1);
	enrolled(s, &second, "alice", &token_2);
	assert_int_equal(store_advance(s, &second, CRED_REVOKED, NULL), 0);
	assert_int_equal(store_find_last(s, "alice", &found, &c, NULL), 0);
	assert_true(found && c.id == first.id);
	store_credential_free(&c);
	assert_int_equal(store_advance(s, &first, CRED_REVOKED, NULL), 0);
	assert_int_equal(store_find_last(s, "alice", &found, &c, NULL), 0);
	assert_true(found && c.id == second.id);
	store_credential_free(&c);
	store_credential_free(&first);
	store_credential_free(&second);
	store_close(&s);
}

static void a_lost_token_says_since_when(void **state)
{
	struct store *s = open_store(*state);
	struct store_credential c;
	time_t since = 5;

	assert_int_equal(store_token_lost(s, &token_1, &since, NULL), 0);
	assert_true(since == 0);
	enrolled(s, &c, "alice", &token_1);
	sql(*state, "UPDATE tokens SET lost = 1767225600");
	assert_int_equal(store_token_lost(s, &token_1, &since, NULL), 0);
	assert_true(since == 1767225600);
	store_credential_free(&c);
	store_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    PROMISE(how_it_came_about_is_remembered),
	    PROMISE(it_takes_over_on_its_own_token_and_the_old_one_waits_for_its_revocation),
	    PROMISE(the_key_of_a_renewed_certificate_is_no_leftover_whatever_its_cka_id_is_now),
	    PROMISE(what_is_due_is_found_until_it_is_noted_as_revoked),
	    PROMISE(those_that_may_be_valid_beside_it_are_known),
	    PROMISE(the_last_one_is_one_that_counts_if_there_is_one),
	    PROMISE(a_lost_token_says_since_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
