/**
 * The environment of a private service: a PATH, a scratch folder and what it is given. The
 * caller's own is not passed on: a PGDATA or RABBITMQ_NODENAME meant for another server must
 * not reach ours.
 */
export function baseEnvironment(own: Readonly<Record<string, string>>): Record<string, string> {
  const usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const path = process.env["PATH"];
  return {
    PATH: path === undefined || path === "" ? usual : `${path}:${usual}`,
    TMPDIR: process.env["TMPDIR"] ?? "/tmp",
    LANG: "C.UTF-8",
    ...own,
  };
}
