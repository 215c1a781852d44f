/*
 * What the journal says of people, tokens and credentials is what was put into it, state by state.
 */
#include "store_fixture.h"

static void assert_same(const struct store_credential *a, const struct store_credential *b)
{
	assert_int_equal(a->id, b->id);
	assert_string_equal(a->user, b->user);
	assert_int_equal(a->token.id, b->token.id);
	assert_string_equal(a->token.manufacturer, b->token.manufacturer);
	assert_string_equal(a->token.model, b->token.model);
	assert_string_equal(a->token.serial, b->token.serial);
	assert_string_equal(a->token.label, b->token.label);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->key_type, b->key_type);
	assert_true(blob_equal(&a->cka_id, &b->cka_id));
	assert_true(blob_equal(&a->spki, &b->spki));
	assert_true(blob_equal(&a->csr, &b->csr));
	assert_memory_equal(a->serial, b->serial, sizeof(a->serial));
	assert_true(blob_equal(&a->cert, &b->cert));
	assert_string_equal(a->cert_serial, b->cert_serial);
	assert_int_equal(a->not_after, b->not_after);
	assert_string_equal(a->module, b->module);
	assert_string_equal(a->pkcs11_id, b->pkcs11_id);
	assert_string_equal(a->client_module, b->client_module);
	assert_string_equal(a->key_attributes, b->key_attributes);
	assert_int_equal(a->handed_over, b->handed_over);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->changed, b->changed);
}

static mode_t mode_of(const struct place *p, const char *suffix)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", p->path, suffix);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void the_database_is_for_its_owner_alone_whatever_the_umask(void **state)
{
	struct place *p = *state;
	mode_t before = umask(0);
	struct store *s = open_store(p);
	struct stat st;

	assert_int_equal(store_audit(s, "test", "", "", "", NULL), 0);
	assert_int_equal(mode_of(p, ""), 0600);
	assert_int_equal(mode_of(p, "-wal"), 0600);
	assert_int_equal(mode_of(p, "-shm"), 0600);
	assert_int_equal(mode_of(p, "-lock"), 0600);
	store_close(&s);
	assert_null(s);

	chmod(p->path, 0644);
	s = open_store(p);
	assert_int_equal(mode_of(p, ""), 0600);
	store_close(&s);

	p->path[strlen(p->path) - strlen("/t.db")] = 0;
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	umask(before);
}

static void what_was_journaled_comes_back_after_reopening(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c, back;
	struct err e = ERR_INIT;
	bool found = false;

	enrolled(s, &c, "alice", &token_1);
	assert_int_equal(c.state, CRED_DELIVERED);
	store_close(&s);

	s = open_store(p);
	assert_int_equal(store_find(s, "alice", &token_1, &found, &back, &e), 0);
	assert_true(found);
	assert_same(&c, &back);
	store_credential_free(&back);
	store_credential_free(&c);
	store_close(&s);
}

