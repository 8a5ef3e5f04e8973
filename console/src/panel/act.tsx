/** A command from a form: what is under way, and in words beside the form what became of it. */
import type { AnyOutcome } from "@hexhold/client";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { say } from "../notes.ts";
import { faultOfPage, outcomeWords, type Wish } from "../words/outcome-words.ts";

export interface Act {
  readonly isBusy: boolean;
  readonly said: { readonly tone: "good" | "bad"; readonly words: string } | undefined;
  /**
   * Sends, unless something is under way already. Resolves with whether it was applied, and never rejects.
   *
   * @param done said when it was applied
   */
  run(wish: Wish, send: () => Promise<AnyOutcome>, done: string): Promise<boolean>;
  /** Says what is wrong with what was entered. */
  fail(words: string): void;
  /** Forgets what was said. */
  clear(): void;
}

/** What is said after the form is gone is said as a note. */
export function useAct(): Act {
  const [isBusy, setBusy] = useState(false);
  const [said, setSaid] = useState<Act["said"]>();
  const isThere = useRef(true);
  const isRunning = useRef(false);
  useEffect(() => {
    isThere.current = true;
    return () => void (isThere.current = false);
  }, []);
  return {
    isBusy,
    said,
    async run(wish, send, done) {
      if (isRunning.current) return false;
      isRunning.current = true;
      setBusy(true);
      setSaid(undefined);
      let words: string | undefined;
      try {
        words = outcomeWords(wish, await send());
      } catch (error) {
        // Commands do not reject: it is a fault of the page.
        reportError(error);
        words = faultOfPage(wish);
      }
      isRunning.current = false;
      if (isThere.current) {
        setBusy(false);
        setSaid(words === undefined ? { tone: "good", words: done } : { tone: "bad", words });
      } else if (words !== undefined) say(words);
      return words === undefined;
    },
    fail: (words) => setSaid({ tone: "bad", words }),
    clear: () => setSaid(undefined),
  };
}

/** Always there, so that what it says is announced. */
export function Said({ act, id }: { act: Act; id?: string }) {
  return (
    <p class={`said ${act.said?.tone ?? ""}`} role="status" id={id}>
      {act.isBusy ? "One moment…" : act.said?.words}
    </p>
  );
}

/** A form whose faults are said in the page's words, so the browser's own checks are off. `submit` never rejects. */
export function ActForm({
  submit,
  children,
}: {
  submit: () => void | Promise<void>;
  children: ComponentChildren;
}) {
  return (
    <form
      class="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {children}
    </form>
  );
}

/** Not `disabled` while something is under way: the focus would be lost. */
export function ActButton({
  act,
  children,
  isOff = false,
  ...rest
}: {
  act: Act;
  children: ComponentChildren;
  isOff?: boolean;
  class?: string;
  type?: "submit" | "button";
  "aria-label"?: string | undefined;
  "aria-pressed"?: boolean;
  onClick?: () => void;
}) {
  const { onClick, type = "button" } = rest;
  return (
    <button
      {...rest}
      type={type}
      aria-disabled={act.isBusy || isOff}
      aria-busy={act.isBusy}
      onClick={(event) => {
        if (act.isBusy || isOff) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </button>
  );
}
