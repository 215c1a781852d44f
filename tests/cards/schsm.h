/*
 * schsm: a SmartCard-HSM (CardContact), also sold as Nitrokey HSM, as OpenSC's driver sc-hsm knows it. Files with an
 * identifier of two bytes, keys by a number of one byte, a user PIN that is needed for everything that changes or
 * signs, an SO PIN of 8 bytes that unblocks it and is needed to initialize it again. The card does not look into its
 * files: where certificates and the descriptions of keys go is the driver's convention.
 *
 *     schsm.c         the table, the dispatch, small commands      schsm_pin.c    PINs, initialization
 *     schsm_store.c   files and keys in memory, save and load      schsm_key.c    making keys, signing
 *     schsm_file.c    the commands for files                       schsm_make.c   cards from the factory
 *     schsm_export.c  all there is, for tests                     schsm_foreign.c  with somebody's keys on them
 */
#ifndef CARDS_SCHSM_H
#define CARDS_SCHSM_H

#include "card.h"
#include "crypt.h"
#include "pin.h"

#define SCHSM_SERIAL_MAX 11 /* holder references have 16 characters, and 5 are a number */
#define SCHSM_FILES_MAX 256
#define SCHSM_KEYS_MAX 64

/* High bytes of file identifiers, and two whole ones. */
enum {
	SCHSM_KEY = 0xCC,
	SCHSM_KEY_DESCRIPTION = 0xC4,
	SCHSM_CERTIFICATE = 0xCE,
	SCHSM_PRIVATE_DATA = 0xCD,
	SCHSM_DEVICE_CERTIFICATE = 0x2F02,
	SCHSM_TOKEN_INFO = 0x2F03
};

/* Options of an initialization: bits of their second byte. */
enum { SCHSM_UNBLOCK_ALLOWED = 0x01 };

struct schsm_file {
	uint16_t fid;
	struct buf data;
};

struct schsm_key {
	uint8_t id;
	EVP_PKEY *pair;
	struct buf saved; /* PKCS#8 */
};

struct schsm {
	char serial[SCHSM_SERIAL_MAX + 1];
	EVP_PKEY *device; /* its own key, from the factory */
	struct pin user, so;
	uint8_t options;
	size_t memory; /* bytes for files and keys */
	struct schsm_file files[SCHSM_FILES_MAX];
	size_t n_files;
	struct schsm_key keys[SCHSM_KEYS_MAX];
	size_t n_keys;
	uint16_t current; /* selected file; 0: none */
};

extern const struct card_type schsm_type;

/* ---- schsm_store.c; those that fail return a status word */

struct schsm_file *schsm_find_file(struct schsm *card, uint16_t fid);
struct schsm_key *schsm_find_key(struct schsm *card, uint8_t id);

/* Writes data at an offset; a file that is not there is made, and one written from its beginning loses its end. */
uint16_t schsm_write_file(struct schsm *card, uint16_t fid, size_t offset, struct bytes data);

/* Takes over a key pair, also when it fails. */
uint16_t schsm_add_key(struct schsm *card, uint8_t id, EVP_PKEY *pair);

uint16_t schsm_delete_file(struct schsm *card, uint16_t fid);
uint16_t schsm_delete_key(struct schsm *card, uint8_t id);

/* All keys, and all files but the device's certificate. */
void schsm_wipe(struct schsm *card);

void schsm_save(const void *card, struct buf *out);
int schsm_load(void **ret_card, struct bytes saved);
void schsm_free(void **card);

/* ---- commands: one function each */

typedef uint16_t schsm_command(struct schsm *card, const struct apdu *a, struct buf *answer);

schsm_command schsm_cmd_select, schsm_cmd_read, schsm_cmd_write, schsm_cmd_delete, schsm_cmd_list;
schsm_command schsm_cmd_verify, schsm_cmd_change, schsm_cmd_unblock, schsm_cmd_initialize;
schsm_command schsm_cmd_generate, schsm_cmd_sign;

/* ---- schsm_make.c */

int schsm_create(void **ret_card, char *const options[], size_t n, char *complaint);
extern const char schsm_options[];

/* ---- schsm_foreign.c: keys of somebody else, of a list of types ("rsa:2048,ec:P-256"), as a qualified signature
 * service would leave them: with a certificate, for signatures that bind */
int schsm_add_foreign(struct schsm *card, const char *types);

/* schsm_export.c: see struct card_type. */
int schsm_export(const void *card, const char *name, struct buf *out);

/* The device's holder reference: serial and number. */
#define SCHSM_CHR_SIZE (SCHSM_SERIAL_MAX + 6)
void schsm_holder(const struct schsm *card, char ret[SCHSM_CHR_SIZE]);

#endif
