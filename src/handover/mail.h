/*
 * mail: hands both archives to a mail server, for the admin. SMTP by libcurl,
 * with STARTTLS or TLS, and the server's certificate checked.
 */
#ifndef HANDOVER_MAIL_H
#define HANDOVER_MAIL_H

#include "core/config.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

/* What can be said about [mail] without a connection: addresses, server, the password's file. Nothing is wrong
 * with a configuration without mail. ERR_CONFIG, ERR_SECRET_FILE. */
int mail_check(const struct config *cfg, struct err *e);

/* Cuts "host:port", "[v6]:port" or "host" in two; *ret_port is NULL without one. False if it is none of them. */
bool mail_split_server(const char *smtp, size_t *ret_host, const char **ret_port);

#endif