static void each_state_is_on_disk_before_the_call_returns(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;

	plan(&c, "alice", &token_1);
	assert_int_equal(store_plan(s, &c, NULL), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE state = 'planned'"), 1);
	blob_set(&c.spki, "k", 1);
	assert_int_equal(store_advance(s, &c, CRED_KEYED, NULL), 0);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE state = 'keyed'"), 1);
	store_credential_free(&c);
	store_close(&s);
}

static void assert_not_found(struct store *s, const char *user, const struct store_token *t)
{
	struct store_credential c;
	bool found = true;

	assert_int_equal(store_find(s, user, t, &found, &c, NULL), 0);
	assert_false(found);
	store_credential_free(&c); /* must be safe */
}

static void a_token_is_its_maker_model_and_serial_together(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_token other = token_1;
	struct store_credential c;
	bool found = true;

	enrolled(s, &c, "alice", &token_1);
	store_credential_free(&c);
	strcpy(other.manufacturer, "somebody else");
	assert_not_found(s, "alice", &other);
	assert_int_equal(store_find_by_token(s, &other, &found, &c, NULL), 0);
	assert_false(found);
	other = token_1;
	strcpy(other.model, "another");
	assert_not_found(s, "alice", &other);
	assert_not_found(s, "alice", &token_2);
	assert_not_found(s, "Alice", &token_1);

	/* the same serial number from another maker is another token */
	other = token_1;
	strcpy(other.manufacturer, "somebody else");
	enrolled(s, &c, "bob", &other);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM tokens"), 2);
	store_credential_free(&c);
	assert_int_equal(store_find_by_token(s, &token_1, &found, &c, NULL), 0);
	assert_true(found);
	assert_string_equal(c.user, "alice");
	store_credential_free(&c);
	store_close(&s);
}

static void a_token_finds_its_user_and_a_user_the_newest_token(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential first, second, c;
	bool found = false;

	enrolled(s, &first, "alice", &token_1);
	enrolled(s, &second, "alice", &token_2);
	assert_int_equal(store_find_by_token(s, &token_1, &found, &c, NULL), 0);
	assert_true(found);
	assert_same(&first, &c);
	store_credential_free(&c);
	store_credential_free(&first);
	store_credential_free(&second);
	store_close(&s);
}

static void a_new_label_of_a_token_is_noted(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_token relabelled = token_1;
	struct store_credential c, back;
	bool found = false;
	uint64_t n;

	enrolled(s, &c, "alice", &token_1);
	n = records(s);
	strcpy(relabelled.label, "new label");
	assert_int_equal(store_claim_token(s, &relabelled, NULL), 0);
	assert_int_equal(store_find(s, "alice", &relabelled, &found, &back, NULL), 0);
	assert_true(found);
	assert_string_equal(back.token.label, "new label");
	assert_int_equal(back.token.id, c.token.id);
	assert_int_equal(records(s), n + 1);
	store_credential_free(&c);
	store_credential_free(&back);
	store_close(&s);
}

static void what_has_ended_is_not_found_and_cannot_go_on(void **state)
{
	static const enum cred_state ended[] = {CRED_REVOKED, CRED_SUPERSEDED, CRED_ABANDONED};
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;

	for (size_t i = 0; i < 3; i++) {
		struct err e = ERR_INIT;

		enrolled(s, &c, "alice", &token_1);
		assert_int_equal(store_advance(s, &c, ended[i], &e), 0);
		assert_not_found(s, "alice", &token_1);
		assert_int_equal(store_advance(s, &c, CRED_DELIVERED, &e), -1);
		assert_says(&e, ERR_STORE, "alice");
		assert_int_equal(c.state, ended[i]);
		store_credential_free(&c);
	}
	store_close(&s);
}

static void a_state_needs_what_it_stands_for(void **state)
{
	static const struct {
		enum cred_state to;
		const char *words;
	} cases[] = {{CRED_KEYED, "keyed_has_a_public_key"},
		     {CRED_REQUESTED, "requested_has_a_request"},
		     {CRED_ISSUED, "issued_has_a_certificate"},
		     {CRED_PROVEN, "proven_has_an_id"}};
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c, empty;

	enrolled(s, &c, "alice", &token_1);
	for (size_t i = 0; i < 4; i++) {
		struct err e = ERR_INIT;

		empty = c;
		if (i == 0)
			empty.spki = (struct blob)BLOB_INIT;
		if (i == 1)
			empty.csr = (struct blob)BLOB_INIT;
		if (i == 2)
			empty.cert_serial[0] = 0;
		if (i == 3)
			empty.pkcs11_id[0] = 0;
		assert_int_equal(store_advance(s, &empty, cases[i].to, &e), -1);
		assert_says(&e, ERR_STORE, cases[i].words);
		assert_int_equal(empty.state, CRED_DELIVERED);
	}
	assert_int_equal(records(s), sql_int(p, "SELECT 2 + 7")); /* nothing was added to user, token and seven steps */
	store_credential_free(&c);
	store_close(&s);
}

static void a_credential_that_somebody_else_moved_is_not_overwritten(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	struct err e = ERR_INIT;

	plan(&c, "alice", &token_1);
	assert_int_equal(store_plan(s, &c, NULL), 0);
	sql(p, "UPDATE credentials SET state = 'keyed', spki = x'01'");
	blob_set(&c.spki, "k", 1);
	assert_int_equal(store_advance(s, &c, CRED_KEYED, &e), -1);
	assert_says(&e, ERR_STORE, "no longer");
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE spki = x'01'"), 1);
	store_credential_free(&c);
	store_close(&s);
}

static void a_new_certificate_supersedes_the_users_others_and_nobody_elses(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential old, new, bobs;
	uint64_t n;

	enrolled(s, &old, "alice", &token_1);
	enrolled(s, &new, "alice", &token_2);
	enrolled(s, &bobs, "bob", &token_1);
	n = records(s);
	assert_int_equal(store_supersede(s, &bobs, NULL), 0);
	assert_int_equal(records(s), n);

	assert_int_equal(store_supersede(s, &new, NULL), 0);
	assert_int_equal(records(s), n + 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE state = 'delivered'"), 2);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM credentials WHERE state = 'superseded'"), 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'superseded' AND user = 'alice'"
				    " AND token_serial = '09faa980baecee43'"),
			 1);
	assert_int_equal(store_supersede(s, &new, NULL), 0);
	assert_int_equal(records(s), n + 1);
	store_credential_free(&old);
	store_credential_free(&new);
	store_credential_free(&bobs);
	store_close(&s);
}

