/*
 * What the operator wants done with a person is written, whatever state the person's place is in; and how many are
 * left is never taken to be none because it cannot be read.
 */
#include "core/rpc.h"
#include "core/xalloc.h"
#include "station/station_impl.h"

/* the fixture calls its folder so, too */
#define place folder
#include "store_roster_fixture.h"
#undef place

#include <sys/socket.h>

struct desk {
	struct store *store;
	struct station *s;
	int64_t roster;
	int other_end; /* of the enroller's socket */
};

static const struct station_options options;

static void open_desk(struct desk *d, void **state, const struct config *cfg, const struct station_view *view)
{
	const struct folder *f = *state;
	struct err e = ERR_INIT;

	*d = (struct desk){.other_end = -1};
	if (store_open(&d->store, f->path, &e) == -1)
		fail_msg("%s", e.what);
	d->roster = open_three(d->store);
	const struct station_setup setup = {
	    .opt = &options, .cfg = cfg, .store = d->store, .roster = d->roster, .view = view};
	station_new(&d->s, &setup);
}

static void close_desk(struct desk *d)
{
	if (d->other_end != -1)
		close(d->other_end);
	station_free(&d->s);
	store_close(&d->store);
}

/* One place, where this person has failed, and the process that has enrolled is about to end. */
static struct place *add_failed(struct desk *d, const char *user)
{
	struct err why = ERR_INIT;
	int ends[2];
	struct place *p = xcalloc(1, sizeof *p);

	begun(d->store, id_of(d->store, d->roster, user), "T-1");
	err_set(&why, ERR_TOKEN_FAILED, "it went wrong");
	assert_int_equal(store_roster_failed(d->store, id_of(d->store, d->roster, user), false, &why, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*p = (struct place){.name = "Reader 1", .card = true, .state = PLACE_FAILED, .has_person = true};
	p->person = person(d->store, d->roster, user);
	rpc_peer_adopt(&p->enroller, "enroller", ends[0]);
	d->other_end = ends[1];
	d->s->places = p;
	d->s->n_places = 1;
	return p;
}

static void assert_why(struct desk *d, const char *user, enum roster_state st, const char *why)
{
	struct roster_person p = person(d->store, d->roster, user);

	assert_string_equal(roster_state_name(p.state), roster_state_name(st));
	assert_string_equal(p.why, why);
	roster_person_free(&p);
}

static void who_has_failed_is_held_also_while_the_enroller_is_still_ending(void **state)
{
	struct desk d;
	struct err e = ERR_INIT;

	open_desk(&d, state, NULL, NULL);
	add_failed(&d, "alice");
	assert_int_equal(station_hold(d.s, 0, "is ill", &e), 0);
	assert_why(&d, "alice", ROSTER_HELD, "is ill");
	assert_int_equal(station_skip(d.s, 0, &e), 0);
	assert_why(&d, "alice", ROSTER_SKIPPED, "");
	close_desk(&d);
}

static void whose_token_is_proven_is_not_put_back(void **state)
{
	struct desk d;
	struct err e = ERR_INIT;

	open_desk(&d, state, NULL, NULL);
	add_failed(&d, "alice")->may_pull = true;
	assert_int_equal(station_hold(d.s, 0, "is ill", &e), -1);
	assert_why(&d, "alice", ROSTER_FAILED, "it went wrong");
	close_desk(&d);
}

static void who_is_at_no_reader_is_held_unless_they_have_a_token(void **state)
{
	struct desk d;
	struct err e = ERR_INIT;

	open_desk(&d, state, NULL, NULL);
	assert_int_equal(station_hold_person(d.s, id_of(d.store, d.roster, "alice"), "is ill", &e), 0);
	assert_why(&d, "alice", ROSTER_HELD, "is ill");
	finished(d.store, id_of(d.store, d.roster, "bob"), "T-2", 1);
	assert_int_equal(station_hold_person(d.s, id_of(d.store, d.roster, "bob"), "is ill", &e), -1);
	assert_string_equal(e.what, "bob has token T-2 by now, and is not held");
	begun(d.store, id_of(d.store, d.roster, "carol"), "T-3");
	assert_int_equal(station_hold_person(d.s, id_of(d.store, d.roster, "carol"), "is ill", &e), -1);
	assert_string_equal(e.what, "carol's token in 'Reader 1' is all but finished, and is not broken off");
	assert_int_equal(station_hold_person(d.s, 4711, "is ill", &e), -1);
	close_desk(&d);
}

/* ---- counts that cannot be read */

/* A view that takes the roster away, and gives it back. */
struct watch {
	const struct folder *folder;
	int64_t left[3]; /* before, meanwhile and after */
	int turns, notes;
	int again[2]; /* there is always something to read */
};

#define TAKE "PRAGMA legacy_alter_table = ON; ALTER TABLE roster_people RENAME TO away"
#define GIVE "PRAGMA legacy_alter_table = ON; ALTER TABLE away RENAME TO roster_people"

static void on_event(void *arg, const struct station *s, const struct station_event *ev)
{
	struct watch *w = arg;

	(void)s;
	w->notes += ev->kind == STATION_NOTE;
}

static void on_draw(void *arg, struct station *s)
{
	struct watch *w = arg;

	w->turns++;
	if (w->turns == 1) {
		w->left[0] = station_counts(s)->left;
		assert_int_equal(station_hold_person(s, 1, "", NULL), 0);
		sql(w->folder, "DELETE FROM roster_people WHERE user = 'carol'");
		sql(w->folder, TAKE);
	} else if (w->turns == 4) {
		w->left[1] = station_counts(s)->left;
		sql(w->folder, GIVE);
	} else if (w->turns == 5) {
		w->left[2] = station_counts(s)->left;
		station_stop(s, true);
	}
}

static int on_input(void *arg)
{
	return ((struct watch *)arg)->again[0];
}

static void on_read(void *arg, struct station *s)
{
	(void)arg, (void)s;
}

static struct station_view view_of(struct watch *w, void **state)
{
	*w = (struct watch){.folder = *state};
	assert_int_equal(pipe(w->again), 0);
	assert_int_equal(write(w->again[1], "x", 1), 1);
	return (struct station_view){.arg = w, .event = on_event, .draw = on_draw, .input = on_input, .read = on_read};
}

static void close_watch(struct watch *w)
{
	close(w->again[0]);
	close(w->again[1]);
}

/* A signer that nobody asks for anything. */
static void join_signer(struct desk *d, const struct config *cfg, int signer[2])
{
	struct err e = ERR_INIT;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, signer), 0);
	assert_int_equal(signer_join(&d->s->set.signer, signer[0], &cfg->ca, NULL, NULL, &e), 0);
}

