// The integers of x registers, by the suffixes of the instructions.

export const integers = {
  w: { bits: 32, signed: true },
  wu: { bits: 32, signed: false },
  l: { bits: 64, signed: true },
  lu: { bits: 64, signed: false },
} as const;
export type Integer = (typeof integers)[keyof typeof integers];
