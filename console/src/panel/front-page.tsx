import { useState } from "preact/hooks";
import { AccountForm } from "./account-form.tsx";
import { Mark } from "./mark.tsx";

/** Shown while nobody plays: log in, make an account, or open a guest's address. */
export function FrontPage({ why }: { why: string | undefined }) {
  return (
    <main class="front">
      <Mark size={60} />
      <h1>Hexhold</h1>
      <p class="lead">One world, made of hexagons. Yours is waiting.</p>
      {why !== undefined && (
        <p class="why" role="status">
          {why}
        </p>
      )}
      <AccountForm />
      <GuestForm />
    </main>
  );
}

function GuestForm() {
  const [text, setText] = useState("");
  const token = tokenIn(text);
  return (
    <details class="guest">
      <summary>I have a guest’s play address</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          // As if it had been opened.
          if (token !== "") location.hash = `token=${token}`;
        }}
      >
        <label for="address">Play address</label>
        <input
          id="address"
          autocomplete="off"
          spellcheck={false}
          placeholder="http://…/#…"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" disabled={token === ""}>
          Play as a guest
        </button>
      </form>
    </details>
  );
}

/** People paste the whole address, or what is behind it alone. */
function tokenIn(text: string): string {
  return (/#token=([^&\s]+)/.exec(text)?.[1] ?? text).trim();
}
