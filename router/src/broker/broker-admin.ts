import type { BrokerMarks } from "./broker-mark.ts";

/** What a router asks of the broker besides messages. Adapter: `broker-admins/rabbitmq.ts`; none in one process. */
export interface BrokerAdmin {
  /** Every queue with what waits in it, by name; but for the mark, which waits for nobody. */
  queueDepths(): Promise<readonly QueueDepth[]>;
  /**
   * Closes the connections with these names, so that what their owner has in hand goes to the next
   * consumer. Names that are not there count as closed.
   */
  closeConnections(names: readonly string[], reason: string): Promise<void>;
  /** Alarms that are raised: while there is one, nothing can be published. Undefined where there are none to raise. */
  alarms?(): Promise<readonly BrokerAlarm[]>;
  /** Whose its queues are, and from which moment; undefined where they live and die with the process. */
  readonly marks?: BrokerMarks;
}

export interface QueueDepth {
  readonly name: string;
  readonly messagesReady: number;
  readonly messagesUnacked: number;
  readonly consumers: number;
}

export interface BrokerAlarm {
  /** Of the broker's cluster: `rabbit@host`. */
  readonly node: string;
  readonly of: "memory" | "disk";
  /** Bytes: memory that is used, or disk that is free. */
  readonly bytes: number;
  /** Bytes: memory that may be used, or disk that must be free. */
  readonly limitBytes: number;
}
