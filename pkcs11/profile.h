/*
 * profile: what a kind of token is recognized by and what it needs, as data
 * from files (pkcs11/profiles/README describes them). A new kind of token
 * needs a file and no line of C.
 *
 * What a file does not say has the value of a well-behaved token of PKCS#11
 * v2.40; the profile built in says nothing and matches everything. Where a
 * token reports something of itself, the comment at the field says which of
 * the two counts.
 *
 * Pure data and computation: any process may use it. The parent reads the
 * folders; a process without them gets the text of one profile (profile_parse).
 * Whoever made a set or a profile frees it; everything below is theirs.
 */
#ifndef PKCS11_PROFILE_H
#define PKCS11_PROFILE_H

#include "core/blob.h"
#include "core/config.h"
#include "core/err.h"
#include "core/secret.h"

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

#define PROFILE_DIR_LOCAL SYSCONF_DIR "/profiles"

struct profile_list {
	char **v;
	size_t n;
};

/* What may be known of a token: CK_TOKEN_INFO without padding, the reader's PC/SC name, its ATR as uppercase hex
 * digits, and the path of the PKCS#11 module it was seen through. */
enum profile_fact {
	PROFILE_MANUFACTURER,
	PROFILE_MODEL,
	PROFILE_LABEL,
	PROFILE_SERIAL,
	PROFILE_READER,
	PROFILE_ATR,
	PROFILE_MODULE,
	PROFILE_FACT_COUNT
};

struct profile_token {
	const char *fact[PROFILE_FACT_COUNT]; /* NULL or "" where unknown */
};

/* One [match] or [card]: each list that is not empty has to have a pattern for the token's fact. In a pattern * is any
 * text and ? any character; the case of ASCII letters does not count. */
struct profile_match {
	struct profile_list fact[PROFILE_FACT_COUNT];
};

/* Who has to be logged in. */
enum profile_who { PROFILE_USER, PROFILE_SO, PROFILE_NOBODY };

/* Three-valued answers: the token's own word counts, or it is known to be wrong. */
enum profile_say { PROFILE_ASK_TOKEN, PROFILE_YES, PROFILE_NO };

/* ---- commands, and arguments of calls */

enum profile_secret { PROFILE_PIN, PROFILE_SO_PIN, PROFILE_PUK, PROFILE_NEW, PROFILE_FILE, PROFILE_SECRET_COUNT };
/* PROFILE_NEW is no kind of its own, and the name of a file only has a place in commands as secrets have */
#define PROFILE_PIN_COUNT 3

/* Bytes with places for secrets, checked when the file is read. */
#define PROFILE_BYTES_MAX 261 /* a short command APDU: header, Lc, 255 bytes, Le (ISO/IEC 7816-4, 5.1) */

struct profile_piece {
	enum { PROFILE_LITERAL, PROFILE_SECRET_BYTES, PROFILE_LC } kind;
	enum profile_secret secret;
	bool hex;     /* the secret is hex digits, here their bytes */
	size_t len;   /* literal: bytes; secret: width, 0 as it is */
	int pad;      /* 0-255 fills up to the width; -1: has to be that long */
	size_t start; /* of a literal, in profile_template.literal */
};

struct profile_template {
	struct profile_piece piece[8];
	size_t n;
	unsigned char literal[PROFILE_BYTES_MAX];
};

struct profile_apdus {
	struct profile_template *v;
	size_t n;
};

struct profile_module {
	struct profile_list
	    enroll;    /* best first: path, p11-kit name, or library file name; empty: the configured ones */
	bool required; /* through other modules this token can be seen but not enrolled */
	struct profile_list readers;  /* patterns of the only ones that these modules look at; empty: at all */
	char *client[PLATFORM_COUNT]; /* path on the employee's computer; NULL: as configured */
	char *opensc_driver; /* OpenSC's card driver; NULL: it is to find out, by asking the card for those it knows */
	/* "name = value" for the blocks "pkcs11" and "framework pkcs15" of OpenSC's configuration */
	struct profile_list opensc_pkcs11, opensc_pkcs15;
};

enum profile_id {
	PROFILE_ID_FREE,     /* the token keeps the CKA_ID it is given */
	PROFILE_ID_FIXED,    /* it has places with a CKA_ID each: profile_key.place */
	PROFILE_ID_REPLACED, /* it chooses one itself: find the key by its public key, in a new session */
};

struct profile_place {
	struct blob id;
	char *name; /* the vendor's, e.g. "9a PIV Authentication" */
};

/* An attribute to add to a template. computed: CKA_CLASS or CKA_KEY_TYPE, whose value depends on the key. */
struct profile_attribute {
	CK_ATTRIBUTE_TYPE type;
	bool computed;
	unsigned char value[32];
	size_t len;
};

