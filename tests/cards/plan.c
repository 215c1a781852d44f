#include "plan.h"

#define NOISE 16

int plan_add(struct plan *p, struct deed deed)
{
	if (p->n == PLAN_MAX)
		return -1;
	p->deeds[p->n++] = deed;
	return 0;
}

struct deed plan_next(struct plan *p)
{
	struct deed due = {.kind = DEED_NONE};
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (--p->deeds[i].in == 0)
			due = p->deeds[i];
		else
			p->deeds[kept++] = p->deeds[i];
	}
	p->n = kept;
	return due;
}

/* The same noise each time, so that what it does can be done again; it is no BER. */
static void put_noise(struct buf *answer, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_put_byte(answer, (uint8_t)(0xFF - 73 * i));
	buf_put_u16(answer, 0x9000);
}

void plan_spoil(struct deed deed, struct buf *answer)
{
	size_t n = answer->n > 2 ? answer->n - 2 : 0;
	uint16_t sw = (uint16_t)bytes_number(bytes_part(buf_bytes(answer), n, 2));

	switch (deed.kind) {
	case DEED_STATUS:
		buf_clear(answer);
		buf_put_u16(answer, deed.sw);
		break;
	case DEED_GARBAGE:
		buf_clear(answer);
		put_noise(answer, n ? n : NOISE);
		break;
	case DEED_TRUNCATED:
		buf_resize(answer, n ? n / 2 : 1);
		if (n)
			buf_put_u16(answer, sw);
		break;
	case DEED_NONE:
	case DEED_PULL:
		break;
	}
}
