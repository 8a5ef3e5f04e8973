/** Whether a store or a broker has let nobody in. Drivers say so in ways of their own; nobody should have to know them. */
import { codeOf } from "./read-if-there.ts";

interface Refusal {
  readonly store: string;
  readonly option: string;
  readonly isIt: (error: object, message: string) => boolean;
}

/** SQLSTATEs of PostgreSQL: invalid password, invalid authorization. */
const postgresStates: ReadonlySet<string> = new Set(["28P01", "28000"]);
/** Code of MongoDB: AuthenticationFailed. */
const mongoAuthenticationFailed = 18;

const refusals: readonly Refusal[] = [
  {
    store: "PostgreSQL",
    option: "postgresUrl (HEXHOLD_POSTGRES_URL)",
    isIt: (error) => postgresStates.has(codeOf(error) ?? ""),
  },
  {
    store: "RabbitMQ",
    option: "rabbitmqUrl (HEXHOLD_RABBITMQ_URL)",
    // amqplib has no code for it, and where the broker only closes the socket it says so in words.
    isIt: (_error, message) =>
      /ACCESS.REFUSED|Expected ConnectionOpenOk; got <ConnectionClose|403 \(ACCESS/i.test(message),
  },
  {
    store: "Redis",
    option: "redisUrl (HEXHOLD_REDIS_URL)",
    isIt: (_error, message) => /^(?:WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/.test(message),
  },
  {
    store: "MongoDB",
    option: "mongodbUrl (HEXHOLD_MONGODB_URL)",
    isIt: (error, message) =>
      (error as { readonly code?: unknown }).code === mongoAuthenticationFailed ||
      // FerretDB hands on what PostgreSQL says, without its code.
      (error.constructor.name.startsWith("Mongo") && /authentication failed/i.test(message)),
  },
];

/**
 * A sentence that says which store refuses the password, and which option to check; undefined when the error is another
 * one. Looks through causes and gathered errors. Carries the driver's text, which names users and never passwords.
 */
export function storeRefusal(error: unknown): string | undefined {
  for (const each of causesOf(error)) {
    if (typeof each !== "object" || each === null) continue;
    const { message = "" } = each as { readonly message?: string };
    const found = refusals.find(({ isIt }) => isIt(each, message));
    if (found !== undefined) {
      return `${found.store} refuses the password, or has no such user (${message}): check ${found.option}`;
    }
  }
  return undefined;
}

/** The error, what it gathers, and what they were caused by. */
export function causesOf(error: unknown): unknown[] {
  const gathered = error instanceof AggregateError ? error.errors.flatMap(causesOf) : [];
  const cause = error instanceof Error && error.cause !== undefined ? causesOf(error.cause) : [];
  return [error, ...gathered, ...cause];
}

/** Why PostgreSQL does not serve, in words: it refuses, or it does not answer. */
export function postgresFault(error: unknown): string {
  return storeRefusal(error) ?? `PostgreSQL does not answer (${wordsOf(error)})`;
}

/** A refused connection to several addresses has a code and no message. */
function wordsOf(error: unknown): string {
  const { message } = (error ?? {}) as { readonly message?: string };
  return message === undefined || message === "" ? (codeOf(error) ?? String(error)) : message;
}
