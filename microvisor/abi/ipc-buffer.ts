// The IPC buffer: 1 KiB of user memory, 64-bit words. Source: libsel4 shared_types.h. Indices count words.

export const ipcBuffer = {
  tag: 0,
  /** Message word i is at `message + i`; words 0 to 3 travel in registers. */
  message: 1,
  userData: 121,
  /** Addresses of capabilities to send; on receipt the badges of those that were unwrapped. */
  capsOrBadges: 122,
  receiveCNode: 125,
  receiveIndex: 126,
  receiveDepth: 127,
  words: 128,
} as const;