struct profile_attributes {
	struct profile_attribute *v;
	size_t n;
};

struct profile_types {
	CK_ATTRIBUTE_TYPE v[8];
	size_t n;
};

enum profile_sign {
	PROFILE_SIGN_USER,      /* logged in as user */
	PROFILE_SIGN_AFTER_PIN, /* also as SO, after a context-specific login with the user PIN: saves a session */
};

enum profile_touch { PROFILE_TOUCH_NEVER, PROFILE_TOUCH_MAYBE, PROFILE_TOUCH_ALWAYS };
enum profile_attestation { PROFILE_ATTEST_NONE, PROFILE_ATTEST_YUBICO };

struct profile_key {
	unsigned types; /* KEYTYPE_BIT set that works with OpenVPN; wins over the mechanism list; 0: the list counts */
	/* generate a pair, write a certificate, delete objects; PROFILE_NOBODY: not possible through PKCS#11 */
	enum profile_who generate, certificate, delete;
	enum profile_sign sign;
	enum profile_id id;
	struct profile_place *place; /* best first; only with PROFILE_ID_FIXED */
	size_t n_place;
	size_t id_max;            /* bytes of a CKA_ID that the token keeps, 0 unknown */
	bool label_ignored;       /* CKA_LABEL is not kept */
	bool certificate_follows; /* a certificate has no CKA_ID of its own, but in a new session that of its key */
	struct profile_types omit_public, omit_private; /* never in the template */
	struct profile_attributes add_public, add_private;
	/* sent before somebody logs in to write: no file is selected then, into which the module would write when it
	 * cannot select the right one */
	struct profile_apdus deselect;
	enum profile_say always_authenticate; /* CKA_ALWAYS_AUTHENTICATE of a new key: as the token says, or known */
	enum profile_touch touch;             /* a finger is needed to sign */
	enum profile_attestation attestation;
	struct blob attestation_issuer; /* CKA_ID of the certificate that signed the attestation; empty: none there */
	size_t certificate_max;         /* bytes of a DER certificate that fits, 0 unknown */
};

/* Objects that are no one's: not foreign, not to be deleted one by one. */
struct profile_ignore {
	CK_OBJECT_CLASS class; /* (CK_OBJECT_CLASS)-1: any */
	bool session;          /* only with CKA_TOKEN false */
	char *id;              /* pattern over uppercase hex digits; NULL any */
	char *label, *subject; /* patterns; subject is over the certificate's CN; NULL any */
};

struct profile_object {
	CK_OBJECT_CLASS class;
	bool token;            /* CKA_TOKEN */
	const struct blob *id; /* CKA_ID; may be NULL */
	const char *label;     /* CKA_LABEL; may be NULL */
	const char *subject;   /* CN of a certificate's subject; may be NULL */
};

/* ---- keys and secrets */

/*
 * A key on the card that the module does not show, because making it was cut off: found by the names of the card's
 * files, as commands in hex show them.
 */
struct profile_orphan {
	struct profile_apdus list;         /* the last one's answer: names of two bytes each; empty: there is no way */
	struct blob key;                   /* a key's name begins with this byte */
	struct blob files;                 /* and those of the files that go with it with these; the first describes it:
					      while there is something in it, the module shows the key */
	struct profile_apdus read, delete; /* a {file} */
};

enum profile_alphabet {
	PROFILE_DIGITS,
	PROFILE_HEX,          /* either case */
	PROFILE_ALPHANUMERIC, /* ASCII letters and digits */
	PROFILE_ASCII,        /* 0x20 to 0x7E */
	PROFILE_UTF8,         /* RFC 3629 without control characters */
	PROFILE_ALPHABET_COUNT
};

struct profile_pin {
	bool exists;               /* the token has this secret; a PUK only if its file says so */
	bool pad;                  /* it is entered on the reader, where the token says that there is a PIN pad */
	char *name;                /* as the admin knows it: "PIN", "management key" */
	size_t min, max, multiple; /* bytes; 0 unknown; multiple is at least 1 */
	enum profile_alphabet alphabet;
	size_t random;                         /* bytes of a random one, 0: a usual length within the limits */
	enum profile_alphabet random_alphabet; /* never wider than alphabet */
	unsigned tries;                        /* when fresh, 0 unknown; the token's own counter wins */
	struct profile_list factory;           /* values it is delivered with; public knowledge */
	/* the token's report (ulMinPinLen, ulMaxPinLen) makes the limits above narrower; else it only fills gaps */
	bool report_narrows;
	struct profile_apdus tries_apdu;   /* the last is answered 63Cx: x tries left; spends none */
	char *tries_answer;                /* or 9000 and data that matches this, with the tries in place of ## */
	struct profile_apdus factory_apdu; /* the last answer's data, as uppercase hex, matches the pattern below ... */
	char *factory_answer;              /* ... while the secret is the factory's */
	char *own_answer;                  /* ... when it is not; NULL: whenever that does not match */
};

