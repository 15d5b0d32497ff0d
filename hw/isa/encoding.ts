// Instruction encodings: what a pattern such as `imm[12|10:5] rs2 rs1 000 imm[4:1|11] 1100011` says about a word.
//
// A pattern lists a word's bits from the most significant down, in the notation of the unprivileged specification:
//   0 1            fixed bits; `-` is ignored when decoding and zero when assembling
//   rd rs1 rs2 rs3 five-bit register numbers; rd' rs1' rs2' three-bit ones that mean x8 to x15
//   rd!=0 rd!={0,2} a register field that excludes numbers
//   imm[5|3:1]     bits of the sign-extended immediate; uimm zero-extended; nzimm, nzuimm never zero
//   csr zimm rm    a CSR number, an immediate in the rs1 field, a rounding mode
//   aq rl fm pred succ  ordering bits

export type FieldName = 'rd' | 'rs1' | 'rs2' | 'rs3' | 'imm' | 'rm' | 'aq' | 'rl' | 'fm' | 'pred' | 'succ';

/** Bits of a field's value that lie side by side in the word. */
export interface Segment {
  /** Lowest bit in the word, lowest bit in the value, and how many. */
  word: number;
  value: number;
  width: number;
}

export interface Field {
  name: FieldName;
  segments: Segment[];
  /** One more than the highest bit of the value. */
  bits: number;
  /** The value's bits below this one are zero and not encoded. */
  scale: number;
  signed: boolean;
  /** A three-bit register number, counted from 8. */
  compact: boolean;
  /** Values that make the word another instruction or none. */
  excluded: readonly number[];
}

export interface Encoding {
  /** Bytes. */
  length: 2 | 4;
  /** A word is this instruction if `(word & mask) === match` and no field has an excluded value; both are int32. */
  mask: number;
  match: number;
  fields: readonly Field[];
}

const widths: Record<string, { field: FieldName; width: number }> = {
  rd: { field: 'rd', width: 5 },
  rs1: { field: 'rs1', width: 5 },
  rs2: { field: 'rs2', width: 5 },
  rs3: { field: 'rs3', width: 5 },
  zimm: { field: 'rs1', width: 5 },
  csr: { field: 'imm', width: 12 },
  rm: { field: 'rm', width: 3 },
  aq: { field: 'aq', width: 1 },
  rl: { field: 'rl', width: 1 },
  fm: { field: 'fm', width: 4 },
  pred: { field: 'pred', width: 4 },
  succ: { field: 'succ', width: 4 },
};

/** Rounding modes 5 and 6 are reserved (unprivileged specification, "Floating-Point Control and Status Register"). */
const reservedRoundingModes = [5, 6];

/** One token of a pattern: fixed bits, or bits of a field. */
export interface Token {
  text: string;
  width: number;
  bits?: string;
  field?: FieldName;
  /** Runs of value bits from the most significant down: [high, low]. */
  runs?: [number, number][];
  signed?: boolean;
  compact?: boolean;
  excluded?: readonly number[];
}

function parseToken(text: string): Token {
  if (/^[01-]+$/.test(text)) return { text, width: text.length, bits: text };
  const immediate = /^(nz)?(u?)imm\[([\d:|]+)\]$/.exec(text);
  if (immediate) {
    const runs = immediate[3]!.split('|').map((run): [number, number] => {
      const [high, low] = run.split(':').map(Number);
      return [high!, low ?? high!];
    });
    const width = runs.reduce((sum, [high, low]) => sum + high - low + 1, 0);
    return { text, width, field: 'imm', runs, signed: immediate[2] === '', excluded: immediate[1] ? [0] : [] };
  }
  const named = /^([a-z]+\d?)('?)(?:!=(?:(\d+)|\{([\d,]+)\}))?$/.exec(text);
  const known = named && widths[named[1]!];
  if (!named || !known) throw new Error(`unknown token in an encoding: ${text}`);
  const compact = named[2] !== '';
  const width = compact ? 3 : known.width;
  const excluded =
    (named[3] ?? named[4])?.split(',').map(Number) ?? (known.field === 'rm' ? reservedRoundingModes : []);
  return { text, width, field: known.field, runs: [[width - 1, 0]], compact, excluded };
}

/** The tokens of a pattern, most significant first. */
export const tokensOf = (pattern: string): Token[] => pattern.split(' ').map(parseToken);

/** Compiles a pattern; throws when its bits do not add up to 16 or 32. */
export function parseEncoding(pattern: string): Encoding {
  const tokens = tokensOf(pattern);
  const total = tokens.reduce((sum, token) => sum + token.width, 0);
  if (total !== 16 && total !== 32) throw new Error(`an encoding of ${total} bits: ${pattern}`);
  let mask = 0;
  let match = 0;
  const fields: Field[] = [];
  let top = total;
  for (const token of tokens) {
    if (token.bits) {
      for (const bit of token.bits) {
        top--;
        if (bit !== '-') mask |= 1 << top;
        if (bit === '1') match |= 1 << top;
      }
      continue;
    }
    const name = token.field!;
    let field = fields.find((known) => known.name === name);
    if (!field) {
      const { signed = false, compact = false, excluded = [] } = token;
      field = { name, segments: [], bits: 0, scale: 32, signed, compact, excluded };
      fields.push(field);
    }
    for (const [high, low] of token.runs!) {
      const width = high - low + 1;
      top -= width;
      field.segments.push({ word: top, value: low, width });
      field.bits = Math.max(field.bits, high + 1);
      field.scale = Math.min(field.scale, low);
    }
  }
  return { length: total === 16 ? 2 : 4, mask, match, fields };
}

/** The value of a field in a word: a register number, or an int32. */
export function extract(field: Field, word: number): number {
  let value = 0;
  for (const { word: from, value: to, width } of field.segments) {
    value |= ((word >>> from) & ((1 << width) - 1)) << to;
  }
  if (field.signed) {
    const unused = 32 - field.bits;
    return (value << unused) >> unused;
  }
  return field.compact ? value + 8 : value;
}

/** The word's bits that give a field a value that fits it. */
export function insert(field: Field, value: number): number {
  const raw = field.compact ? value - 8 : value;
  let word = 0;
  for (const { word: to, value: from, width } of field.segments) {
    word |= ((raw >>> from) & ((1 << width) - 1)) << to;
  }
  return word;
}

/** The least and greatest value of a field. */
export function rangeOf(field: Field): { least: number; greatest: number } {
  if (field.compact) return { least: 8, greatest: 15 };
  const unit = 2 ** field.scale;
  if (field.signed) return { least: -(2 ** (field.bits - 1)), greatest: 2 ** (field.bits - 1) - unit };
  return { least: 0, greatest: 2 ** field.bits - unit };
}

/** Whether a field can hold a value: in range, scaled, not excluded. */
export function fits(field: Field, value: number): boolean {
  const { least, greatest } = rangeOf(field);
  return value >= least && value <= greatest && value % 2 ** field.scale === 0 && !field.excluded.includes(value);
}

/** Whether a word has an encoding's fixed bits and no excluded field value. */
export function matches(encoding: Encoding, word: number): boolean {
  if ((word & encoding.mask) !== encoding.match) return false;
  for (const field of encoding.fields) {
    if (field.excluded.length > 0 && field.excluded.includes(extract(field, word))) return false;
  }
  return true;
}
