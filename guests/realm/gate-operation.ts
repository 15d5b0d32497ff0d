// Both sides of a realm's gate count operations by this table. Behind the operation stand the units of fuel that are paid for
// before it takes effect, then its operands. The result is undefined where the turn has ended.

export type Primitive = string | number | bigint | boolean | undefined;

/** Operations of the gate, with their operands and results. */
export const gateOperation = {
  /** → true: they are paid for */
  pay: 0,
  /** number, capability, info, reply, destination, four words → whether the call has returned */
  systemCall: 1,
  /** index → value */
  register: 2,
  /** address, one character per byte → whether they are written, one after the other, to this address */
  storeEach: 3,
  /** address, size → value, or undefined: faulted */
  load: 4,
  /** address, size, value → whether it is done */
  store: 5,
  /** address, length → one character per byte, or undefined: faulted */
  loadBytes: 6,
  /** address, one character per byte → whether it is done */
  storeBytes: 7,
  /** number, code */
  fault: 8,
  /** JSON of the fault record */
  report: 9,
} as const;
