/** What a router asks of the broker besides messages. Adapter: `broker-admins/rabbitmq.ts`; none in one process. */
export interface BrokerAdmin {
  /** Every queue with what waits in it, by name. */
  queueDepths(): Promise<readonly QueueDepth[]>;
  /**
   * Closes the connections with these names, so that what their owner has in hand goes to the next
   * consumer. Names that are not there count as closed.
   */
  closeConnections(names: readonly string[], reason: string): Promise<void>;
}

export interface QueueDepth {
  readonly name: string;
  readonly messagesReady: number;
  readonly messagesUnacked: number;
  readonly consumers: number;
}
