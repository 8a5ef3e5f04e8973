import { describeBus } from "../bus-contract.ts";
import { createMemoryBus, MemoryBroker } from "./memory.ts";

describeBus("one process's memory", () => {
  const broker = new MemoryBroker();
  let queues = 0;
  broker.declareQueue("cmd.router", 1000);
  return Promise.resolve({
    connect: () => Promise.resolve(createMemoryBus(broker)),
    queue(lengthMax = 1000) {
      const name = `cmd.test.${queues++}`;
      broker.declareQueue(name, lengthMax);
      return Promise.resolve(name);
    },
    serviceQueue: "cmd.router",
    kill: (bus) => bus.close(),
    confirmMeans: "handled" as const,
    end: () => Promise.resolve(),
  });
});
