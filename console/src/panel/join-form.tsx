import type { Account } from "@hexhold/client";
import { useState } from "preact/hooks";
import { AccountForm } from "./account-form.tsx";

/** Shown when the page was opened without a token, or with one that is no good any more. */
export function JoinForm({
  why,
  onToken,
  onAccount,
}: {
  why: string;
  onToken: (token: string) => void;
  /** Undefined: no account can join here now. */
  onAccount?: (account: Account) => void;
}) {
  const [text, setText] = useState("");
  const token = tokenIn(text);
  return (
    <main class="join">
      <svg viewBox="0 0 32 32" width="64" height="64" aria-hidden="true">
        <path d="M16 2 28 9v14L16 30 4 23V9Z" />
        <circle cx="16" cy="16" r="4" />
      </svg>
      <h1>Hexhold</h1>
      <p>{why}</p>
      {onAccount !== undefined && <AccountForm onAccount={onAccount} />}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token !== "") onToken(token);
        }}
      >
        <label for="token">Address or access token</label>
        <input
          id="token"
          autocomplete="off"
          spellcheck={false}
          placeholder="http://127.0.0.1:7600/#token=…"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" disabled={token === ""}>
          Join
        </button>
      </form>
    </main>
  );
}

/** People paste the whole address as well. */
function tokenIn(text: string): string {
  return (/#token=([^&\s]+)/.exec(text)?.[1] ?? text).trim();
}
