/** What we use of it; it brings no types. */
declare module "fs-native-extensions" {
  /** An exclusive lock (or a shared one) of the open file description; false when somebody else's is in the way. */
  export function tryLock(fd: number, options?: { readonly shared?: boolean }): boolean;
  export function unlock(fd: number): void;
}
