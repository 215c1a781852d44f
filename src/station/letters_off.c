#include "station/letters_off.h"

#include "core/clock.h"
#include "core/xalloc.h"

#define BROKEN_MAX 3
#define BROKEN_MS 5000

struct letter_off {
	int64_t id, until; /* clock_ms */
	int broken;
};

static struct letter_off *find(const struct station *s, int64_t id)
{
	for (size_t i = 0; i < s->n_letters_off; i++) {
		if (s->letters_off[i].id == id)
			return &s->letters_off[i];
	}
	return NULL;
}

static struct letter_off *get(struct station *s, int64_t id)
{
	struct letter_off *known = find(s, id);
	if (known != NULL)
		return known;
	s->letters_off = xrealloc(s->letters_off, s->n_letters_off + 1, sizeof *s->letters_off);
	s->letters_off[s->n_letters_off] = (struct letter_off){.id = id};
	return &s->letters_off[s->n_letters_off++];
}

bool letters_off_is(const struct station *s, int64_t id)
{
	const struct letter_off *known = find(s, id);
	return known != NULL && (known->until == INT64_MAX || (!s->ending && clock_ms() < known->until));
}

void letters_off_forever(struct station *s, int64_t id)
{
	get(s, id)->until = INT64_MAX;
}

/* When the next one is on again; 0 if none is. */
static int64_t find_next(const struct station *s)
{
	int64_t now = clock_ms(), next = INT64_MAX;
	for (size_t i = 0; i < s->n_letters_off; i++) {
		if (s->letters_off[i].until > now && s->letters_off[i].until < next)
			next = s->letters_off[i].until;
	}
	return next != INT64_MAX ? next : 0;
}

bool letters_off_broken(struct station *s, int64_t id)
{
	struct letter_off *l = get(s, id);
	bool again = ++l->broken < BROKEN_MAX;
	l->until = again ? clock_ms() + BROKEN_MS : INT64_MAX;
	s->letters_at = find_next(s);
	return again;
}

bool letters_off_turn(struct station *s)
{
	if (s->letters_at == 0 || (!s->ending && clock_ms() < s->letters_at))
		return false;
	s->letters_at = find_next(s);
	return true;
}
