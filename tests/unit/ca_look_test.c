/* Who looks at the PKI sees all of it, whatever is wrong with it, and changes nothing. */
#include "ca_fixture.h"

#include "ca/look.h"

static struct fixture fx;

static int make_all(void **state)
{
	(void)state;
	fixture_init(&fx);
	fixture_make_pki(&fx, "plain", "ec", false);
	assert_int_equal(shell("cp -a %s/plain %s/work", fx.dir, fx.dir), 0);
	must_easyrsa(&fx, "build-client-full alice nopass");
	must_easyrsa(&fx, "build-client-full bob nopass");
	must_easyrsa(&fx, "build-server-full vpn.example.com nopass");
	must_easyrsa(&fx, "revoke bob keyCompromise");
	must_easyrsa(&fx, "gen-crl");
	assert_int_equal(shell("mv %s/work %s/full", fx.dir, fx.dir), 0);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	fixture_done(&fx);
	return 0;
}

static struct signer *look(struct ca_look *ret)
{
	struct err e = ERR_INIT;
	struct signer *s = NULL;
	assert_ok(signer_look_begin(&s, &fx.cfg, true, NULL, NULL, &e), &e);
	assert_ok(signer_look_end(s, ret, &e), &e);
	return s;
}

static struct ca_rows rows_of(struct signer *s)
{
	struct err e = ERR_INIT;
	struct ca_rows r = {.next = 0};
	assert_ok(signer_rows_begin(s, 0, &e), &e);
	assert_ok(signer_rows_end(s, &r, &e), &e);
	return r;
}

/* The detail of the row with this name. */
static struct ca_detail detail_of(struct signer *s, const struct ca_rows *rows, const char *name)
{
	struct err e = ERR_INIT;
	for (size_t i = 0; i < rows->n; i++) {
		char serial[1][CA_SERIAL_HEX_MAX];
		struct ca_detail d;
		size_t n = 0;
		memcpy(serial[0], rows->list[i].serial, sizeof serial[0]);
		assert_ok(signer_details(s, (const char(*)[CA_SERIAL_HEX_MAX])serial, 1, &d, &n, &e), &e);
		assert_int_equal(n, 1);
		assert_true(d.found);
		if (strcmp(d.name, name) == 0)
			return d;
		ca_detail_free(&d);
	}
	fail_msg("there is no row of %s", name);
	return (struct ca_detail){.found = false};
}

static void all_rows_are_told_with_what_belongs_to_them(void **state)
{
	(void)state;
	struct ca_look l;
	fixture_use(&fx, "full");
	struct signer *s = look(&l);
	struct ca_rows rows = rows_of(s);
	assert_string_equal(l.subject, "/CN=Test CA");
	assert_true(l.has_key);
	assert_true(l.has_index);
	assert_true(l.made.there);
	assert_true(l.made.next_update > time(NULL) + 86400);
	assert_false(l.publishes);
	assert_int_equal(rows.n, 3);
	assert_false(rows.more);
	for (size_t i = 1; i < rows.n; i++)
		assert_true(strcmp(rows.list[i - 1].serial, rows.list[i].serial) < 0);
	struct ca_detail a = detail_of(s, &rows, "alice"), b = detail_of(s, &rows, "bob"),
			 v = detail_of(s, &rows, "vpn.example.com");
	assert_string_equal(a.purpose, "client");
	assert_string_equal(v.purpose, "server");
	assert_string_equal(b.reason, "keyCompromise");
	assert_string_equal(a.subject, "/CN=alice");
	assert_true(a.cert.len > 0 && a.spki.len > 0 && a.request.len > 0);
	assert_true(b.cert.len > 0); /* in revoked/ */
	ca_detail_free(&a);
	ca_detail_free(&b);
	ca_detail_free(&v);
	ca_rows_free(&rows);
	signer_stop(&s);
}

