/** What every adapter of the bus must do; run against each by `buses/*.int.test.ts`. Imported by tests only. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bus, BusMessage, Delivery, Subscription } from "./bus.ts";

/** A broker under test. */
export interface BusUnderTest {
  /** A bus of its own, connected. */
  connect(): Promise<Bus>;
  /** Declares a durable queue that holds at most `lengthMax` messages, and returns its name. */
  queue(lengthMax?: number): Promise<string>;
  /** A declared queue of a service, empty. */
  readonly serviceQueue: string;
  /** Ends a bus as the death of its process would. */
  kill(bus: Bus): Promise<void>;
  /** Kills and restarts the broker; undefined where it lives and dies with the process. */
  readonly restartBroker?: () => Promise<void>;
  /** What a confirm means. */
  readonly confirmMeans: "stored" | "handled";
  end(): Promise<void>;
}

const text = (delivery: Pick<Delivery, "body">): string => Buffer.from(delivery.body).toString();
const message = (body: string, replyTo?: string): BusMessage => ({
  type: "batch.v1",
  body: Buffer.from(body),
  ...(replyTo === undefined ? {} : { replyTo }),
});

export function describeBus(name: string, start: () => Promise<BusUnderTest>): void {
  describe(`the bus on ${name}`, () => {
    let broker: BusUnderTest;
    let producer: Bus;
    beforeEach(async () => {
      broker = await start();
      producer = await broker.connect();
    });
    afterEach(async () => {
      await producer.close();
      await broker.end();
    });

    /** Consumes with everything kept, nothing acked by itself. */
    async function consume(
      bus: Bus,
      queue: string,
    ): Promise<{ got: Delivery[]; subscription: Subscription }> {
      const got: Delivery[] = [];
      const subscription = await bus.consume(queue, {
        prefetch: 1,
        onDelivery: (d) => got.push(d),
      });
      return { got, subscription };
    }

    it("gives messages in order, one at a time", async () => {
      const queue = await broker.queue();
      const { got, subscription } = await consume(producer, queue);
      const confirms = ["a", "b", "c"].map((body) => producer.publish(queue, message(body, "me")));
      await expect.poll(() => got.map(text)).toEqual(["a"]);
      expect([got[0]!.replyTo, got[0]!.type, got[0]!.redelivered]).toEqual([
        "me",
        "batch.v1",
        false,
      ]);
      got[0]!.ack();
      await expect.poll(() => got.map(text)).toEqual(["a", "b"]);
      got[1]!.ack();
      await expect.poll(() => got.map(text)).toEqual(["a", "b", "c"]);
      got[2]!.ack();
      expect(await Promise.all(confirms)).toEqual(["confirmed", "confirmed", "confirmed"]);
      await subscription.close();
    });

    it("gives back in order what a closed consumer had in hand, marked as redelivered", async () => {
      const queue = await broker.queue();
      const first = await consume(producer, queue);
      const confirms = ["a", "b"].map((body) => producer.publish(queue, message(body)));
      await expect.poll(() => first.got.map(text)).toEqual(["a"]);
      await first.subscription.close();
      expect(await first.subscription.closed).toBeTypeOf("string");
      const second = await consume(producer, queue);
      await expect.poll(() => second.got.map(text)).toEqual(["a"]);
      expect(second.got[0]!.redelivered).toBe(true);
      // An ack of the closed consumer's delivery is nobody's.
      first.got[0]!.ack();
      second.got[0]!.ack();
      await expect.poll(() => second.got.map(text)).toEqual(["a", "b"]);
      second.got[1]!.ack();
      await Promise.all(confirms);
      await second.subscription.close();
    });

    it("gives back several that a closed consumer had in hand in their order, before all others", async () => {
      const queue = await broker.queue();
      const open = async (bus: Bus): Promise<{ got: Delivery[]; subscription: Subscription }> => {
        const got: Delivery[] = [];
        const onDelivery = (delivery: Delivery): void => void got.push(delivery);
        return { got, subscription: await bus.consume(queue, { prefetch: 4, onDelivery }) };
      };
      const first = await open(producer);
      const letters = ["a", "b", "c", "d", "e", "f"];
      const confirms = letters.map((body) => producer.publish(queue, message(body)));
      await expect.poll(() => first.got.map(text)).toEqual(["a", "b", "c", "d"]);
      first.got[0]!.ack();
      await expect.poll(() => first.got.map(text)).toEqual(["a", "b", "c", "d", "e"]);
      await first.subscription.close();
      const second = await open(producer);
      await expect.poll(() => second.got.map(text)).toEqual(["b", "c", "d", "e"]);
      expect(second.got.map(({ redelivered }) => redelivered)).toEqual([true, true, true, true]);
      for (const delivery of second.got.slice()) delivery.ack();
      await expect.poll(() => second.got.map(text)).toEqual(["b", "c", "d", "e", "f"]);
      second.got[4]!.ack();
      await Promise.all(confirms);
      await second.subscription.close();
    });

    it("gives the next consumer first what the last one had in hand, also when it waits already", async () => {
      const queue = await broker.queue();
      const first = await consume(producer, queue);
      const standby = await consume(producer, queue);
      const confirms = ["a", "b"].map((body) => producer.publish(queue, message(body)));
      await expect.poll(() => first.got.map(text)).toEqual(["a"]);
      await first.subscription.close();
      await expect.poll(() => standby.got.map(text)).toEqual(["a"]);
      standby.got[0]!.ack();
      await expect.poll(() => standby.got.map(text)).toEqual(["a", "b"]);
      standby.got[1]!.ack();
      await Promise.all(confirms);
      await standby.subscription.close();
    });

    it("loses nothing when the consumer is killed, and lets one consumer at a time have the queue", async () => {
      const queue = await broker.queue();
      const dying = await broker.connect();
      const first = await consume(dying, queue);
      const standby = await consume(producer, queue);
      const confirms = ["a", "b"].map((body) => producer.publish(queue, message(body)));
      await expect.poll(() => first.got.map(text)).toEqual(["a"]);
      expect(standby.got).toEqual([]);
      await broker.kill(dying);
      await expect.poll(() => standby.got.map(text), { timeout: 10_000 }).toEqual(["a"]);
      standby.got[0]!.ack();
      await expect.poll(() => standby.got.map(text)).toEqual(["a", "b"]);
      standby.got[1]!.ack();
      expect(await Promise.all(confirms)).toEqual(["confirmed", "confirmed"]);
    });

    it("keeps what a killed producer had confirmed, and says `unknown` of the rest", async () => {
      const queue = await broker.queue();
      const dying = await broker.connect();
      const outcome = dying.publish(queue, message("a"));
      if (broker.confirmMeans === "stored") expect(await outcome).toBe("confirmed");
      const late = broker.confirmMeans === "stored" ? undefined : outcome;
      await broker.kill(dying);
      if (late !== undefined) expect(await late).toBe("unknown");
      expect(await dying.publish(queue, message("b"))).toBe("unsent");
      const { got } = await consume(producer, queue);
      await expect.poll(() => got.map(text)).toEqual(["a"]);
      got[0]!.ack();
    });

    it("says when a queue is not there and when it is full", async () => {
      expect(await producer.publish("cmd.nowhere", message("a"))).toBe("unroutable");
      await expect(
        producer.consume("cmd.nowhere", { prefetch: 1, onDelivery: () => undefined }),
      ).rejects.toThrow(/cmd\.nowhere/);
      const queue = await broker.queue(2);
      // The limit of a quorum queue is passed by what was on its way when it was reached.
      let refused = false;
      for (let n = 0; n < 50 && !refused; n++) {
        const outcome = producer.publish(queue, message(String(n)));
        const soon = new Promise((resolve) => setTimeout(resolve, 50));
        refused = (await Promise.race([outcome, soon])) === "refused";
      }
      expect(refused).toBe(true);
    });

    it("reaches queues of services as those of slots, and outlives a queue that is not there", async () => {
      const { state } = producer;
      for (const queue of [await broker.queue(), broker.serviceQueue]) {
        const { got, subscription } = await consume(producer, queue);
        const confirm = producer.publish(queue, message(queue));
        await expect.poll(() => got.map(text)).toEqual([queue]);
        got[0]!.ack();
        expect(await confirm).toBe("confirmed");
        await subscription.close();
      }
      // Of a service without such a queue, and of one that the contracts do not name.
      for (const queue of ["cmd.inventory.8", "cmd.nobody.3", "cmd.p99"]) {
        expect([queue, await producer.publish(queue, message("a"))]).toEqual([queue, "unroutable"]);
      }
      expect(producer.state).toEqual(state);
    });

    it("carries replies and views to inboxes that are bound, each once", async () => {
      const got: string[] = [];
      const inbox = await producer.openInbox({
        name: `gw.test.${Math.random().toString(36).slice(2)}`,
        lengthMax: 100,
        onMessage: (m) => got.push(text(m)),
      });
      producer.reply(inbox.name, { type: "answers.v1", body: Buffer.from("answer") });
      await expect.poll(() => got).toEqual(["answer"]);
      const view = (body: string): BusMessage => ({ type: "view.v1", body: Buffer.from(body) });
      producer.publishView(["r1", "r2"], view("nobody"));
      // Inboxes are bound over another connection: what goes the same way as the view tells that it has arrived.
      producer.reply(inbox.name, { type: "answers.v1", body: Buffer.from("behind it") });
      await expect.poll(() => got).toEqual(["answer", "behind it"]);
      got.length = 0;
      await inbox.bind("r1");
      await inbox.bind("r2");
      producer.publishView(["r1", "r2"], view("both"));
      producer.publishView(["r3", "r2"], view("second"));
      producer.publishView(["r3"], view("other"));
      await expect.poll(() => got).toEqual(["both", "second"]);
      await inbox.unbind("r2");
      producer.publishView(["r2"], view("unbound"));
      producer.publishView(["r1"], view("last"));
      await expect.poll(() => got).toEqual(["both", "second", "last"]);
      producer.reply("gw.nobody.reply", { type: "answers.v1", body: Buffer.from("lost") });
      await inbox.close();
    });

    it("tells views from topics, which travel the same way, each message once", async () => {
      const got: string[] = [];
      const inbox = await producer.openInbox({
        name: `gw.test.${Math.random().toString(36).slice(2)}`,
        lengthMax: 100,
        onMessage: (m) => got.push(`${m.type} ${text(m)}`),
      });
      for (const key of ["to.7", "market.wood", "region"]) await inbox.bind(key);
      producer.publishView(["to.8"], { type: "topic.v1", body: Buffer.from("another bucket") });
      producer.publishView(["to.7"], { type: "topic.v1", body: Buffer.from("bucket") });
      producer.publishView(["region"], { type: "view.v1", body: Buffer.from("view") });
      const both = { type: "topic.v1", body: Buffer.from("both") } as const;
      producer.publishView(["market.wood", "to.7"], both);
      await expect.poll(() => got).toEqual(["topic.v1 bucket", "view.v1 view", "topic.v1 both"]);
      await inbox.close();
    });

    it("comes back after the broker was killed, with nothing missing that was confirmed and not handled", async () => {
      const { restartBroker } = broker;
      if (restartBroker === undefined) {
        // It lives and dies with the process: what is confirmed is handled, so nothing can be missing.
        expect(broker.confirmMeans).toBe("handled");
        return;
      }
      const queue = await broker.queue();
      // A quorum queue of RabbitMQ 3.10 that is killed within a second of its birth may come back without a leader.
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const bodies = Array.from({ length: 20 }, (_, i) => String(i));
      const confirmed: string[] = [];
      for (const body of bodies) {
        if ((await producer.publish(queue, message(body))) === "confirmed") confirmed.push(body);
      }
      const states: string[] = [];
      producer.onState((state) => states.push(state.mode));
      await restartBroker();
      await expect.poll(() => producer.state.mode, { timeout: 30_000 }).toBe("connected");
      expect(states).toContain("disconnected");
      const got: string[] = [];
      await expect
        .poll(
          async () => {
            await producer
              .consume(queue, {
                prefetch: 1,
                onDelivery: (delivery) => {
                  got.push(text(delivery));
                  delivery.ack();
                },
              })
              .catch(() => undefined);
            return confirmed.every((body) => got.includes(body));
          },
          { timeout: 30_000, interval: 500 },
        )
        .toBe(true);
      expect([...new Set(got)].filter((body) => confirmed.includes(body))).toEqual(confirmed);
    }, 90_000);
  });
}
