/* The sections and keys of a profile's file; README in profiles/ says what each means. */
#include "pkcs11/profile_read.h"

static const struct profile_word who[] = {
    {"user", PROFILE_USER}, {"so", PROFILE_SO}, {"no", PROFILE_NOBODY}, {NULL, 0}};
/* of a login before C_SetPIN nobody is an answer, not a lack */
static const struct profile_word login[] = {
    {"user", PROFILE_USER}, {"so", PROFILE_SO}, {"none", PROFILE_NOBODY}, {NULL, 0}};
static const struct profile_word say[] = {
    {"token", PROFILE_ASK_TOKEN}, {"yes", PROFILE_YES}, {"no", PROFILE_NO}, {NULL, 0}};
static const struct profile_word sign[] = {
    {"user", PROFILE_SIGN_USER}, {"so-after-pin", PROFILE_SIGN_AFTER_PIN}, {NULL, 0}};
static const struct profile_word id[] = {
    {"free", PROFILE_ID_FREE}, {"fixed", PROFILE_ID_FIXED}, {"replaced", PROFILE_ID_REPLACED}, {NULL, 0}};
static const struct profile_word touch[] = {
    {"never", PROFILE_TOUCH_NEVER}, {"maybe", PROFILE_TOUCH_MAYBE}, {"always", PROFILE_TOUCH_ALWAYS}, {NULL, 0}};
static const struct profile_word attestation[] = {
    {"none", PROFILE_ATTEST_NONE}, {"yubico", PROFILE_ATTEST_YUBICO}, {NULL, 0}};
static const struct profile_word alphabet[] = {
    {"digits", PROFILE_DIGITS}, {"hex", PROFILE_HEX},    {"alphanumeric", PROFILE_ALPHANUMERIC},
    {"ascii", PROFILE_ASCII},   {"utf-8", PROFILE_UTF8}, {NULL, 0}};
static const struct profile_word call[] = {{"C_SetPIN", PROFILE_HOW_SET_PIN}, {"C_InitPIN", PROFILE_HOW_INIT_PIN},
					   {"apdu", PROFILE_HOW_APDU},        {"tool", PROFILE_HOW_TOOL},
					   {"no", PROFILE_HOW_NOT},           {NULL, 0}};
static const struct profile_word init[] = {
    {"C_InitToken", PROFILE_HOW_INIT_TOKEN}, {"tool", PROFILE_HOW_TOOL}, {"no", PROFILE_HOW_NOT}, {NULL, 0}};
static const struct profile_word shared[] = {{"unique", 0}, {"shared", 1}, {NULL, 0}};
static const struct profile_word certificate_id[] = {{"own", 0}, {"of-key", 1}, {NULL, 0}};
static const struct profile_word ignored[] = {{"kept", 0}, {"ignored", 1}, {NULL, 0}};
static const struct profile_word so_pin[] = {{"new", 0}, {"current", 1}, {NULL, 0}};
static const struct profile_word leaves[] = {{"no-pin", 0}, {"factory", 1}, {NULL, 0}};
static const struct profile_word report[] = {{"fills", 0}, {"narrows", 1}, {NULL, 0}};

#define FIELD(name, kind, type, member, words, max)                                   \
	{                                                                             \
		name, &profile_kind_##kind, offsetof(struct type, member), words, max \
	}

static const struct profile_field token_fields[] = {
    FIELD("name", text, profile, name, NULL, 0),
    FIELD("tested", text, profile, tested, NULL, 0),
    FIELD("note", list, profile, notes, NULL, 0),
    FIELD("serial", bool, profile, serial_shared, shared, 0),
    FIELD("serial-apdu", apdu, profile, serial_apdu, NULL, 0),
    FIELD("serial-none", text, profile, serial_none, NULL, 0),
};

static const struct profile_field match_fields[] = {
    FIELD("manufacturer", list, profile_match, fact[PROFILE_MANUFACTURER], NULL, 0),
    FIELD("model", list, profile_match, fact[PROFILE_MODEL], NULL, 0),
    FIELD("label", list, profile_match, fact[PROFILE_LABEL], NULL, 0),
    FIELD("serial", list, profile_match, fact[PROFILE_SERIAL], NULL, 0),
    FIELD("reader", list, profile_match, fact[PROFILE_READER], NULL, 0),
    FIELD("atr", atr, profile_match, fact[PROFILE_ATR], NULL, 0),
    FIELD("module", list, profile_match, fact[PROFILE_MODULE], NULL, 0),
};

