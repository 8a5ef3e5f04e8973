/** Why a connection ended, and what follows. */

/**
 * - `lost`: no reason was given: the network, or a process that died.
 * - `silent`: nothing came for too long, not even a pong.
 * - `malformed-frame`: the server sent something that is no frame.
 * - `restarting`, `try-later`, `go-elsewhere`: the server asks to come back.
 * - `limits`: too many frames, or too slow a reader.
 * - `not-authenticated`, `bad-token`, `expired-token`: a new token is needed.
 * - `banned`, `newer-session`: nothing can be done here.
 * - `rejected`: the server could not read what this SDK sent.
 */
export type CloseReason =
  | "lost"
  | "silent"
  | "malformed-frame"
  | "restarting"
  | "try-later"
  | "go-elsewhere"
  | "limits"
  | "not-authenticated"
  | "bad-token"
  | "expired-token"
  | "banned"
  | "newer-session"
  | "rejected";

/** Code that the SDK closes with when the server broke the protocol. */
export const malformedCloseCode = 4400;

/** Close codes as in docs/protocol.md, "Close codes". */
export function closeReasonOf(code: number): CloseReason {
  switch (code) {
    case 1003:
    case 4400:
      return "rejected";
    case 1009:
    case 4429:
      return "limits";
    case 1012:
      return "restarting";
    case 1013:
      return "try-later";
    case 4401:
      return "not-authenticated";
    case 4403:
      return "banned";
    case 4409:
      return "newer-session";
    default:
      return "lost";
  }
}

/**
 * - `reconnect`: the same again after a pause.
 * - `new-token`: once more with a token that the token function gives; without one, the end.
 * - `end`: coming back would do harm or no good.
 */
export function afterClose(reason: CloseReason): "reconnect" | "new-token" | "end" {
  switch (reason) {
    case "not-authenticated":
    case "bad-token":
    case "expired-token":
      return "new-token";
    case "banned":
    case "newer-session":
    case "rejected":
      return "end";
    default:
      return "reconnect";
  }
}