static void a_damaged_index_and_crl_are_told_and_not_the_end(void **state)
{
	(void)state;
	struct ca_look l;
	fixture_use(&fx, "full");
	assert_int_equal(shell("echo nonsense >>%s/index.txt; echo nonsense >%s/crl.pem", fx.pki, fx.pki), 0);
	struct signer *s = look(&l);
	assert_false(l.has_index);
	assert_non_null(strstr(l.no_index.what, "index.txt line 4"));
	assert_non_null(strstr(l.no_crl.what, "is not a CRL"));
	assert_true(l.not_after > time(NULL));
	struct ca_rows rows = rows_of(s);
	assert_int_equal(rows.n, 0);
	ca_rows_free(&rows);
	signer_stop(&s);
}

static void what_the_vpn_server_reads_is_compared(void **state)
{
	(void)state;
	struct ca_look l;
	char crl[256];
	fixture_use(&fx, "full");
	snprintf(crl, sizeof crl, "%s/work/crl.pem", fx.dir);
	fx.cfg.crl = crl;
	struct signer *s = look(&l);
	assert_true(l.publishes);
	assert_false(l.published.there);
	assert_true(l.outdated);
	signer_stop(&s);
	assert_int_equal(shell("cp %s/crl.pem %s", fx.pki, crl), 0);
	s = look(&l);
	assert_true(l.published.there);
	assert_false(l.outdated);
	signer_stop(&s);
	sleep(1); /* in the same second it would come out the same, byte for byte */
	must_easyrsa(&fx, "gen-crl");
	s = look(&l);
	assert_true(l.outdated);
	signer_stop(&s);
}

static void no_pki_is_an_error_with_a_way_out(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_look l;
	struct signer *s = NULL;
	fixture_use(&fx, "full");
	assert_int_equal(shell("mv %s/ca.crt %s/away", fx.pki, fx.pki), 0);
	assert_ok(signer_look_begin(&s, &fx.cfg, true, NULL, NULL, &e), &e);
	assert_int_equal(signer_look_end(s, &l, &e), -1);
	assert_int_equal(e.code, ERR_CA_PKI);
	assert_says(&e, "the CA certificate cannot be read");
	assert_non_null(strstr(err_advice(&e), "[ca] pki"));
	signer_stop(&s);
}

static void who_only_looks_can_do_nothing_else(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_look l;
	bool revoked;
	fixture_use(&fx, "full");
	struct signer *s = look(&l);
	assert_int_equal(signer_revoked(s, "01", &revoked, &e), -1);
	assert_int_equal(signer_unlock_begin(s, NULL, &e), 0);
	assert_int_equal(signer_unlock_end(s, &e), -1);
	signer_stop(&s);
}

/* A big index comes in pieces, sorted, each row once. */
static void a_big_index_comes_in_pieces(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct ca_look l;
	char last[CA_SERIAL_HEX_MAX] = "";
	size_t n = 0, pieces = 0;
	fixture_use(&fx, "full");
	assert_int_equal(
	    shell("awk 'BEGIN { for (i = 1; i <= 40000; i++) printf "
		  "\"V\\t350101000000Z\\t\\t%%08X%%024X\\tunknown\\t/CN=user%%d\\n\", 1 + i * 7919 %% 99991, "
		  "i, i }' >>%s/index.txt",
		  fx.pki),
	    0);
	struct signer *s = look(&l);
	struct ca_rows r = {.more = true};
	for (; r.more; pieces++) {
		ca_rows_free(&(struct ca_rows){.list = r.list});
		r.list = NULL;
		assert_ok(signer_rows_begin(s, r.next, &e), &e);
		assert_ok(signer_rows_end(s, &r, &e), &e);
		for (size_t i = 0; i < r.n; i++) {
			assert_true(strcmp(last, r.list[i].serial) < 0);
			memcpy(last, r.list[i].serial, sizeof last);
		}
		n += r.n;
	}
	assert_int_equal(n, 40003);
	assert_true(pieces > 1);
	ca_rows_free(&r);
	signer_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_rows_are_told_with_what_belongs_to_them),
	    cmocka_unit_test(a_damaged_index_and_crl_are_told_and_not_the_end),
	    cmocka_unit_test(what_the_vpn_server_reads_is_compared),
	    cmocka_unit_test(no_pki_is_an_error_with_a_way_out),
	    cmocka_unit_test(who_only_looks_can_do_nothing_else),
	    cmocka_unit_test(a_big_index_comes_in_pieces),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