static const struct profile_field card_fields[] = {
    FIELD("reader", list, profile_match, fact[PROFILE_READER], NULL, 0),
    FIELD("atr", atr, profile_match, fact[PROFILE_ATR], NULL, 0),
};

static const struct profile_field hide_fields[] = {
    FIELD("label", list, profile, hide_label, NULL, 0),
    FIELD("model", list, profile, hide_model, NULL, 0),
};

static const struct profile_field module_fields[] = {
    FIELD("enroll", list, profile_module, enroll, NULL, 0),
    FIELD("required", bool, profile_module, required, NULL, 0),
    FIELD("readers", list, profile_module, readers, NULL, 0),
    FIELD("client-linux", text, profile_module, client[PLATFORM_LINUX], NULL, 0),
    FIELD("client-windows", text, profile_module, client[PLATFORM_WINDOWS], NULL, 0),
    FIELD("client-macos", text, profile_module, client[PLATFORM_MACOS], NULL, 0),
    FIELD("opensc-driver", text, profile_module, opensc_driver, NULL, 0),
    FIELD("opensc-pkcs11", setting, profile_module, opensc_pkcs11, NULL, 0),
    FIELD("opensc-pkcs15", setting, profile_module, opensc_pkcs15, NULL, 0),
};

static const struct profile_field key_fields[] = {
    FIELD("types", types, profile_key, types, NULL, 0),
    FIELD("generate", word, profile_key, generate, who, 0),
    FIELD("certificate", word, profile_key, certificate, who, 0),
    FIELD("delete", word, profile_key, delete, who, 0),
    FIELD("sign", word, profile_key, sign, sign, 0),
    FIELD("id", word, profile_key, id, id, 0),
    {"place", &profile_kind_place, 0, NULL, 0},
    FIELD("id-max", size, profile_key, id_max, NULL, 255),
    FIELD("label", bool, profile_key, label_ignored, ignored, 0),
    FIELD("certificate-id", bool, profile_key, certificate_follows, certificate_id, 0),
    FIELD("omit-public", omit_public, profile_key, omit_public, NULL, 0),
    FIELD("omit-private", omit_private, profile_key, omit_private, NULL, 0),
    FIELD("add-public", add, profile_key, add_public, NULL, 0),
    FIELD("add-private", add, profile_key, add_private, NULL, 0),
    FIELD("deselect", apdu, profile_key, deselect, NULL, 0),
    FIELD("always-authenticate", word, profile_key, always_authenticate, say, 0),
    FIELD("touch", word, profile_key, touch, touch, 0),
    FIELD("attestation", word, profile_key, attestation, attestation, 0),
    FIELD("attestation-issuer", hex, profile_key, attestation_issuer, NULL, 0),
    FIELD("certificate-max", size, profile_key, certificate_max, NULL, 1000000),
};

static const struct profile_field orphan_fields[] = {
    FIELD("list", apdu, profile_orphan, list, NULL, 0),     FIELD("key", hex, profile_orphan, key, NULL, 0),
    FIELD("files", hex, profile_orphan, files, NULL, 0),    FIELD("read", apdu, profile_orphan, read, NULL, 0),
    FIELD("delete", apdu, profile_orphan, delete, NULL, 0),
};

static const struct profile_field object_fields[] = {
    {"ignore", &profile_kind_ignore, 0, NULL, 0},
};

static const struct profile_field pin_fields[] = {
    FIELD("exists", bool, profile_pin, exists, NULL, 0),
    FIELD("name", text, profile_pin, name, NULL, 0),
    FIELD("pad", bool, profile_pin, pad, NULL, 0),
    FIELD("min", size, profile_pin, min, NULL, 255),
    FIELD("max", size, profile_pin, max, NULL, 255),
    FIELD("multiple", size, profile_pin, multiple, NULL, 255),
    FIELD("alphabet", word, profile_pin, alphabet, alphabet, 0),
    FIELD("random", size, profile_pin, random, NULL, 255),
    FIELD("random-alphabet", word, profile_pin, random_alphabet, alphabet, 0),
    FIELD("tries", number, profile_pin, tries, NULL, 255),
    FIELD("factory", list, profile_pin, factory, NULL, 0),
    FIELD("report", bool, profile_pin, report_narrows, report, 0),
    FIELD("tries-apdu", apdu, profile_pin, tries_apdu, NULL, 0),
    FIELD("tries-answer", text, profile_pin, tries_answer, NULL, 0),
    FIELD("factory-apdu", apdu, profile_pin, factory_apdu, NULL, 0),
    FIELD("factory-answer", text, profile_pin, factory_answer, NULL, 0),
    FIELD("own-answer", text, profile_pin, own_answer, NULL, 0),
};

