/**
 * Which passwords are taken. Length (8 to 128 characters) is a rule of the message. No rules of composition:
 * NIST SP 800-63B, 5.1.1.2, advises against them.
 */

/** One form of a password, whatever keyboard typed it (NFKC, as NIST SP 800-63B has it). */
export function normalisedPassword(password: string): string {
  return password.normalize("NFKC");
}

/** True for the account's own name, forwards or backwards, and for one character or a short piece repeated. */
export function isWeakPassword(name: string, password: string): boolean {
  const plain = normalisedPassword(password).toLowerCase();
  const own = name.toLowerCase();
  return (
    plain === own || plain === own.split("").toReversed().join("") || /^(.{1,3})\1+$/u.test(plain)
  );
}
