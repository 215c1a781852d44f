#include "piv.h"

/* Tag list, object, and the length fields of both fit into this; so an object has at most 3063 bytes. */
#define BUFFER_SIZE 3072

enum { TAG_LIST = 0x5C, TAG_DATA = 0x53, TAG_DISCOVERY = 0x7E };
enum { OBJECT_FINGERPRINTS = 0x5FC103, OBJECT_FACE = 0x5FC108, OBJECT_PRINTED = 0x5FC109, OBJECT_IRIS = 0x5FC121 };

/* The tag that a command is about; 0: it names none of three bytes at most. */
static uint32_t wanted(const struct apdu *a)
{
	struct bytes tag;

	if (a->p1 != 0x3F || a->p2 != 0xFF || !tlv_find(a->data, TAG_LIST, &tag) || tag.n == 0 || tag.n > 3)
		return 0;
	return bytes_number(tag);
}

static bool wants_pin(uint32_t tag)
{
	return tag == OBJECT_FINGERPRINTS || tag == OBJECT_FACE || tag == OBJECT_PRINTED || tag == OBJECT_IRIS;
}

/* The application's AID, and that its PIN is 80. */
static void put_discovery(struct buf *answer)
{
	static const uint8_t content[] = {0x4F, 0x0B, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00,
					  0x10, 0x00, 0x01, 0x00, 0x5F, 0x2F, 0x02, 0x40, 0x00};

	tlv_put(answer, TAG_DISCOVERY, (struct bytes){content, sizeof(content)});
}

uint16_t piv_cmd_get_data(struct piv *card, const struct apdu *a, struct buf *answer)
{
	uint32_t tag = wanted(a);
	const struct piv_object *object = piv_find_object(card, tag);

	if (tag == 0)
		return SW_DATA;
	if (tag == TAG_DISCOVERY) {
		put_discovery(answer);
		return SW_OK;
	}
	if (!object)
		return SW_NO_FILE;
	if (wants_pin(tag) && !card->pin.verified)
		return SW_SECURITY;
	tlv_put(answer, TAG_DATA, buf_bytes(&object->data));
	return SW_OK;
}

uint16_t piv_cmd_put_data(struct piv *card, const struct apdu *a, struct buf *answer)
{
	uint32_t tag = wanted(a);
	struct bytes data;

	(void)answer;
	if (!card->admin.authenticated)
		return SW_SECURITY;
	if (a->data.n > BUFFER_SIZE)
		return SW_LENGTH;
	if (tag == 0 || tag == TAG_DISCOVERY || !tlv_find(a->data, TAG_DATA, &data))
		return SW_DATA;
	return piv_put_object(card, tag, data);
}
