import { create } from "@bufbuild/protobuf";
import { tokenAudience, tokenIssuer } from "@hexhold/config";
import { type PublicKey, PublicKeySchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, test } from "vitest";
import { createKeyRing } from "./key-ring.ts";
import { createTokenCheck } from "./token-check.ts";

const account = "01a205e9-4066-75d4-a65b-335845c5b501";

interface Signer {
  readonly key: PublicKey;
  readonly jwks: string;
  sign(changes?: { aud?: string; alg?: string; sid?: string; lifeS?: number }): Promise<string>;
}

async function newSigner(kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA");
  const jwk = await exportJWK(publicKey);
  return {
    key: create(PublicKeySchema, { kid, publicKey: Buffer.from(jwk.x ?? "", "base64url") }),
    jwks: JSON.stringify({ keys: [{ ...jwk, kid, alg: "EdDSA" }] }),
    sign: ({ aud = tokenAudience, sid, lifeS = 900 } = {}) =>
      new SignJWT(sid === undefined ? {} : { sid })
        .setProtectedHeader({ alg: "EdDSA", kid })
        .setSubject(account)
        .setIssuer(tokenIssuer)
        .setAudience(aud)
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + lifeS)
        .sign(privateKey),
  };
}

const nobody = JSON.stringify({ keys: [] });

test("an unknown key is asked for once, by all who wait for it", async () => {
  const signer = await newSigner("new");
  let asked = 0;
  const ring = createKeyRing(nobody, async () => {
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 5));
    ring.replace([signer.key]);
    return true;
  });
  const check = createTokenCheck(ring, Date.now);
  const token = await signer.sign({ sid: "a-login" });
  const claims = await Promise.all([check(token), check(token)]);
  expect(claims.map(({ accountText, loginId }) => [accountText, loginId])).toEqual([
    [account, "a-login"],
    [account, "a-login"],
  ]);
  expect(asked).toBe(1);
});

test("a flood of made-up keys asks once a second, and each token is bad", async () => {
  let asked = 0;
  const ring = createKeyRing(nobody, () => Promise.resolve(++asked > 0));
  const check = createTokenCheck(ring, Date.now);
  for (let n = 0; n < 20; n++) {
    const token = await (await newSigner(`made-up-${n}`)).sign();
    await expect(check(token)).rejects.toMatchObject({ reason: "bad-token" });
  }
  expect(asked).toBe(1);
});

test("while nobody can be asked, an unknown key is not called bad; a known one is taken", async () => {
  const [known, unknown] = [await newSigner("known"), await newSigner("unknown")];
  const check = createTokenCheck(
    createKeyRing(known.jwks, () => Promise.resolve(false)),
    Date.now,
  );
  await expect(check(await unknown.sign())).rejects.toMatchObject({ reason: "keys-unknown" });
  expect((await check(await known.sign())).accountText).toBe(account);
});

test("configured keys stay whatever the service names, and a named one goes when it is named no more", async () => {
  const [configured, named] = [await newSigner("dev-1"), await newSigner("named")];
  const ring = createKeyRing(configured.jwks, () => Promise.resolve(true));
  const check = createTokenCheck(ring, Date.now);
  ring.add(named.key);
  expect((await check(await named.sign())).loginId).toBeUndefined();
  ring.replace([]);
  await expect(check(await named.sign())).rejects.toMatchObject({ reason: "bad-token" });
  expect((await check(await configured.sign())).accountText).toBe(account);
});

test("another's signature under a known name, another audience and an ended token are not taken", async () => {
  const [own, forger] = [await newSigner("same"), await newSigner("same")];
  const check = createTokenCheck(
    createKeyRing(own.jwks, () => Promise.resolve(true)),
    Date.now,
  );
  await expect(check(await forger.sign())).rejects.toMatchObject({ reason: "bad-token" });
  await expect(check(await own.sign({ aud: "other" }))).rejects.toMatchObject({
    reason: "bad-token",
  });
  await expect(check(await own.sign({ lifeS: -60 }))).rejects.toMatchObject({
    reason: "expired-token",
  });
  expect((await check(await own.sign())).accountText).toBe(account);
});
