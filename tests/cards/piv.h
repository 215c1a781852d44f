/*
 * piv: the PIV application (NIST SP 800-73-4) of a YubiKey 4 or 5 with Yubico's commands, as ykcs11 uses it to enroll
 * and OpenSC's driver piv to sign. A fixed place (slot) for each key, certificates as data objects beside them, a PIN
 * for signatures, a PUK that unblocks it, a management key for everything that writes, and an attestation key that says
 * of others that they were made here. What a YubiKey refuses is refused, with its status words where they are known.
 *
 *     piv.c         the table, the dispatch, small commands      piv_key.c     making, importing and describing keys
 *     piv_pin.c     PIN and PUK, reset                           piv_sign.c    signing, key agreement
 *     piv_admin.c   the management key                           piv_attest.c  attestation, with a root of its own
 *     piv_object.c  data objects                                 piv_make.c    cards from the factory
 *     piv_store.c   keys and objects in memory                   piv_foreign.c with somebody's keys on them
 *     piv_state.c   save and load                                piv_export.c  what a test may look at
 */
#ifndef CARDS_PIV_H
#define CARDS_PIV_H

#include "card.h"
#include "crypt.h"
#include "pin.h"

#include <time.h>

#define PIV_KEYS_MAX 25
#define PIV_OBJECTS_MAX 64
#define PIV_PIN_SIZE 8       /* shorter ones are filled up with FF */
#define PIV_ADMIN_KEY_MAX 32 /* an AES-256 key */
#define PIV_CHALLENGE_MAX 16 /* a block of AES */
#define PIV_TOUCH_CACHED_SECONDS 15

/* Where keys are. 82 to 95 are the retired ones. */
enum {
	PIV_AUTHENTICATION = 0x9A,
	PIV_MANAGEMENT = 0x9B,
	PIV_SIGNATURE = 0x9C,
	PIV_KEY_MANAGEMENT = 0x9D,
	PIV_CARD_AUTHENTICATION = 0x9E,
	PIV_RETIRED_FIRST = 0x82,
	PIV_RETIRED_LAST = 0x95,
	PIV_ATTESTATION = 0xF9
};

/* Data objects by their tags. */
enum { PIV_OBJECT_ATTESTATION = 0x5FFF01, PIV_OBJECT_CHUID = 0x5FC102, PIV_OBJECT_CAPABILITIES = 0x5FC107 };

enum { PIV_PIN_NEVER = 1, PIV_PIN_ONCE = 2, PIV_PIN_ALWAYS = 3 };
enum { PIV_TOUCH_NEVER = 1, PIV_TOUCH_ALWAYS = 2, PIV_TOUCH_CACHED = 3 };
enum { PIV_GENERATED = 1, PIV_IMPORTED = 2 };

/* The application that commands go to. */
enum piv_applet { PIV_APPLET_NONE, PIV_APPLET_PIV, PIV_APPLET_OTP, PIV_APPLET_MANAGER };

struct piv_key {
	uint8_t slot, algorithm;
	uint8_t pin_policy, touch_policy, origin;
	EVP_PKEY *pair;
	struct buf saved; /* PKCS#8 */
};

struct piv_object {
	uint32_t tag;
	struct buf data; /* without the wrapping 53 */
};

/* The management key, and the half of an authentication that has been done. */
struct piv_admin {
	uint8_t algorithm, key[PIV_ADMIN_KEY_MAX];
	bool touch;
	unsigned wrong; /* answers to challenges, since the card was made */
	bool authenticated;
	uint8_t challenge[PIV_CHALLENGE_MAX];
	uint8_t awaits; /* tag of the answer that is due, 0: none */
};

struct piv {
	uint32_t serial;
	uint8_t version[3];
	bool extended; /* takes APDUs with long length fields */
	bool attests;
	uint8_t touch_policy; /* of a key that is made without one */
	uint32_t types;       /* those that it makes and imports, bits by their place in piv_kinds */
	size_t memory;        /* bytes for data objects */
	struct pin pin, puk;
	unsigned pin_void, puk_void; /* how many of the wrong ones were FF throughout, which is none: to block it */
	struct piv_admin admin;
	struct piv_key keys[PIV_KEYS_MAX];
	size_t n_keys;
	struct piv_object objects[PIV_OBJECTS_MAX];
	size_t n_objects;

	/* until the next reset */
	enum piv_applet applet;
	bool just_verified; /* by the last command: for keys that want the PIN each time */
	bool touched;       /* for this command */
	bool was_touched;
	time_t touched_at;
};