enum profile_how {
	PROFILE_HOW_NOT,
	PROFILE_HOW_SET_PIN,    /* C_SetPIN(old, new) */
	PROFILE_HOW_INIT_PIN,   /* C_InitPIN(new) */
	PROFILE_HOW_INIT_TOKEN, /* C_InitToken; [init] only */
	PROFILE_HOW_APDU,       /* over PC/SC, while no session is open: selecting an application ends its logins */
	PROFILE_HOW_TOOL        /* by the vendor's program, profile_call.tool */
};

/* How a secret is changed. needs has a bit (1 << profile_secret) for each that is used, login included. Each APDU is to
 * be answered 9000 or 61xx; 63Cx is a wrong secret with x tries left, 6983 a locked one. */
struct profile_call {
	enum profile_how how;
	enum profile_who login;
	struct profile_template old, new;
	struct profile_apdus apdu;
	char *tool;
	unsigned needs;
};

enum profile_operation {
	PROFILE_CHANGE_PIN,
	PROFILE_CHANGE_SO_PIN,
	PROFILE_CHANGE_PUK,
	PROFILE_UNBLOCK, /* a new user PIN without the old one */
	PROFILE_OPERATION_COUNT
};

struct profile_init {
	enum profile_how how;
	/* C_InitToken wants the SO PIN that the token has (a new one: the factory's); else it gives it one. */
	bool so_pin_current;
	/* After it PIN and PUK have factory values; else C_InitPIN has to set the user PIN. */
	bool leaves_factory;
	bool sets_pin;      /* C_InitToken sets a user PIN that nobody knows, and the flag that there is one */
	bool once;          /* a token that is initialized cannot be initialized again */
	char *label_suffix; /* what the module shows behind the label and a blank; NULL: nothing */
	char *tool;
};

enum profile_language { PROFILE_EN, PROFILE_DE, PROFILE_RU, PROFILE_LANGUAGE_COUNT };

/* For the employee's guide, plain text; NULL: the guide's own words do. */
struct profile_guide {
	char *token;   /* what it is */
	char *insert;  /* where it goes */
	char *pin;     /* how tries behave */
	char *install; /* what to install */
};

struct profile {
	char *file;       /* NULL: built in */
	char *id;         /* the file's name without .conf; "builtin" */
	struct blob text; /* the file, for profile_parse elsewhere */
	unsigned folder;  /* index of its folder */

	char *name;                /* "YubiKey PIV" */
	char *tested;              /* what it was tested with; NULL: written from documentation */
	struct profile_list notes; /* known traps, for the admin */
	char *serial_none;         /* the serial number that says that it could not be read; NULL: there is no such */
	struct profile_apdus serial_apdu; /* the last one's answer: a number, big-endian, that is the serial number */
	bool serial_shared;               /* the serial number does not tell two tokens of this kind apart */

	struct profile_match *match, *card; /* [card] is for cards that no module has described */
	size_t n_match, n_card;
	struct profile_list hide_label, hide_model; /* patterns of slots that are another view of the same token */

	struct profile_module module;
	struct profile_key key;
	struct profile_orphan orphan;
	struct profile_ignore *ignore;
	size_t n_ignore;
	struct profile_pin pin[PROFILE_PIN_COUNT];
	struct profile_call call[PROFILE_OPERATION_COUNT];
	struct profile_init init;
	struct profile_guide guide[PROFILE_LANGUAGE_COUNT];
};

/* ---- reading */

struct profiles;

/*
 * Reads *.conf of each folder by name. A file in a later folder replaces the one of the same name in an earlier
 * folder, and removes it if it has nothing in it but comments. A folder that is not there is empty. ERR_CONFIG with
 * file and line.
 */
int profiles_load(struct profiles **ret, const char *const *folders, size_t n, struct err *e);
void profiles_free(struct profiles **p);

/* The shipped ones and then those in own, the folder of the configuration; NULL: PROFILE_DIR_LOCAL. */
int profiles_load_usual(struct profiles **ret, const char *own, struct err *e);

/* The i-th file's profile, NULL past the last. The built-in one is not among them. */
const struct profile *profiles_at(const struct profiles *p, size_t i);

/* One profile from the text of a file, of which it keeps a copy; path is for messages and gives the id. */
int profile_parse(struct profile **ret, const char *path, const void *text, size_t len, struct err *e);
void profile_free(struct profile **p);

/* A new one that says nothing: no file, no text. */
struct profile *profile_builtin(void);

/* ---- recognizing */

/*
 * The profile of a token; never NULL. Of all [match] sections that match, the one whose patterns have the most
 * characters besides * and ? wins (each fact counts its longest pattern that matches); then a later folder, then the
 * earlier file name. [card] takes part only while manufacturer and model are unknown. No section: the built-in one.
 */
