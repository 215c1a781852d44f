/*
 * index_keys: which of a million texts is there twice, in the time that it
 * takes to read them: each becomes a number of 64 bits, and these are sorted
 * by so many of their bits that hardly any two are alike in them.
 */
#include "ca/index_impl.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 2
#define ROUND_BITS 11
#define BUCKETS (1u << ROUND_BITS)
#define SORTED_MASK ((1u << (ROUNDS * ROUND_BITS)) - 1)

/* Every bit of the text gets into the lower ones, by which is sorted. */
static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9E3779B97F4A7C15u;
	return h ^ (h >> 32);
}

uint64_t index_key_of(const char *p, size_t len)
{
	uint64_t h = len, word;
	for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
		memcpy(&word, p, sizeof word);
		h = mix(h, word);
	}
	word = 0;
	memcpy(&word, p, len);
	return mix(h, word);
}

void index_keys_add(struct index_keys *k, uint64_t key)
{
	if (k->n == k->room) {
		k->room = k->room == 0 ? 4096 : k->room * 2;
		k->keys = xrealloc(k->keys, k->room, sizeof *k->keys);
	}
	k->keys[k->n++] = key;
}

static void sort_round(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
	size_t at[BUCKETS] = {0}, sum = 0;
	for (size_t i = 0; i < n; i++)
		at[(from[i] >> shift) & (BUCKETS - 1)]++;
	for (size_t i = 0; i < BUCKETS; i++) {
		size_t count = at[i];
		at[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[(from[i] >> shift) & (BUCKETS - 1)]++] = from[i];
}

static void sort(struct index_keys *k)
{
	uint64_t *other = xcalloc(k->n + 1, sizeof *other);
	for (unsigned round = 0; round < ROUNDS; round++) {
		sort_round(k->keys, other, k->n, round * ROUND_BITS);
		uint64_t *sorted = other;
		other = k->keys;
		k->keys = sorted;
	}
	k->room = k->n; /* not more, whichever of the two it is now */
	free(other);
}

bool index_keys_double(struct index_keys *k, size_t *pos, uint64_t *ret)
{
	if (*pos == 0)
		sort(k);
	for (size_t i = *pos; i + 1 < k->n; i++) {
		for (size_t j = i + 1; j < k->n && ((k->keys[i] ^ k->keys[j]) & SORTED_MASK) == 0; j++) {
			if (k->keys[i] != k->keys[j])
				continue;
			*ret = k->keys[i];
			*pos = i + 1;
			return true;
		}
	}
	return false;
}

void index_keys_free(struct index_keys *k)
{
	free(k->keys);
	*k = (struct index_keys)INDEX_KEYS_INIT;
}
