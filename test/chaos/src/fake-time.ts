/** Clocks that are set for one process, by Debian's libfaketime. */

const machine = process.arch === "arm64" ? "aarch64" : "x86_64";

/** For `LD_PRELOAD`; the one for programs with threads. It is there where the package is installed. */
export const fakeTimeLibrary = `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`;
