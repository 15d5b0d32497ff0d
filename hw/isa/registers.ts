// Register names of the standard calling convention (RISC-V ABIs specification, "Register Convention").

export const xNames: readonly string[] = [
  ...['zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1'],
  ...['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'],
  ...['s2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6'],
];

export const fNames: readonly string[] = [
  ...['ft0', 'ft1', 'ft2', 'ft3', 'ft4', 'ft5', 'ft6', 'ft7', 'fs0', 'fs1'],
  ...['fa0', 'fa1', 'fa2', 'fa3', 'fa4', 'fa5', 'fa6', 'fa7'],
  ...['fs2', 'fs3', 'fs4', 'fs5', 'fs6', 'fs7', 'fs8', 'fs9', 'fs10', 'fs11', 'ft8', 'ft9', 'ft10', 'ft11'],
];

const numbersOf = (file: 'x' | 'f', names: readonly string[]): Map<string, number> =>
  new Map(
    names.flatMap((name, number): [string, number][] => [
      [name, number],
      [`${file}${number}`, number],
    ]),
  );

/** Register numbers by name, `a0` or `x10`; `fp` is another name of s0. */
export const xNumbers: ReadonlyMap<string, number> = numbersOf('x', xNames).set('fp', 8);
export const fNumbers: ReadonlyMap<string, number> = numbersOf('f', fNames);

/** Rounding modes by their encodings; 5 and 6 are reserved. */
export const roundingModes: readonly (string | undefined)[] = [
  'rne',
  'rtz',
  'rdn',
  'rup',
  'rmm',
  undefined,
  undefined,
  'dyn',
];

/** Names of the bits of a fence's predecessor and successor sets, from bit 3 down. */
export const orderingBits = 'iorw';
