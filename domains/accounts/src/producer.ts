/** This process in the envelopes that it makes. */
export interface Producer {
  readonly service: "accounts";
  readonly version: string;
  readonly instance: string;
}
