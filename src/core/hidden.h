/*
 * hidden: what there is to hide from our processes that run code of others:
 * tokens' and HSMs' PKCS#11 modules, and libraries for archives, mail and
 * pages.
 *
 * What such code needs cannot be foreseen: libraries, configurations, sockets,
 * devices, and folders of its own. So nothing is listed that it may read; it
 * keeps everything but what is known to be none of its business, at a price
 * (see landlock_allow_all_but): what is made later, directly in a folder that
 * leads to a hidden place, such as / or /etc, cannot be opened, and nothing can
 * be made or removed there. Names are not hidden, only what is behind them.
 *
 * CA and journal are always hidden. Bundles and the files of secrets are not
 * where the price would be too high: on a way through a folder in which
 * everybody makes files (/tmp, /dev/shm), or when the user's home, or what is
 * hidden anyway, is in there.
 *
 * This keeps code from looking and meddling. It is no prison for one that is
 * out to harm: it may still do whatever else its user may, and for root that
 * is to replace a program. A place that is mounted a second time elsewhere, or
 * has hard links, is hidden only where the configuration names it.
 */
#ifndef CORE_HIDDEN_H
#define CORE_HIDDEN_H

#include "core/pathset.h"
#include "core/rpc.h"

enum hidden_kind {
	HIDDEN_PKI,       /* an easy-rsa directory */
	HIDDEN_KEY,       /* the file of a CA key */
	HIDDEN_MODULE,    /* the PKCS#11 module of the CA's HSM */
	HIDDEN_STORE,     /* the database, with the files that go with it */
	HIDDEN_UNUSED,    /* the same, of one that nothing is done with */
	HIDDEN_BUNDLES,   /* the folder of bundles */
	HIDDEN_MAIL,      /* the file of the mail server's password */
	HIDDEN_CA_SECRET, /* the file of the CA's passphrase, or of its HSM's PIN */
	HIDDEN_SECRET,    /* the file of another PIN or passphrase */
	HIDDEN_KIND_COUNT
};

#define HIDDEN_BIT(kind) (1U << (kind))
#define HIDDEN_ALL (HIDDEN_BIT(HIDDEN_KIND_COUNT) - 1)

struct hidden_place {
	enum hidden_kind kind;
	char *path;
};

#define HIDDEN_PLACES_MAX 20

/* Owns its paths. {NULL, 0} is an empty one. */
struct hidden_list {
	struct hidden_place *place;
	size_t n;
};

/* path is copied; NULL and "" add nothing. That of a secret may be a descriptor's name, such as /dev/fd/3: it becomes
 * the one that every process knows, and nothing is added for pipes and terminals. */
void hidden_add(struct hidden_list *l, enum hidden_kind kind, const char *path);
void hidden_copy(struct hidden_list *ret, const struct hidden_list *l);
void hidden_free(struct hidden_list *l);

/* Hands them to another process. What *ret had is freed; the message is bad if there are none in it. */
void hidden_put(struct rpc_msg *m, const struct hidden_place *place, size_t n);
void hidden_get(struct rpc_msg *m, struct hidden_list *ret);

/* Adds what is to be hidden of places of these kinds (HIDDEN_BIT). Relative paths begin at the working folder. Of
 * bundles and secrets those are not hidden that lie in a place of needed (NULL: there is none) or lead to one. */
void hidden_resolve(struct pathset *ret, const struct hidden_list *l, unsigned kinds, const struct pathset *needed);

/* The user's home, resolved, to be freed, or NULL. */
char *hidden_home(void);

#endif
