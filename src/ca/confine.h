/*
 * confine: the signer's own limits once the PKI is open.
 */
#ifndef CA_CONFINE_H
#define CA_CONFINE_H

#include "ca/ca.h"

/*
 * From here on this process can run no program, and write nowhere but in the PKI and in the folder of the
 * published CRL (Landlock, from Linux 5.19 on). Where the kernel has no such thing, nothing happens. Returns
 * whether it took effect.
 */
bool ca_confine(const struct ca *ca);

#endif
