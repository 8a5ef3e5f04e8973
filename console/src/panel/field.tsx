/** Parts of forms: each control with its label. */
import type { ComponentChildren } from "preact";

interface FieldProps {
  /** Unique on the page. */
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  /** Id of what says what is wrong. */
  readonly describedBy?: string;
}

/** A whole number, as text: what is entered may be above 2⁵³. */
export function AmountField(props: FieldProps & { readonly isInvalid?: boolean }) {
  return <TextField {...props} inputMode="numeric" charactersMax={24} className="amount-field" />;
}

export function TextField({
  id,
  label,
  value,
  onValue,
  describedBy,
  isInvalid = false,
  inputMode = "text",
  charactersMax,
  className = "",
}: FieldProps & {
  readonly isInvalid?: boolean;
  readonly inputMode?: "text" | "numeric" | "decimal";
  readonly charactersMax: number;
  readonly className?: string;
}) {
  return (
    <div class={`field ${className}`}>
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        inputMode={inputMode}
        autocomplete="off"
        spellcheck={false}
        maxLength={charactersMax}
        value={value}
        aria-invalid={isInvalid}
        aria-describedby={describedBy}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </div>
  );
}

export function SelectField({
  id,
  label,
  value,
  onValue,
  children,
  className = "",
}: FieldProps & { readonly children: ComponentChildren; readonly className?: string }) {
  return (
    <div class={`field ${className}`}>
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {children}
      </select>
    </div>
  );
}

/** One of a few, all in sight. */
export function Choice<Value extends string | number>({
  label,
  options,
  value,
  onValue,
  className = "",
}: {
  readonly label: string;
  readonly options: readonly (readonly [Value, ComponentChildren])[];
  readonly value: Value;
  readonly onValue: (value: Value) => void;
  readonly className?: string;
}) {
  return (
    <div
      class={`choice ${className}`}
      role="group"
      aria-label={label}
      style={{ "--count": options.length }}
    >
      {options.map(([option, words]) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === value}
          onClick={() => onValue(option)}
        >
          {words}
        </button>
      ))}
    </div>
  );
}