static const struct profile_field call_fields[] = {
    FIELD("call", word, profile_call, how, call, 0),    FIELD("login", word, profile_call, login, login, 0),
    FIELD("old", argument, profile_call, old, NULL, 0), FIELD("new", argument, profile_call, new, NULL, 0),
    FIELD("apdu", apdu, profile_call, apdu, NULL, 0),   FIELD("tool", text, profile_call, tool, NULL, 0),
};

static const struct profile_field init_fields[] = {
    FIELD("call", word, profile_init, how, init, 0),
    FIELD("so-pin", bool, profile_init, so_pin_current, so_pin, 0),
    FIELD("leaves", bool, profile_init, leaves_factory, leaves, 0),
    FIELD("once", bool, profile_init, once, NULL, 0),
    FIELD("sets-pin", bool, profile_init, sets_pin, NULL, 0),
    FIELD("label-suffix", text, profile_init, label_suffix, NULL, 0),
    FIELD("tool", text, profile_init, tool, NULL, 0),
};

static const struct profile_field guide_fields[] = {
    FIELD("token", joined, profile_guide, token, NULL, 0),
    FIELD("insert", joined, profile_guide, insert, NULL, 0),
    FIELD("pin", joined, profile_guide, pin, NULL, 0),
    FIELD("install", joined, profile_guide, install, NULL, 0),
};

#define COUNT(fields) (sizeof(fields) / sizeof *(fields))
#define WHOLE(name, fields)                             \
	{                                               \
		name, 0, 0, 0, 0, fields, COUNT(fields) \
	}
#define PART(name, member, fields)                                                     \
	{                                                                              \
		name, offsetof(struct profile, member), 0, 0, 0, fields, COUNT(fields) \
	}
#define PARTS(name, member, fields)                                                   \
	{                                                                             \
		name, offsetof(struct profile, member), sizeof(struct profile_match), \
		    offsetof(struct profile, n_##member), 0, fields, COUNT(fields)    \
	}
#define MARKED(name, member, mark, fields)                                                                          \
	{                                                                                                           \
		name, offsetof(struct profile, member), 0, 0, offsetof(struct profile, mark), fields, COUNT(fields) \
	}

const struct profile_section profile_sections[] = {
    WHOLE("token", token_fields),
    PARTS("match", match, match_fields),
    PARTS("card", card, card_fields),
    WHOLE("hide", hide_fields),
    PART("module", module, module_fields),
    PART("key", key, key_fields),
    PART("orphan", orphan, orphan_fields),
    WHOLE("objects", object_fields),
    PART("pin", pin[PROFILE_PIN], pin_fields),
    PART("so-pin", pin[PROFILE_SO_PIN], pin_fields),
    MARKED("puk", pin[PROFILE_PUK], pin[PROFILE_PUK].exists, pin_fields),
    PART("change-pin", call[PROFILE_CHANGE_PIN], call_fields),
    PART("change-so-pin", call[PROFILE_CHANGE_SO_PIN], call_fields),
    PART("change-puk", call[PROFILE_CHANGE_PUK], call_fields),
    PART("unblock", call[PROFILE_UNBLOCK], call_fields),
    PART("init", init, init_fields),
    PART("guide en", guide[PROFILE_EN], guide_fields),
    PART("guide de", guide[PROFILE_DE], guide_fields),
    PART("guide ru", guide[PROFILE_RU], guide_fields),
};

const size_t profile_n_sections = COUNT(profile_sections);

_Static_assert(COUNT(profile_sections) <= PROFILE_SECTIONS_MAX, "each section needs a place for its lines");
_Static_assert(COUNT(key_fields) <= PROFILE_FIELDS_MAX && COUNT(pin_fields) <= PROFILE_FIELDS_MAX,
	       "each key needs a place for its line");
