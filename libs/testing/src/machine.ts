import { cpus, totalmem } from "node:os";

export interface Machine {
  readonly cpus: number;
  /** Of the first processor; empty where the system does not tell. */
  readonly model: string;
  readonly memoryMb: number;
}

/** On what something was measured: figures of two machines do not compare. */
export function machineOf(): Machine {
  const processors = cpus();
  return {
    cpus: processors.length,
    model: processors[0]?.model ?? "",
    memoryMb: Math.round(totalmem() / 1e6),
  };
}
