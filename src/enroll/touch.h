/*
 * touch: tells the person in charge that a token waits for a finger, while
 * the module's call that waits for it does not return. Worker process only.
 */
#ifndef ENROLL_TOUCH_H
#define ENROLL_TOUCH_H

#include "core/rpc.h"
#include "pkcs11/profile.h"

struct touch;

/* Around a call that makes a signature. A token that always wants a finger is told of at once, one that may want it
 * when the call takes longer than a signature. NULL where nothing has to be told. */
struct touch *touch_begin(struct rpc_server *s, enum profile_touch policy);

/* Accepts NULL; nothing is told after it. Returns ret, which came of the call; of a failure it is said that a finger
 * may have been missing, which the token itself does not say. */
int touch_end(struct touch **t, int ret, struct err *e);

#endif