static void a_users_other_tokens_are_found_but_not_the_one_at_hand(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential here, there, c;
	bool found = true;

	enrolled(s, &here, "alice", &token_1);
	assert_int_equal(store_find_elsewhere(s, "alice", &token_1, &found, &c, NULL), 0);
	assert_false(found);
	enrolled(s, &there, "alice", &token_2);
	assert_int_equal(store_find_elsewhere(s, "alice", &token_1, &found, &c, NULL), 0);
	assert_true(found);
	assert_same(&there, &c);
	store_credential_free(&c);
	assert_int_equal(store_advance(s, &there, CRED_REVOKED, NULL), 0);
	assert_int_equal(store_find_elsewhere(s, "alice", &token_1, &found, &c, NULL), 0);
	assert_false(found);
	store_credential_free(&here);
	store_credential_free(&there);
	store_close(&s);
}

static bool leftover(struct store *s, const struct store_token *t)
{
	struct store_credential c;
	bool found = false;

	assert_int_equal(store_find_leftover(s, t, 0, &found, &c, NULL), 0);
	store_credential_free(&c);
	return found;
}

static void what_has_ended_is_left_over_until_it_is_noted_as_removed(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c;
	uint64_t n;

	enrolled(s, &c, "alice", &token_1);
	assert_false(leftover(s, &token_1));
	assert_int_equal(store_advance(s, &c, CRED_SUPERSEDED, NULL), 0);
	assert_true(leftover(s, &token_1));
	assert_false(leftover(s, &token_2));
	n = records(s);
	assert_int_equal(store_removed(s, &c, true, NULL), 0);
	assert_false(leftover(s, &token_1));
	assert_int_equal(records(s), n + 1);
	store_credential_free(&c);
	store_close(&s);
}

static void a_key_that_is_still_in_use_is_not_left_over(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential old, renewed;

	enrolled(s, &old, "alice", &token_1);
	enrolled(s, &renewed, "alice", &token_1); /* with the same CKA_ID */
	assert_int_equal(store_advance(s, &old, CRED_SUPERSEDED, NULL), 0);
	assert_false(leftover(s, &token_1));
	assert_int_equal(store_advance(s, &renewed, CRED_REVOKED, NULL), 0);
	assert_true(leftover(s, &token_1));
	store_credential_free(&old);
	store_credential_free(&renewed);
	store_close(&s);
}

static void what_was_handed_over_is_remembered_before_it_is_delivered(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p);
	struct store_credential c, back;
	struct err e = ERR_INIT;
	bool found = false;
	uint64_t n;

	enrolled(s, &c, "alice", &token_1);
	assert_int_equal(store_advance(s, &c, CRED_PROVEN, &e), 0);
	assert_false(c.handed_over);
	n = records(s);
	assert_int_equal(store_handed_over(s, &c, &e), 0);
	assert_true(c.handed_over);
	assert_int_equal(c.state, CRED_PROVEN);
	assert_int_equal(records(s), n + 1);
	assert_int_equal(sql_int(p, "SELECT count(*) FROM audit WHERE action = 'handed-over' AND user = 'alice'"), 1);
	store_close(&s);

	s = open_store(p);
	assert_int_equal(store_find(s, "alice", &token_1, &found, &back, &e), 0);
	assert_true(found);
	assert_same(&c, &back);
	assert_int_equal(store_advance(s, &back, CRED_DELIVERED, &e), 0);
	assert_false(back.handed_over);
	/* of what is no longer proven it is not noted */
	assert_int_equal(store_handed_over(s, &c, &e), -1);
	assert_says(&e, ERR_STORE, "no longer says proven");
	assert_int_equal(records(s), n + 2);
	store_credential_free(&back);
	store_credential_free(&c);
	store_close(&s);
}

static void every_state_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(cred_state_name(CRED_PLANNED), "planned");
	assert_string_equal(cred_state_name(CRED_DELIVERED), "delivered");
	assert_string_equal(cred_state_name(CRED_ABANDONED), "abandoned");
	for (int i = 0; i < CRED_STATE_COUNT; i++)
		assert_true(strlen(cred_state_name((enum cred_state)i)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(the_database_is_for_its_owner_alone_whatever_the_umask),
	    PROMISE(what_was_journaled_comes_back_after_reopening),
	    PROMISE(each_state_is_on_disk_before_the_call_returns),
	    PROMISE(a_token_is_its_maker_model_and_serial_together),
	    PROMISE(a_token_finds_its_user_and_a_user_the_newest_token),
	    PROMISE(a_new_label_of_a_token_is_noted),
	    PROMISE(what_has_ended_is_not_found_and_cannot_go_on),
	    PROMISE(a_state_needs_what_it_stands_for),
	    PROMISE(a_credential_that_somebody_else_moved_is_not_overwritten),
	    PROMISE(a_new_certificate_supersedes_the_users_others_and_nobody_elses),
	    PROMISE(a_users_other_tokens_are_found_but_not_the_one_at_hand),
	    PROMISE(what_has_ended_is_left_over_until_it_is_noted_as_removed),
	    PROMISE(a_key_that_is_still_in_use_is_not_left_over),
	    PROMISE(what_was_handed_over_is_remembered_before_it_is_delivered),
	    PROMISE(every_state_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
