/**
 * A certificate for `localhost`, signed by itself, and its key: for tests alone, and no secret.
 *
 *     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
 *       -subj /CN=localhost -keyout key.pem -out cert.pem
 *
 * @module
 */

export const cert = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUEFdIOBwtXqtRV3rHpzH0SDB+KXcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDE3MTIzMVoYDzIxMjYxMDMx
MTcxMjMxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ80OrvT0etenNtmouRhDLLUEpD/1Oc9mOrgNnhJKU6eLKFrNavx/p+
78v459vdC2Rk3Ln5K3KypFoT84hYPMFgo1MwUTAdBgNVHQ4EFgQUYuUMVVcHLRx3
vvafzp/x97sXqtQwHwYDVR0jBBgwFoAUYuUMVVcHLRx3vvafzp/x97sXqtQwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAqahRO0veHnDX1gq+Th4sa
BxOJYp90czyv+aYaHvAlIwIhAPDA/YU4YwENbtUNqTetNoHal36zz3lSlBddgk/6
i358
-----END CERTIFICATE-----
`;

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxlTezSJtVI7GvjuT
bQhZbCyTji0AmjeKfYeCwe5y9amhRANCAAQ80OrvT0etenNtmouRhDLLUEpD/1Oc
9mOrgNnhJKU6eLKFrNavx/p+78v459vdC2Rk3Ln5K3KypFoT84hYPMFg
-----END PRIVATE KEY-----
`;
