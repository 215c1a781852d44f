#include "store/roll_rows.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES ((size_t)256 << 10)

/* Texts end to end: a block of memory for each would be most of what a row costs. */
struct roll_text {
	struct roll_text *next;
	size_t n, room;
	char text[];
};

static const char *keep(struct roll_rows *r, const char *text)
{
	size_t len = strlen(text) + 1;

	if (len == 1)
		return "";
	if (!r->texts || len > r->texts->room - r->texts->n) {
		size_t room = len > TEXT_BYTES ? len : TEXT_BYTES;
		struct roll_text *more = xrealloc(NULL, 1, sizeof(*more) + room);

		*more = (struct roll_text){.next = r->texts, .room = room};
		r->texts = more;
	}
	char *to = r->texts->text + r->texts->n;
	memcpy(to, text, len);
	r->texts->n += len;
	return to;
}

void roll_rows_add(struct roll_rows *r, const struct roll_row *row)
{
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 256;
		r->v = xrealloc(r->v, r->room, sizeof(r->v[0]));
	}
	struct roll_row *to = &r->v[r->n++];
	*to = *row;
	to->user = keep(r, row->user);
	to->state = keep(r, row->state);
	to->purpose = keep(r, row->purpose);
	to->cert_serial = keep(r, row->cert_serial);
	to->token_serial = keep(r, row->token_serial);
	to->model = keep(r, row->model);
}

static const char *read_head(uint64_t *ret, const char *name)
{
	*ret = 0;
	for (int shift = 56; shift >= 0 && *name != '\0'; shift -= 8)
		*ret |= (uint64_t)(unsigned char)*name++ << shift;
	return name;
}

static int compare(const void *va, const void *vb)
{
	const struct roll_key *a = va, *b = vb;

	for (int i = 0; i < 2; i++)
		if (a->head[i] != b->head[i])
			return a->head[i] < b->head[i] ? -1 : 1;
	int by_name = strcmp(a->row->user, b->row->user);
	return by_name ? by_name : a->row < b->row ? -1 : 1;
}

void roll_rows_sort(struct roll_rows *r)
{
	r->sorted = xcalloc(r->n + 1, sizeof(r->sorted[0]));
	for (size_t i = 0; i < r->n; i++) {
		struct roll_key *key = &r->sorted[i];

		key->row = &r->v[i];
		read_head(&key->head[1], read_head(&key->head[0], key->row->user));
	}
	qsort(r->sorted, r->n, sizeof(r->sorted[0]), compare);
}

void roll_rows_free(struct roll_rows *r)
{
	while (r->texts) {
		struct roll_text *next = r->texts->next;

		free(r->texts);
		r->texts = next;
	}
	free(r->v);
	free(r->sorted);
	*r = (struct roll_rows){.v = NULL};
}
