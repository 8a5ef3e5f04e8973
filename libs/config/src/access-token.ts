/** Issuer and audience of access tokens: what signers and gateways agree on. */
export const tokenIssuer = "hexhold";
export const tokenAudience = "hexhold-edge";
