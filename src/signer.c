/*
 * tokenroll-signer: the process that holds the CA key. A program of its own,
 * so that no PKCS#11 code of a token is in it. Only tokenroll starts it.
 */
#include "ca/signer.h"

int main(void)
{
	return signer_main(NULL);
}
