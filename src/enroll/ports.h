/*
 * ports: what the state machine needs of tokens, CA, journal and handover, as
 * tables of functions, so that each can be replaced. The contracts are those
 * of worker.h, signer.h, store.h, courier.h and place.h.
 */
#ifndef ENROLL_PORTS_H
#define ENROLL_PORTS_H

#include "ca/signer.h"
#include "enroll/worker.h"
#include "handover/courier.h"
#include "handover/owned.h"
#include "handover/place.h"
#include "store/store.h"

struct enroll_token_port {
	int (*start)(struct worker **ret, const struct worker_settings *settings, struct err *e);
	void (*dismiss)(struct worker *w);
	void (*stop)(struct worker **w);
	void (*know)(struct worker *w, const char *reader, const struct profile *profile);
	void (*name)(struct worker *w, const char *serial);
	int (*modules_begin)(struct worker *w, struct err *e);
	int (*modules_end)(struct worker *w, struct worker_module **ret, size_t *ret_n, struct err *e);
	int (*load_begin)(struct worker *w, const char *module, struct err *e);
	int (*tokens_begin)(struct worker *w, const char *module, struct err *e);
	int (*tokens_end)(struct worker *w, struct worker_token **ret, size_t *ret_n, struct err *e);
	int (*turn)(struct worker *w, const struct worker_token *t, const char *turn, struct err *e);
	int (*init)(struct worker *w, const struct worker_token *t, const char *label, struct secret *so_pin,
		    struct worker_token *ret, struct err *e);
	int (*init_pin)(struct worker *w, const struct worker_token *t, bool ours, bool last_try, struct secret *so_pin,
			struct secret *pin, struct worker_token *ret, struct err *e);
	int (*open)(struct worker *w, const struct worker_token *t, const char *turn, struct err *e);
	int (*login)(struct worker *w, bool so, struct secret *secret, bool last_try, struct err *e);
	int (*ours)(struct worker *w, const struct blob *certificates, struct err *e);
	int (*id_taken)(struct worker *w, const struct blob *cka_id, bool *ret, struct err *e);
	int (*key_find)(struct worker *w, const struct blob *cka_id, const struct blob *spki, struct worker_key *ret,
			struct err *e);
	int (*key_generate_begin)(struct worker *w, enum keytype type, const struct blob *cka_id, const char *label,
				  struct err *e);
	int (*key_generate_end)(struct worker *w, struct worker_key *ret, struct err *e);
	int (*key_delete)(struct worker *w, const struct blob *cka_id, const struct blob *spki, bool *ret_gone,
			  struct err *e);
	int (*orphans_mark)(struct worker *w, struct blob *ret, struct err *e);
	int (*orphans_delete)(struct worker *w, const struct blob *mark, struct err *e);
	int (*request)(struct worker *w, const struct blob *cka_id, const struct blob *spki, const struct blob *subject,
		       struct blob *ret_csr, struct err *e);
	int (*certificate_write_begin)(struct worker *w, const struct blob *cka_id, const char *label,
				       const struct blob *der, bool keep_older, struct err *e);
	int (*certificate_write_end)(struct worker *w, struct err *e);
	int (*certificate_write)(struct worker *w, const struct blob *cka_id, const char *label, const struct blob *der,
				 bool keep_older, struct err *e);
	int (*certificate_find)(struct worker *w, const struct blob *der, struct blob *ret_cka_id, struct err *e);
	int (*pins)(struct worker *w, const struct worker_token *t, bool brief,
		    struct p11_pin_state ret[PROFILE_PIN_COUNT], struct err *e);
	int (*change)(struct worker *w, const struct worker_token *t, enum profile_operation what,
		      enum profile_secret key_kind, struct secret *key, struct secret *new, bool last_try,
		      struct err *e);
	int (*reset)(struct worker *w, const struct worker_token *t, const char *label, struct secret *so_pin,
		     struct worker_token *ret, struct err *e);
	int (*objects)(struct worker *w, struct p11_listed **ret, size_t *ret_n, struct err *e);
	int (*delete_all)(struct worker *w, size_t *ret_n, struct err *e);
	int (*attestation)(struct worker *w, const struct blob *cka_id, struct blob *ret, struct err *e);
	int (*unseal)(struct worker *w, const struct p11_uri *key, const struct blob *certs,
		      const struct store_escrow *v, const struct store_token *of, struct secret *ret, struct err *e);
	int (*prove)(struct worker *w, const struct blob *cka_id, const struct blob *der, bool rsa,
		     const struct blob *digest, struct worker_proof *ret, struct err *e);
};

