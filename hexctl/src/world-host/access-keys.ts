/** The key pair of access tokens in development: made once per data directory, the private half mode 0600. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tokenAudience, tokenIssuer } from "@hexhold/config";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { writeFileWhole } from "../write-file-whole.ts";

export interface AccessKeys {
  /** JWKS document for gateways: public keys only. */
  readonly jwks: string;
  /** File that holds it. */
  readonly jwksFile: string;
  sign(claims: {
    accountId: string;
    keyText: string;
    ttlS: number;
    nowMs: number;
  }): Promise<string>;
}

const keyId = "dev-1";

export async function loadAccessKeys(dataDir: string): Promise<AccessKeys> {
  const privateFile = join(dataDir, "access-key.json");
  const jwksFile = join(dataDir, "access-keys.public.json");
  if (!existsSync(privateFile)) {
    const pair = await generateKeyPair("EdDSA", { extractable: true });
    const jwk = await exportJWK(pair.privateKey);
    writeFileWhole(privateFile, `${JSON.stringify({ ...jwk, kid: keyId, alg: "EdDSA" })}\n`);
  }
  const privateJwk = JSON.parse(readFileSync(privateFile, "utf8")) as JWK;
  const { d: _private, ...publicJwk } = privateJwk;
  const jwks = JSON.stringify({ keys: [publicJwk] });
  writeFileWhole(jwksFile, `${jwks}\n`);
  const key = (await importJWK(privateJwk, "EdDSA")) as CryptoKey;
  return {
    jwks,
    jwksFile,
    sign: ({ accountId, keyText, ttlS, nowMs }) =>
      new SignJWT({ hex: keyText })
        .setProtectedHeader({ alg: "EdDSA", kid: keyId })
        .setSubject(accountId)
        .setIssuer(tokenIssuer)
        .setAudience(tokenAudience)
        .setIssuedAt(Math.floor(nowMs / 1000))
        .setExpirationTime(Math.floor(nowMs / 1000) + ttlS)
        .sign(key),
  };
}
