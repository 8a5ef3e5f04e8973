import fc from "fast-check";
import { expect, it } from "vitest";
import { PendingReports } from "./pending-reports.ts";

function reporting(limits: { sessionsMax?: number; changesMax?: number } = {}) {
  const held = new Set<string>();
  const pending = new PendingReports<string>({ held: () => held, idOf: (id) => id, ...limits });
  return {
    held,
    pending,
    begin: (id: string): void => {
      held.add(id);
      pending.changed(id, true);
    },
    end: (id: string): void => {
      held.delete(id);
      pending.changed(id, false);
    },
    /** What is told next, and answered. */
    tell: (isListWanted = false): unknown[] => {
      const { number, listBegins, listEnds, sessions } = pending.next;
      pending.answered(isListWanted);
      const names = sessions.map(({ session, held: is }) => `${is ? "+" : "-"}${session}`);
      return [number, listBegins, listEnds, names.join(" ")];
    },
  };
}

it("begins with a list, goes on with changes, and says nothing more when there are none", () => {
  const { pending, begin, end, tell } = reporting();
  expect(tell()).toEqual([1, true, true, ""]);
  expect(pending.isAny).toBe(false);
  begin("a");
  begin("b");
  end("a");
  expect(pending.isAny).toBe(true);
  expect(tell()).toEqual([2, false, false, "+b -a"]);
  expect(tell()).toEqual([3, false, false, ""]);
});

it("of a session that ends and goes on before it is told, only the last word is told", () => {
  const { begin, end, tell } = reporting();
  tell();
  begin("a");
  end("a");
  begin("a");
  expect(tell()).toEqual([2, false, false, "+a"]);
});

it("a report is the same until it is answered, whatever happens meanwhile", () => {
  const { pending, begin, end } = reporting();
  pending.answered(false);
  begin("a");
  const first = pending.next;
  end("a");
  expect(pending.next).toBe(first);
  pending.answered(false);
  expect(pending.next).not.toBe(first);
});

it("a list that is wanted begins at once, in parts; what was not taken comes after it, unless it has changed", () => {
  const { begin, end, tell, pending } = reporting({ sessionsMax: 2 });
  tell();
  for (const id of ["a", "b", "c"]) begin(id);
  tell();
  tell();
  end("a");
  end("b");
  void pending.next;
  begin("b");
  expect(tell(true)).toEqual([4, false, false, "-a -b"]);
  begin("d");
  expect(tell()).toEqual([5, true, false, "+c +b"]);
  expect(tell()).toEqual([6, false, true, "+d"]);
  expect(tell()).toEqual([7, false, false, "-a +b"]);
  expect(tell()).toEqual([8, false, false, "+d"]);
  expect(pending.isAny).toBe(false);
});

it("beyond its limit the oldest change is dropped, and a list says what is held", () => {
  const { begin, tell } = reporting({ changesMax: 2 });
  tell();
  for (const id of ["a", "b", "c"]) begin(id);
  expect(tell()).toEqual([2, true, true, "+a +b +c"]);
});

/** What accounts do with reports, in short. */
class Accounts {
  number = 0;
  listFrom: number | undefined;
  sessions = new Map<string, number>();
  take(report: PendingReports<string>["next"]): "taken" | "list-wanted" {
    const { number, listBegins, listEnds } = report;
    if (number <= this.number) return "taken";
    if (!listBegins && (this.number === 0 || number !== this.number + 1)) return "list-wanted";
    this.number = number;
    if (listBegins) this.listFrom = number;
    for (const { session, held } of report.sessions) {
      if (held) this.sessions.set(session, number);
      else this.sessions.delete(session);
    }
    if (listEnds) {
      for (const [session, of] of this.sessions) {
        if (of < this.listFrom!) this.sessions.delete(session);
      }
    }
    return "taken";
  }
}

it("whatever is lost, repeated, late or forgotten: when all is told, accounts know exactly the open sessions", () => {
  const step = fc.record({
    what: fc.constantFrom("begin", "end", "tell", "lose-report", "lose-answer", "repeat", "forget"),
    n: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { held, pending, begin, end } = reporting({ sessionsMax: 2, changesMax: 4 });
      let accounts = new Accounts();
      const sent: PendingReports<string>["next"][] = [];
      const tell = (): void => {
        sent.push(pending.next);
        pending.answered(accounts.take(pending.next) === "list-wanted");
      };
      for (const { what, n } of steps) {
        if (what === "begin") begin(String(n));
        else if (what === "end" && held.has(String(n))) end(String(n));
        else if (what === "tell") tell();
        else if (what === "lose-report") sent.push(pending.next);
        else if (what === "lose-answer") accounts.take(pending.next);
        else if (what === "repeat" && sent.length > n) accounts.take(sent[n]!);
        else if (what === "forget") accounts = new Accounts();
      }
      for (let round = 0; round < 40 && (round < 3 || pending.isAny); round++) tell();
      expect([...accounts.sessions.keys()].toSorted()).toEqual([...held].toSorted());
    }),
    { numRuns: 500 },
  );
});