struct enroll_ca_port {
	int (*start)(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note, void *note_arg,
		     struct err *e);
	int (*open)(struct signer *s, struct ca_info *ret, struct err *e);
	void (*dismiss)(struct signer *s);
	void (*stop)(struct signer **s);
	int (*unlock_begin)(struct signer *s, struct secret *passphrase, struct err *e);
	int (*unlock_end)(struct signer *s, struct err *e);
	int (*subject)(struct signer *s, const char *user, struct blob *ret_name, struct err *e);
	int (*find)(struct signer *s, const char *user, const char *except, bool *ret_found, struct ca_certificate *ret,
		    struct err *e);
	int (*revoked)(struct signer *s, const char *serial, bool *ret, struct err *e);
	int (*replaceable)(struct signer *s, const char *user, struct err *e);
	int (*renewable)(struct signer *s, const char *user, const char *beside, struct err *e);
	int (*issue)(struct signer *s, const struct ca_request *req, struct ca_issued *ret, struct err *e);
	int (*check)(struct signer *s, const char *user, const struct blob *spki, const struct blob *cert,
		     struct ca_certificate *ret, struct err *e);
	int (*attest)(struct signer *s, const char *user, const struct blob *spki, const struct ca_proof *proof,
		      char *ret_attested, struct err *e);
	int (*revoke)(struct signer *s, const char *user, const char *serial, const char *reason, bool *ret_already,
		      struct err *e);
	int (*known)(struct signer *s, const char *name, const char *serial, struct ca_known **ret, size_t *ret_n,
		     struct err *e);
	int (*revoke_serial)(struct signer *s, const char *serial, const char *reason, bool any_kind, bool *ret_already,
			     struct ca_known *ret, struct err *e);
	int (*crl)(struct signer *s, struct ca_crl *ret, struct err *e);
	int (*publish_fresh)(struct signer *s, struct err *e);
	int (*published)(struct signer *s, bool *ret, struct err *e);
	int (*crl_state)(const struct config_ca *cfg, bool verbose, struct ca_crl_state *ret, struct err *e);
	int (*settle)(struct signer *s, const char *serial, struct err *e);
	int (*publish)(struct signer *s, const char *user, struct err *e);
};

