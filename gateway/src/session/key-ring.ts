/** Public keys of access tokens: those of the configuration, and those that the accounts service names. */
import type { PublicKey } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from "jose";

export interface KeyRing {
  /** For `jwtVerify`. Asks for keys when it does not know the token's, at most once a second. */
  readonly keyOf: JWTVerifyGetKey;
  /** In place of what the accounts service named before. */
  replace(keys: readonly PublicKey[]): void;
  add(key: PublicKey): void;
}

/** A key is not known here, and the accounts service could not be asked: the token may be good. */
export class KeysUnknownError extends Error {
  readonly code = "KEYS_UNKNOWN";
  constructor() {
    super("the accounts service does not answer, and the token's key is not known here");
    this.name = "KeysUnknownError";
  }
}

const askEveryMs = 1000;

/**
 * Throws when `jwksText` is no JWKS document.
 * @param ask asks the accounts service and calls `replace`; false when there was no answer.
 */
export function createKeyRing(jwksText: string, ask: () => Promise<boolean>): KeyRing {
  const configured = JSON.parse(jwksText) as JSONWebKeySet;
  const named = new Map<string, JWK>();
  let current = createLocalJWKSet(configured);
  let asking: Promise<boolean> | undefined;
  let askedMs = -askEveryMs;
  let wasAnswered = false;

  const rebuild = (): void => {
    current = createLocalJWKSet({ keys: [...configured.keys, ...named.values()] });
  };
  const put = ({ kid, publicKey }: PublicKey): void => {
    const x = Buffer.from(publicKey).toString("base64url");
    named.set(kid, { kty: "OKP", crv: "Ed25519", alg: "EdDSA", kid, x });
  };
  const askOnce = async (): Promise<boolean> => {
    if (asking === undefined && performance.now() - askedMs < askEveryMs) return wasAnswered;
    asking ??= ask().finally(() => {
      asking = undefined;
      askedMs = performance.now();
    });
    wasAnswered = await asking;
    return wasAnswered;
  };

  return {
    async keyOf(header, token) {
      try {
        return await current(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        if (!(await askOnce())) throw new KeysUnknownError();
        return current(header, token);
      }
    },
    replace(keys) {
      named.clear();
      for (const key of keys) put(key);
      rebuild();
    },
    add(key) {
      put(key);
      rebuild();
    },
  };
}
