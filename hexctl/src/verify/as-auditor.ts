import { auditorRole, type PgClient } from "@hexhold/postgres";

/**
 * Runs `work` with the rights of the auditor, which reads what is compared and nothing else. Who is logged in must be
 * that role, a member of it, or a superuser; rejects with what to do otherwise.
 */
export async function asAuditor<Result>(
  client: PgClient,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    await client.query(`SET ROLE ${auditorRole}`);
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === "22023" || code === "42704") {
      throw new Error(`There is no role ${auditorRole}: run hexctl migrate.`, { cause: error });
    }
    if (code !== "42501") throw error;
    throw new Error(
      `This login may not act as ${auditorRole}: log in as that role, as a member of it (GRANT ${auditorRole} TO …), or as a superuser.`,
      { cause: error },
    );
  }
  try {
    return await work();
  } finally {
    // On a connection that is lost there is nothing to give back.
    await client.query("RESET ROLE").catch(() => undefined);
  }
}
