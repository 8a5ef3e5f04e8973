/** WebSocket close codes; docs/protocol.md, "Close codes". */
export const closeCode = {
  text: 1003,
  /** Never sent: the peer is not there. */
  silent: 1006,
  restarting: 1012,
  tryLater: 1013,
  malformed: 4400,
  notAuthenticated: 4401,
  banned: 4403,
  newerSession: 4409,
  limits: 4429,
} as const;
