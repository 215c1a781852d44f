/*
 * client: OpenVPN as the employee's laptop runs it, for as long as the token
 * is in: started, asked for through its management interface, and ended.
 *
 * OpenVPN itself asks for a PIN again and again: three times a handshake, and
 * at each new connection, while a token locks after a few wrong ones. Here a
 * PIN is asked for once. If OpenVPN wants it again without having connected
 * in between, it was wrong, and that is the end.
 */
#ifndef VPN_CLIENT_H
#define VPN_CLIENT_H

#include "core/err.h"

/*
 * Runs openvpn (searched in PATH) on a profile, with further options of its own, a list that ends with NULL, until it
 * ends or a signal asks us to stop; that is 0. name is what the person who is asked knows the VPN by.
 * ERR_PIN_WRONG, ERR_NO_TOKEN if the token that the profile names is not there, ERR_INTERRUPTED if the question for the
 * PIN was cancelled, ERR_CONFIG for a profile that cannot be run so, ERR_FAILED if OpenVPN ended by itself.
 */
int client_run(const char *profile, const char *name, const char *const options[], struct err *e);

#endif