static void counts_that_cannot_be_read_are_read_when_they_can(void **state)
{
	char nowhere[] = "";
	const struct config cfg = {.path = nowhere};
	struct watch w;
	const struct station_view view = view_of(&w, state);
	struct desk d;
	struct err e = ERR_INIT;
	int signer[2];

	open_desk(&d, state, &cfg, &view);
	join_signer(&d, &cfg, signer);
	if (station_run(d.s, &e) != 0)
		fail_msg("%s", e.what);
	assert_int_equal(w.left[0], 3);
	assert_int_equal(w.left[1], 3);
	assert_int_equal(w.left[2], 2);
	assert_int_equal(w.notes, 1);
	signer_stop(&d.s->set.signer);
	close(signer[1]);
	close_desk(&d);
	close_watch(&w);
}

static void a_station_whose_roster_cannot_be_read_does_not_say_that_nobody_is_left(void **state)
{
	char nowhere[] = "";
	const struct config cfg = {.path = nowhere};
	struct watch w;
	const struct station_view view = view_of(&w, state);
	struct desk d;
	struct err e = ERR_INIT;
	int signer[2];

	open_desk(&d, state, &cfg, &view);
	join_signer(&d, &cfg, signer);
	sql(*state, TAKE);
	w.turns = 4; /* it ends in its first turn, if there is one */
	assert_int_equal(station_run(d.s, &e), -1);
	assert_string_equal(err_code_name(e.code), err_code_name(ERR_STORE));
	signer_stop(&d.s->set.signer);
	close(signer[1]);
	close_desk(&d);
	close_watch(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(who_has_failed_is_held_also_while_the_enroller_is_still_ending, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(whose_token_is_proven_is_not_put_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(who_is_at_no_reader_is_held_unless_they_have_a_token, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(counts_that_cannot_be_read_are_read_when_they_can, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_station_whose_roster_cannot_be_read_does_not_say_that_nobody_is_left,
					    set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
