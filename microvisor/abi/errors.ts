// Error codes: the label of an unsuccessful answer. Source: libsel4 sel4/errors.h; operands as in the seL4 manual.

export const error = {
  none: 0,
  /** MR0: index of the offending argument. */
  invalidArgument: 1,
  /** MR0: index of the offending capability; 0 is the one invoked. */
  invalidCapability: 2,
  illegalOperation: 3,
  /** MR0, MR1: least and greatest permitted value. */
  rangeError: 4,
  alignmentError: 5,
  /** MR0: 1 if the source was looked up; MR1…: the lookup failure, see faults.ts. */
  failedLookup: 6,
  truncatedMessage: 7,
  deleteFirst: 8,
  revokeFirst: 9,
  /** MR0: bytes that are left. */
  notEnoughMemory: 10,
} as const;

export type ErrorCode = (typeof error)[keyof typeof error];
export const errorNames = Object.keys(error) as readonly (keyof typeof error)[];
