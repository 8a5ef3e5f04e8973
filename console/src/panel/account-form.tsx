import { useRef, useState } from "preact/hooks";
import { enter, faultWords } from "../account.ts";
import { play } from "../stage.ts";
import {
  type FieldFault,
  formFault,
  type How,
  nameRule,
  passwordRule,
} from "../words/account-words.ts";

type Fault = FieldFault | { readonly field: undefined; readonly words: string };

const doing: Readonly<Record<How, string>> = { login: "Log in", register: "Create account" };

/** Name and password, to log in with or to make an account of. */
export function AccountForm() {
  const [how, setHow] = useState<How>("login");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState<Fault>();
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  const fail = (found: Fault): void => {
    setFault(found);
    form.current?.querySelector<HTMLInputElement>(`#${found.field ?? "name"}`)?.focus();
  };
  const submit = async (): Promise<void> => {
    const found = formFault(how, name, password);
    if (found !== undefined) {
      fail(found);
      return;
    }
    setBusy(true);
    setFault(undefined);
    try {
      play({ kind: "account", account: await enter(how, name, password) });
    } catch (error) {
      fail({ field: undefined, words: faultWords(error) });
    } finally {
      setBusy(false);
    }
  };
  const isNew = how === "register";
  return (
    <form
      ref={form}
      class="account"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div class="choice" role="group" aria-label="Log in, or create an account">
        {(["login", "register"] as const).map((choice) => (
          <button
            key={choice}
            type="button"
            aria-pressed={choice === how}
            onClick={() => (setHow(choice), setFault(undefined))}
          >
            {choice === "login" ? "I play already" : "I am new here"}
          </button>
        ))}
      </div>
      <label for="name">Name</label>
      <input
        id="name"
        name="name"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        value={name}
        aria-invalid={fault?.field === "name"}
        aria-describedby={`${isNew ? "name-rule " : ""}fault`}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      {isNew && (
        <p class="rule" id="name-rule">
          {nameRule}
        </p>
      )}
      <label for="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete={isNew ? "new-password" : "current-password"}
        value={password}
        aria-invalid={fault?.field === "password"}
        aria-describedby={`${isNew ? "password-rule " : ""}fault`}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      {isNew && (
        <p class="rule" id="password-rule">
          {passwordRule}
        </p>
      )}
      <p class="fault" id="fault" role="alert">
        {fault?.words}
      </p>
      <button type="submit" class="primary" disabled={isBusy}>
        {isBusy ? "One moment…" : doing[how]}
      </button>
    </form>
  );
}
