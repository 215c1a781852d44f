/*
 * index_keys: which of a million texts is there twice, in the time that it
 * takes to read them: each becomes a number of 64 bits, and most of these turn
 * out to be the only one of their kind by some of their bits alone.
 */
#include "ca/index_impl.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* A set with so many places for each number finds one in eight of them taken by chance. */
#define PLACES_EACH 8
#define PLACES_MIN 1024

/* Two rounds, each with bits of its own, leave a handful of a million. */
#define ROUNDS 2
#define ROUND_BITS 32

#define ODD_1 0x9E3779B97F4A7C15u
#define ODD_2 0xC2B2AE3D27D4EB4Fu
#define ODD_3 0x165667B19E3779F9u
#define ODD_4 0xD6E8FEB86659FD93u

/* Every bit gets into the lower ones, by which places are chosen. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 32)) * ODD_1;
	return h ^ (h >> 32);
}

uint64_t index_key_of(const char *p, size_t len)
{
	uint64_t h = len, w[4];
	for (; len >= sizeof w; p += sizeof w, len -= sizeof w) {
		memcpy(w, p, sizeof w);
		h = mix(h + w[0] * ODD_1 + w[1] * ODD_2 + w[2] * ODD_3 + w[3] * ODD_4);
	}
	if (len == 0)
		return h;
	memset(w, 0, sizeof w);
	memcpy(w, p, len);
	return mix(h + w[0] * ODD_1 + w[1] * ODD_2 + w[2] * ODD_3 + w[3] * ODD_4);
}

void index_set_begin(struct index_set *s, size_t n)
{
	size_t places = PLACES_MIN;
	while (places / PLACES_EACH < n)
		places *= 2;
	index_set_free(s);
	s->bits = xcalloc(places / 64, sizeof *s->bits);
	s->mask = places - 1;
}

bool index_set_has(const struct index_set *s, uint64_t key)
{
	uint64_t place = key & s->mask;
	return s->bits != NULL && (s->bits[place / 64] >> (place % 64) & 1) != 0;
}

bool index_set_add(struct index_set *s, uint64_t key)
{
	uint64_t place = key & s->mask, bit = (uint64_t)1 << (place % 64);
	bool had = (s->bits[place / 64] & bit) != 0;
	s->bits[place / 64] |= bit;
	return had;
}

void index_set_free(struct index_set *s)
{
	free(s->bits);
	*s = (struct index_set)INDEX_SET_INIT;
}

void index_keys_begin(struct index_keys *k, size_t room)
{
	k->room = room + 1;
	k->keys = xrealloc(k->keys, k->room, sizeof *k->keys);
}

void index_keys_add(struct index_keys *k, uint64_t key)
{
	if (k->n == k->room)
		index_keys_begin(k, k->room * 2);
	k->keys[k->n++] = key;
}

/* Drops those that are alone in their place of the set, which is filled with all. */
static void narrow(struct index_keys *k, struct index_set *all, unsigned shift)
{
	struct index_set shared = INDEX_SET_INIT;
	size_t kept = 0;
	index_set_begin(all, k->n);
	index_set_begin(&shared, k->n);
	for (size_t i = 0; i < k->n; i++) {
		if (index_set_add(all, k->keys[i] >> shift))
			index_set_add(&shared, k->keys[i] >> shift);
	}
	for (size_t i = 0; i < k->n; i++) {
		if (index_set_has(&shared, k->keys[i] >> shift))
			k->keys[kept++] = k->keys[i];
	}
	k->n = kept;
	index_set_free(&shared);
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

void index_keys_end(struct index_keys *k, struct index_set *ret_all)
{
	struct index_set other = INDEX_SET_INIT;
	narrow(k, ret_all, 0);
	for (unsigned round = 1; round < ROUNDS; round++)
		narrow(k, &other, round * ROUND_BITS);
	index_set_free(&other);
	if (k->n != 0)
		qsort(k->keys, k->n, sizeof *k->keys, compare);
}

bool index_keys_double(const struct index_keys *k, size_t *pos, uint64_t *ret)
{
	for (size_t i = *pos; i + 1 < k->n; i++) {
		if (k->keys[i] != k->keys[i + 1])
			continue;
		*ret = k->keys[i];
		for (*pos = i + 1; *pos < k->n && k->keys[*pos] == *ret;)
			(*pos)++;
		return true;
	}
	return false;
}

void index_keys_free(struct index_keys *k)
{
	free(k->keys);
	*k = (struct index_keys)INDEX_KEYS_INIT;
}
