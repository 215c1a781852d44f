#include "schsm.h"

enum { TAG_OFFSET = 0x54, TAG_DATA = 0x53 };

static const uint8_t aid[] = {0xE8, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x81, 0xC3, 0x1F, 0x02, 0x01};

static bool is_key(uint16_t fid)
{
	return fid >> 8 == SCHSM_KEY;
}

/* Selecting the applet is also how the driver logs out. */
static uint16_t select_applet(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	static const uint8_t fcp[] = {0x6F, 0x07, 0x82, 0x01, 0x78, 0x85, 0x02, 0x03, 0x03};

	if (!bytes_equal(a->data, (struct bytes){aid, sizeof(aid)}))
		return SW_NO_FILE;
	card->user.verified = card->so.verified = false;
	card->current = 0;
	buf_put(answer, fcp, sizeof(fcp));
	return SW_OK;
}

uint16_t schsm_cmd_select(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	const struct schsm_file *file;
	uint16_t fid;
	size_t begun;

	if (a->p1 == 0x04)
		return select_applet(card, a, answer);
	if (a->p1 != 0x00 && a->p1 != 0x08)
		return SW_P1P2;
	if (a->data.n != 2)
		return SW_NO_FILE;
	fid = (uint16_t)bytes_number(a->data);
	file = schsm_find_file(card, fid);
	if (!file && !(is_key(fid) && schsm_find_key(card, (uint8_t)fid)))
		return SW_NO_FILE;
	card->current = fid;
	begun = tlv_begin(answer, 0x6F);
	tlv_put_u16(answer, 0x80, (uint16_t)(file ? file->data.n : 0));
	tlv_put_byte(answer, 0x82, 0x01);
	tlv_put_u16(answer, 0x83, fid);
	tlv_end(answer, begun);
	return SW_OK;
}

/* The file that a command is for: the one in P1 and P2, else the selected one; 0 if there is none. */
static uint16_t addressed(const struct schsm *card, const struct apdu *a)
{
	uint16_t fid = (uint16_t)(a->p1 << 8 | a->p2);

	return fid ? fid : card->current;
}

uint16_t schsm_cmd_read(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	uint16_t fid = addressed(card, a);
	const struct schsm_file *file = schsm_find_file(card, fid);
	struct bytes offset, part;

	if (fid == 0)
		return SW_NO_CURRENT_FILE;
	if (is_key(fid) || (fid >> 8 == SCHSM_PRIVATE_DATA && !card->user.verified))
		return SW_SECURITY;
	if (!file)
		return SW_NO_FILE;
	if (!tlv_find(a->data, TAG_OFFSET, &offset) || offset.n > 2)
		return SW_DATA;
	part = bytes_part(buf_bytes(&file->data), bytes_number(offset), a->ne);
	buf_put_bytes(answer, part);
	return part.n < a->ne ? SW_END_OF_FILE : SW_OK;
}

uint16_t schsm_cmd_write(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	uint16_t fid = addressed(card, a), sw;
	struct bytes offset, data;

	(void)answer;
	if (!card->user.verified || is_key(fid) || fid == SCHSM_DEVICE_CERTIFICATE)
		return SW_SECURITY;
	if (fid == 0)
		return SW_NO_CURRENT_FILE;
	if (!tlv_find(a->data, TAG_OFFSET, &offset) || offset.n > 2 || !tlv_find(a->data, TAG_DATA, &data))
		return SW_DATA;
	sw = schsm_write_file(card, fid, bytes_number(offset), data);
	if (sw == SW_OK)
		card->current = fid;
	return sw;
}

uint16_t schsm_cmd_delete(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	uint16_t fid = (uint16_t)bytes_number(a->data);

	(void)answer;
	if (a->p1 != 0x02 || a->p2 != 0x00)
		return SW_P1P2;
	if (a->data.n != 2)
		return SW_LENGTH;
	if (!card->user.verified || fid == SCHSM_DEVICE_CERTIFICATE)
		return SW_SECURITY;
	return is_key(fid) ? schsm_delete_key(card, (uint8_t)fid) : schsm_delete_file(card, fid);
}

uint16_t schsm_cmd_list(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	(void)a;
	for (size_t i = 0; i < card->n_keys; i++)
		buf_put_u16(answer, (uint16_t)(SCHSM_KEY << 8 | card->keys[i].id));
	for (size_t i = 0; i < card->n_files; i++)
		if (card->files[i].fid >= 0xC000)
			buf_put_u16(answer, card->files[i].fid);
	return SW_OK;
}
