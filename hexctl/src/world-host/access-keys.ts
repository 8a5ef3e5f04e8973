/** The key pair of access tokens in development: made once per data directory, the private half mode 0600. */
import { join } from "node:path";
import { tokenAudience, tokenIssuer } from "@hexhold/config";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { z } from "zod";
import { readOwnFile, writeFileWhole } from "@hexhold/local-stack";

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
const jwkSchema = z.looseObject({ x: z.string().min(1), d: z.string().min(1) });
const advice =
  "it is the key that signs the tokens of hexctl token, so restore it from a backup, or move it away: " +
  "the next start makes a new one, and tokens of the old one count no more.";

export async function loadAccessKeys(dataDir: string): Promise<AccessKeys> {
  const privateFile = join(dataDir, "access-key.json");
  const jwksFile = join(dataDir, "access-keys.public.json");
  let privateJwk = readOwnFile(privateFile, jwkSchema, advice);
  if (privateJwk === undefined) {
    const pair = await generateKeyPair("EdDSA", { extractable: true });
    const jwk = await exportJWK(pair.privateKey);
    privateJwk = { ...jwk, d: jwk.d ?? "", x: jwk.x ?? "", kid: keyId, alg: "EdDSA" };
    writeFileWhole(privateFile, `${JSON.stringify(privateJwk)}\n`);
  }
  const { d: _private, ...publicJwk } = privateJwk;
  const jwks = JSON.stringify({ keys: [publicJwk] });
  writeFileWhole(jwksFile, `${jwks}\n`);
  const key = (await importJWK(privateJwk as JWK, "EdDSA")) as CryptoKey;
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
