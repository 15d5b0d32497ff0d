// What the sweep throws when an invariant is broken.

export class InvariantError extends Error {
  override readonly name = 'InvariantError';
  constructor(
    /** Which invariant, the same for every object that breaks it. */
    readonly rule: string,
    /** What broke it: names objects. */
    readonly what: string,
  ) {
    super(`${rule}: ${what}`);
  }
}

export function violated(rule: string, what: string): never {
  throw new InvariantError(rule, what);
}
