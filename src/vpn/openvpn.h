/*
 * openvpn: the OpenVPN process of a profile.
 */
#ifndef VPN_OPENVPN_H
#define VPN_OPENVPN_H

#include "vpn/management.h"

struct openvpn;

/* Starts openvpn (searched in PATH) in the profile's folder, its log on our stdout, its management interface joined to
 * the socket at path; options, a list that ends with NULL, go behind. ERR_SYSTEM. */
int openvpn_start(struct openvpn **ret, const char *profile, const char *path, const char *const options[],
		  struct err *e);

/* Waits for its connection to m. m->fd is still -1 afterwards if it has ended, or a signal has asked us to stop.
 * ERR_SYSTEM if there is no openvpn, and as management_accept. */
int openvpn_connect(struct openvpn *o, struct management *m, struct err *e);

/* Asks it to end, waits until it has taken its routes away (10 s), and frees *o; accepts NULL. */
void openvpn_end(struct openvpn **o);

#endif
