import { describe } from "vitest";
import { testLeaseStore } from "../lease-store-contract.ts";
import { createMemoryLeaseStore } from "./memory.ts";

describe("leases in memory", () => {
  testLeaseStore(async () => {
    const store = createMemoryLeaseStore();
    return { store, again: () => store };
  });
});