struct enroll_store_port {
	/* store_open as the configuration says, its [audit] too */
	int (*open)(struct store **ret, const struct config *cfg, struct err *e);
	void (*close)(struct store **s);
	int (*claim_user)(struct store *s, const char *user, struct err *e);
	int (*claim_token)(struct store *s, const struct store_token *t, struct err *e);
	int (*find)(struct store *s, const char *user, const struct store_token *t, bool *ret_found,
		    struct store_credential *ret, struct err *e);
	int (*find_by_token)(struct store *s, const struct store_token *t, bool *ret_found,
			     struct store_credential *ret, struct err *e);
	int (*find_elsewhere)(struct store *s, const char *user, const struct store_token *t, bool *ret_found,
			      struct store_credential *ret, struct err *e);
	int (*find_leftover)(struct store *s, const struct store_token *t, int64_t before, bool *ret_found,
			     struct store_credential *ret, struct err *e);
	int (*certificates)(struct store *s, const struct store_token *t, struct blob *ret, struct err *e);
	int (*key_ended)(struct store *s, const struct store_token *t, const struct blob *spki, bool *ret,
			 struct err *e);
	int (*plan)(struct store *s, struct store_credential *c, struct err *e);
	int (*advance)(struct store *s, struct store_credential *c, enum cred_state to, struct err *e);
	int (*handed_over)(struct store *s, struct store_credential *c, struct err *e);
	int (*supersede)(struct store *s, const struct store_credential *keep, struct err *e);
	int (*take_over)(struct store *s, const struct store_credential *keep, time_t revoke_at, struct err *e);
	int (*find_last)(struct store *s, const char *user, bool *ret_found, struct store_credential *ret,
			 struct err *e);
	int (*find_id)(struct store *s, int64_t id, bool *ret_found, struct store_credential *ret, struct err *e);
	int (*serials_beside)(struct store *s, const struct store_credential *c, char **ret, struct err *e);
	int (*find_due)(struct store *s, time_t now, int64_t after, bool *ret_found, struct store_credential *ret,
			struct err *e);
	int (*removed)(struct store *s, const struct store_credential *c, bool was_there, struct err *e);
	int (*audit)(struct store *s, const char *action, const char *user, const char *token_serial,
		     const char *detail, struct err *e);
	int (*pin_begun)(struct store *s, const char *token_serial, bool *ret, struct err *e);
	int (*find_user)(struct store *s, const char *user, bool *ret_found, struct store_credential *ret,
			 struct err *e);
	int (*find_by_serial)(struct store *s, const char *serial, struct store_holding **ret, size_t *ret_n,
			      struct err *e);
	int (*token_lost)(struct store *s, const struct store_token *t, time_t *ret_since, struct err *e);
	int (*issued)(struct store *s, const char *user, struct store_issued **ret, size_t *ret_n, struct err *e);
	int (*lost)(struct store *s, const char *user, const struct store_token *list, size_t n, const char *reason,
		    struct err *e);
	int (*found)(struct store *s, const char *user, const struct store_token *t, struct err *e);
	int (*revoked)(struct store *s, const char *cert_serial, const char *name, time_t when, const char *reason,
		       struct err *e);
	int (*is_ours)(struct store *s, const struct store_token *t, const struct blob *cka_id, const struct blob *spki,
		       bool *ret, struct err *e);
	int (*token_profile)(struct store *s, const struct store_token *t, const char *profile, struct err *e);
	int (*escrow_put)(struct store *s, const struct store_token *t, enum escrow_kind kind, const struct blob *cms,
			  const char *recipients, int64_t *ret_id, struct err *e);
	int (*escrow_move)(struct store *s, int64_t id, const struct store_token *t, enum escrow_kind kind,
			   const struct blob *cms, const char *recipients, int64_t *ret_id, struct err *e);
	int (*escrow_withdraw)(struct store *s, int64_t id, struct err *e);
	int (*escrow_drop)(struct store *s, const struct store_token *t, enum escrow_kind kind, struct err *e);
	int (*escrow_confirm)(struct store *s, int64_t id, struct err *e);
	int (*escrow_list)(struct store *s, const struct store_token *t, enum escrow_kind kind,
			   struct store_escrow **ret, size_t *ret_n, struct err *e);
	int (*replace_begun)(struct store *s, const char *token_serial, bool *ret, struct err *e);
	int (*audited)(struct store *s, const char *token_serial, const char *action, const char *detail, bool *ret,
		       struct err *e);
	int (*init_begun)(struct store *s, const char *user, bool *ret_begun, char ret_serial[17], struct err *e);
};

struct enroll_handover_port {
	int (*start)(struct courier **ret, const struct config *cfg, const char *user, bool verbose, struct err *e);
	void (*dismiss)(struct courier *c);
	void (*stop)(struct courier **c);
	int (*check)(struct courier *c, struct err *e);
	int (*room)(struct courier *c, struct err *e);
	void (*draft)(struct courier *c, const struct handover_facts *f);
	int (*make)(struct courier *c, const struct handover_facts *f, struct handover_result *ret, struct err *e);
	int (*mail)(struct courier *c, struct err *e);
	int (*place)(const char *dir, const char *user, enum place_use use, struct err *e);
	enum owned_state (*compare)(const char *dir, const char *user, char **ret_name);
};

struct enroll_ports {
	struct enroll_token_port token;
	struct enroll_ca_port ca;
	struct enroll_store_port store;
	struct enroll_handover_port handover;
};

/* The real ones. */
extern const struct enroll_ports enroll_ports_real;

#endif