extern const struct card_type piv_type;

/* Kinds of keys by their numbers in APDUs; ended by a number 0. */
struct piv_kind {
	uint8_t number;
	const char *type; /* as crypt_generate wants it */
	uint8_t since;    /* minor version of YubiKey 5, 0: all have it */
};
extern const struct piv_kind piv_kinds[];

/* Whether the firmware is that version or a later one. */
bool piv_since(const struct piv *card, unsigned major, unsigned minor, unsigned patch);

/* ---- piv_store.c, piv_state.c; those that fail return a status word */

struct piv_key *piv_find_key(struct piv *card, uint8_t slot);
struct piv_object *piv_find_object(struct piv *card, uint32_t tag);

/* Takes over the pair, also when it fails; what was in that slot is gone. */
uint16_t piv_put_key(struct piv *card, struct piv_key key);

/* Empty data deletes it. */
uint16_t piv_put_object(struct piv *card, uint32_t tag, struct bytes data);

/* All keys and objects but those for attestation. */
void piv_wipe(struct piv *card);

bool piv_is_slot(uint8_t slot);

/* The tag of a slot's certificate. */
uint32_t piv_certificate_tag(uint8_t slot);

/* Puts a certificate into a slot's data object, as PIV wraps it. */
uint16_t piv_put_certificate(struct piv *card, uint8_t slot, struct bytes der);

void piv_save(const void *card, struct buf *out);
int piv_load(void **ret_card, struct bytes saved);
void piv_free(void **card);

/* ---- commands: one function each */

typedef uint16_t piv_command(struct piv *card, const struct apdu *a, struct buf *answer);

piv_command piv_cmd_verify, piv_cmd_change, piv_cmd_unblock, piv_cmd_set_tries, piv_cmd_reset;
piv_command piv_cmd_authenticate, piv_cmd_set_admin_key;
piv_command piv_cmd_get_data, piv_cmd_put_data;
piv_command piv_cmd_generate, piv_cmd_import, piv_cmd_metadata;
piv_command piv_cmd_sign, piv_cmd_attest;

/* ---- piv_pin.c */

/* PIN and PUK as from the factory, with that many tries. */
void piv_default_pins(struct piv *card, unsigned pin_tries, unsigned puk_tries);
bool piv_is_default_pin(const struct pin *pin, bool puk);

/* ---- piv_admin.c */

/* The factory's management key: 3DES, from 5.7 on AES-192, of the same bytes. */
void piv_default_admin(struct piv *card);
bool piv_is_default_admin(const struct piv *card);

/* How many bytes of the key count. */
size_t piv_admin_size(const struct piv_admin *admin);

/* The key and the number of its algorithm. Returns -1 if its keys have another length, or the firmware does not have
 * it. */
int piv_set_admin(struct piv *card, uint8_t number, struct bytes key);

/* ---- piv_key.c */

/* A key that has no pair yet, with the policies that keys in this slot have without being told. */
struct piv_key piv_new_key(const struct piv *card, uint8_t slot, uint8_t algorithm);

/* The number of a key type, 0 if there is none. */
uint8_t piv_kind_number(const char *type);

/* ---- piv_sign.c */

/* Whether a key may be used now as far as the PIN goes, and whether it wants to be touched before. */
bool piv_pin_suffices(const struct piv *card, const struct piv_key *key);
bool piv_wants_touch(const void *card, const struct apdu *command);
void piv_touched(void *card);

/* ---- piv_attest.c */

/* The attestation key and its certificate, issued by the root that all cards of this type have. */
int piv_make_attestation(struct piv *card, const char *type);

/* The root's certificate as PEM. */
int piv_attestation_root(struct buf *out);

/* ---- piv_export.c: "attestation-root", "secrets" (see known.h), and "contents": a line for each key and data object,
 * with a hash of it, so that two exports differ in what has been changed between them, whether a module can see it or
 * not */

int piv_export(const void *card, const char *name, struct buf *out);

/* ---- piv_make.c, piv_foreign.c */

/* "9c:rsa:2048,82:ec:P-256": keys as a qualified signature service would leave them, each with a certificate. Hidden
 * ones were imported and have none. */
int piv_add_foreign(struct piv *card, const char *list, bool hidden);

int piv_create(void **ret_card, char *const options[], size_t n, char *complaint);
extern const char piv_options[];

#endif
