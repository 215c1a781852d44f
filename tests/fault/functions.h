/*
 * functions: every call of PKCS#11 2.40, as lists to expand. PLAIN is forwarded as it is; BENT is what the module
 * can answer in its own way, with a function of its own. The parameters are those of the standard, by position.
 */
#ifndef FAULT_FUNCTIONS_H
#define FAULT_FUNCTIONS_H

/* clang-format off */
#define BENT_FUNCTIONS(F) \
	F(C_Initialize) \
	F(C_GetFunctionList) \
	F(C_GetSlotList) \
	F(C_WaitForSlotEvent) \
	F(C_GetSlotInfo) \
	F(C_GetTokenInfo) \
	F(C_GetMechanismList) \
	F(C_GetMechanismInfo) \
	F(C_InitToken) \
	F(C_InitPIN) \
	F(C_SetPIN) \
	F(C_Login) \
	F(C_CreateObject) \
	F(C_GetAttributeValue) \
	F(C_FindObjects) \
	F(C_SignInit) \
	F(C_Sign) \
	F(C_GenerateKeyPair)

#define PLAIN_FUNCTIONS(F) \
	F(C_Finalize, (void *a), (a)) \
	F(C_GetInfo, (CK_INFO *a), (a)) \
	F(C_OpenSession, (CK_SLOT_ID a, CK_FLAGS b, void *c, CK_NOTIFY d, CK_SESSION_HANDLE *e), (a, b, c, d, e)) \
	F(C_CloseSession, (CK_SESSION_HANDLE a), (a)) \
	F(C_CloseAllSessions, (CK_SLOT_ID a), (a)) \
	F(C_GetSessionInfo, (CK_SESSION_HANDLE a, CK_SESSION_INFO *b), (a, b)) \
	F(C_GetOperationState, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c), (a, b, c)) \
	F(C_SetOperationState, \
	  (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_OBJECT_HANDLE d, CK_OBJECT_HANDLE e), \
	  (a, b, c, d, e)) \
	F(C_Logout, (CK_SESSION_HANDLE a), (a)) \
	F(C_CopyObject, \
	  (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE *c, CK_ULONG d, CK_OBJECT_HANDLE *e), \
	  (a, b, c, d, e)) \
	F(C_DestroyObject, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b), (a, b)) \
	F(C_GetObjectSize, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ULONG *c), (a, b, c)) \
	F(C_SetAttributeValue, \
	  (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE *c, CK_ULONG d), \
	  (a, b, c, d)) \
	F(C_FindObjectsInit, (CK_SESSION_HANDLE a, CK_ATTRIBUTE *b, CK_ULONG c), (a, b, c)) \
	F(C_FindObjectsFinal, (CK_SESSION_HANDLE a), (a)) \
	F(C_EncryptInit, (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c)) \
	F(C_Encrypt, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e)) \
	F(C_EncryptUpdate, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e)) \
	F(C_EncryptFinal, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c), (a, b, c)) \
	F(C_DecryptInit, (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c)) \
	F(C_Decrypt, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e)) \
	F(C_DecryptUpdate, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e)) \
	F(C_DecryptFinal, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c), (a, b, c)) \
	F(C_DigestInit, (CK_SESSION_HANDLE a, CK_MECHANISM *b), (a, b)) \
	F(C_Digest, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e)) \
	F(C_DigestUpdate, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c), (a, b, c)) \
	F(C_DigestKey, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b), (a, b)) \
	F(C_DigestFinal, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c), (a, b, c)) \
	F(C_SignUpdate, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c), (a, b, c)) \
	F(C_SignFinal, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c), (a, b, c)) \
	F(C_SignRecoverInit, (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c)) \
	F(C_SignRecover, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e)) \
	F(C_VerifyInit, (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c)) \
	F(C_Verify, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG e), (a, b, c, d, e)) \
	F(C_VerifyUpdate, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c), (a, b, c)) \
	F(C_VerifyFinal, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c), (a, b, c)) \
	F(C_VerifyRecoverInit, (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c)) \
	F(C_VerifyRecover, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e)) \
	F(C_DigestEncryptUpdate, \
	  (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), \
	  (a, b, c, d, e)) \
	F(C_DecryptDigestUpdate, \
	  (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), \
	  (a, b, c, d, e)) \
	F(C_SignEncryptUpdate, \
	  (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), \
	  (a, b, c, d, e)) \
	F(C_DecryptVerifyUpdate, \
	  (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), \
	  (a, b, c, d, e)) \
	F(C_GenerateKey, \
	  (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_ATTRIBUTE *c, CK_ULONG d, CK_OBJECT_HANDLE *e), \
	  (a, b, c, d, e)) \
	F(C_WrapKey, \
	  (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c, CK_OBJECT_HANDLE d, CK_BYTE *e, CK_ULONG *f), \
	  (a, b, c, d, e, f)) \
	F(C_UnwrapKey, \
	  (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c, CK_BYTE *d, CK_ULONG e, \
	   CK_ATTRIBUTE *f, CK_ULONG g, CK_OBJECT_HANDLE *h), \
	  (a, b, c, d, e, f, g, h)) \
	F(C_DeriveKey, \
	  (CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c, CK_ATTRIBUTE *d, CK_ULONG e, CK_OBJECT_HANDLE *f), \
	  (a, b, c, d, e, f)) \
	F(C_SeedRandom, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c), (a, b, c)) \
	F(C_GenerateRandom, (CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c), (a, b, c)) \
	F(C_GetFunctionStatus, (CK_SESSION_HANDLE a), (a)) \
	F(C_CancelFunction, (CK_SESSION_HANDLE a), (a))
/* clang-format on */

#endif
