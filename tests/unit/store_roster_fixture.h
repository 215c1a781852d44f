/*
 * store_roster_fixture: rosters as a station opens them, and the way of their people.
 */
#ifndef STORE_ROSTER_FIXTURE_H
#define STORE_ROSTER_FIXTURE_H

#include "store/roster.h"
#include "store_fixture.h"

#define SOURCE "/srv/roster.csv"

static inline struct roster_entry entry(long line, const char *user, const char *name)
{
	return (struct roster_entry){.line = line,
				     .user = user,
				     .name = name,
				     .email = "",
				     .department = "",
				     .language = "",
				     .token_serial = "",
				     .extra = ""};
}

static inline struct roster_merged opened(struct store *s, const struct roster_entry *list, size_t n, int64_t *ret_id)
{
	struct roster_merged m;
	struct err e = ERR_INIT;

	if (store_roster_open(s, SOURCE, list, n, ret_id, &m, &e) == -1)
		fail_msg("%s (%s)", e.what, e.native);
	return m;
}

/* alice, bob and carol, in lines 2 to 4. */
static inline int64_t open_three(struct store *s)
{
	const struct roster_entry list[] = {entry(2, "alice", "Alice M\xC3\xBCller"), entry(3, "bob", "Bob"),
					    entry(4, "carol", "Carol")};
	int64_t id = 0;

	opened(s, list, 3, &id);
	return id;
}

/* Of this user; fails if there is none. To be freed. */
static inline struct roster_person person(struct store *s, int64_t roster, const char *user)
{
	struct roster_person p = {0};
	size_t n = 0, all = 0;

	assert_int_equal(store_roster_search(s, roster, user, &p, 1, &n, &all, NULL), 0);
	assert_int_equal(n, 1);
	assert_string_equal(p.user, user);
	return p;
}

static inline int64_t id_of(struct store *s, int64_t roster, const char *user)
{
	struct roster_person p = person(s, roster, user);
	int64_t id = p.id;

	roster_person_free(&p);
	return id;
}

static inline struct store_token token(const char *serial)
{
	struct store_token t = {.manufacturer = "Maker", .model = "Model", .label = "VPN"};

	snprintf(t.serial, sizeof(t.serial), "%s", serial);
	return t;
}

static inline void begun(struct store *s, int64_t id, const char *serial)
{
	const struct store_token t = token(serial);
	struct err e = ERR_INIT;

	if (store_roster_begin(s, id, &t, "Reader 1", &e) == -1)
		fail_msg("%s", e.what);
}

static inline void finished(struct store *s, int64_t id, const char *serial, int64_t took)
{
	const struct store_token t = token(serial);

	begun(s, id, serial);
	assert_int_equal(store_roster_done(s, id, &t, "ABCD", took, NULL), 0);
}

static inline void assert_next(struct store *s, int64_t roster, const char *user)
{
	struct roster_person p = {0};
	bool found = false;

	assert_int_equal(store_roster_next(s, roster, &found, &p, NULL), 0);
	assert_int_equal(found, user != NULL);
	if (user)
		assert_string_equal(p.user, user);
	roster_person_free(&p);
}

static inline void assert_by_token(struct store *s, int64_t roster, const char *serial, const char *user)
{
	struct roster_person p = {0};
	bool found = false;

	assert_int_equal(store_roster_by_token(s, roster, serial, &found, &p, NULL), 0);
	assert_int_equal(found, user != NULL);
	if (user)
		assert_string_equal(p.user, user);
	roster_person_free(&p);
}

static inline void assert_state(struct store *s, int64_t id, enum roster_state st)
{
	struct roster_person p = {0};
	bool found = false;

	assert_int_equal(store_roster_person(s, id, &found, &p, NULL), 0);
	assert_true(found);
	assert_string_equal(roster_state_name(p.state), roster_state_name(st));
	roster_person_free(&p);
}

#endif
