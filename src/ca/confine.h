/*
 * confine: the signer's own limits once the PKI is open.
 */
#ifndef CA_CONFINE_H
#define CA_CONFINE_H

#include "ca/ca.h"
#include "core/pathset.h"

/*
 * From here on this process can run no program, and write nowhere but in the PKI, in the folder of the published
 * CRL and, with a key on an HSM, in devices and in the folders that its module needs (Landlock, from Linux 5.19 on).
 * Nor can it read what cfg->hidden has, as far as that can be hidden (see hidden.h), but for the secrets of the CA
 * itself, and what is in those folders. Where the kernel has no such thing, nothing happens. Returns whether it took
 * effect.
 */
bool ca_confine(const struct ca *ca, const struct config_ca *cfg, const struct pathset *hsm_writes);

#endif
