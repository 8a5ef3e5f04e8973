import type { Account } from "@hexhold/client";
import { useState } from "preact/hooks";
import { enter } from "../account.ts";

/** Name and password, to register or to log in with. */
export function AccountForm({ onAccount }: { onAccount: (account: Account) => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (how: "register" | "login"): Promise<void> => {
    setBusy(true);
    setFault("");
    try {
      onAccount(await enter(how, name, password));
    } catch (error) {
      setFault((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const isShort = name.length < 3 || password.length < 8;
  return (
    <form
      class="account"
      onSubmit={(event) => {
        event.preventDefault();
        void submit("login");
      }}
    >
      <label for="name">Name</label>
      <input
        id="name"
        autocomplete="username"
        spellcheck={false}
        maxLength={24}
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <label for="password">Password, at least 8 characters</label>
      <input
        id="password"
        type="password"
        autocomplete="current-password"
        maxLength={128}
        value={password}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      <button type="submit" disabled={isBusy || isShort}>
        Log in
      </button>
      <button type="button" disabled={isBusy || isShort} onClick={() => void submit("register")}>
        Register
      </button>
      <p class="fault" role="alert">
        {fault}
      </p>
    </form>
  );
}