const struct profile *profiles_match(const struct profiles *p, const struct profile_token *t);

/*
 * For the message about a token that profiles_match knows nothing of: the profile with a section of which most is
 * true, the built-in one if nothing is. *ret_facts has a bit (1 << profile_fact) for each fact that agrees; an ATR
 * also agrees if it has eight bytes in a row in common.
 */
const struct profile *profiles_nearest(const struct profiles *p, const struct profile_token *t, unsigned *ret_facts);

/* The profile with this id; NULL if there is none (any more). */
const struct profile *profiles_named(const struct profiles *p, const char *id);

/* Whether the modules that enroll such tokens look at a reader with this PC/SC name. */
bool profile_looks_at(const struct profile *p, const char *reader);

/* Whether a slot with this label and model is another view of a token of this kind, to be passed over. */
bool profile_hides(const struct profile *p, const char *label, const char *model);

/* CKO_HW_FEATURE, CKO_MECHANISM and CKO_PROFILE: such objects describe the token itself (PKCS#11 v3.0, 4). */
bool profile_class_describes(CK_OBJECT_CLASS class);

/* Whether this object is nobody's: by the profile, or because it describes the token itself. */
bool profile_ignores(const struct profile *p, const struct profile_object *o);

/* The file of a library named in [module], from malloc: a path as it is, a file name from the usual folders of this
 * system. NULL if it is not there, or a p11-kit name (no slash, no ".so"). */
char *profile_module_path(const char *name);

/* ---- secrets */

/* The limits for one token. */
struct profile_limits {
	const struct profile_pin *pin;
	size_t min, max; /* bytes */
};

/* Puts the profile's rules and the token's report (ulMinPinLen, ulMaxPinLen; 0 or CK_UNAVAILABLE_INFORMATION: none)
 * together. Where they contradict each other the report counts. */
void profile_limits(struct profile_limits *ret, const struct profile_pin *pin, unsigned long token_min,
		    unsigned long token_max);

/* The same for one of a profile's secrets (below PROFILE_PIN_COUNT): what the token reports is about its user PIN, and
 * about the others only where nothing else is known. */
void profile_limits_of(struct profile_limits *ret, const struct profile *p, enum profile_secret which,
		       unsigned long token_min, unsigned long token_max);

/* Whether len bytes are of the alphabet. */
bool profile_alphabet_has(enum profile_alphabet a, const char *bytes, size_t len);

/* ERR_PIN_RULES says the rule, never the secret. */
int profile_pin_check(const struct profile_limits *l, const struct secret *s, struct err *e);

/* The limits of one that the token may have already. What the token reports is about its user PIN; where neither that
 * nor the profile says a length, none is wrong: max is SECRET_MAX. */
void profile_limits_possible(struct profile_limits *ret, const struct profile *p, enum profile_secret which,
			     unsigned long token_min, unsigned long token_max);

/* One that the token cannot have, by these limits, is not tried: that would cost a try. */
int profile_pin_possible(const struct profile *p, enum profile_secret which, unsigned long token_min,
			 unsigned long token_max, const struct secret *s, struct err *e);

/* A random secret within the rules, which is no factory value. */
int profile_pin_random(const struct profile_limits *l, struct secret *ret, struct err *e);

/* Whether on a token that has a PIN pad the secrets of this operation are entered there: by a call of the standard,
 * with nothing but them as its arguments. A PUK is nothing that the standard knows. */
bool profile_pad_takes(const struct profile *p, enum profile_operation what);

/* Whether a secret is one the token is delivered with. */
bool profile_pin_is_factory(const struct profile_pin *pin, const struct secret *s);

/* "6 to 8 digits". */
void profile_limits_text(char *ret, size_t size, const struct profile_limits *l);

struct profile_secrets {
	const struct secret *v[PROFILE_SECRET_COUNT]; /* NULL where there is none */
};

/* Fills the places of a template: an argument of C_SetPIN, or a command APDU ready to be sent. ERR_PIN_RULES for a
 * secret that does not fit its place, ERR_PIN_NEEDED for one that is not there; *ret is empty then. */
int profile_render(const struct profile_template *t, const struct profile_secrets *s, struct secret *ret,
		   struct err *e);

/* The tries that an answer to tries_apdu (data without status) tells; -1 if none. */
int profile_answer_tries(const struct profile_pin *pin, const void *data, size_t len);

/* Whether an answer to factory_apdu (data without status) says that the secret is the factory's. */
bool profile_answer_is_factory(const struct profile_pin *pin, const void *data, size_t len);

/* Whether it says that the secret is not the factory's. */
bool profile_answer_is_own(const struct profile_pin *pin, const void *data, size_t len);

#endif
