// Device trees: builder, look-up, and writer of the flattened form (Devicetree Specification 0.4, chapter 5).

/** A property's value is bytes; empty means present. */
export interface FdtProperty {
  name: string;
  value: Uint8Array;
}

export interface FdtNode {
  /** With its unit address; empty for the root. */
  name: string;
  properties: FdtProperty[];
  children: FdtNode[];
}

export interface FdtReservation {
  address: bigint;
  size: bigint;
}

export interface FdtTree {
  root: FdtNode;
  bootHart: number;
  reservations: FdtReservation[];
}

/** What the builder takes: cells, strings, bytes, or `true` for an empty property. */
export type PropertyValue = number | readonly number[] | string | readonly string[] | Uint8Array | true;

export const fdtMagic = 0xd00dfeed;
export const fdtVersion = 17;
export const fdtHeaderSize = 40;
/** Tokens of the structure block. */
export const fdtToken = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 };
const lastCompatibleVersion = 16;

/** A node; properties keep their order. A number is one cell; an array of numbers is cells, each a 32-bit word. */
export function node(name: string, properties: Record<string, PropertyValue>, children: FdtNode[] = []): FdtNode {
  return {
    name,
    properties: Object.entries(properties).map(([key, value]) => ({ name: key, value: encodeProperty(value) })),
    children,
  };
}

/** An address or size as two cells. */
export function cells64(value: number): [number, number] {
  return [Math.floor(value / 2 ** 32), value >>> 0];
}

function encodeProperty(value: PropertyValue): Uint8Array {
  if (value === true) return new Uint8Array();
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'number') return encodeCells([value]);
  if (typeof value === 'string') return encodeString(value);
  return isStrings(value) ? concatenate(value.map(encodeString)) : encodeCells(value);
}

function isStrings(value: readonly number[] | readonly string[]): value is readonly string[] {
  return typeof value[0] === 'string';
}

function encodeCells(cells: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * cells.length));
  for (let i = 0; i < cells.length; i++) view.setUint32(4 * i, cells[i]!);
  return new Uint8Array(view.buffer);
}

/** NUL-terminated UTF-8; not TextEncoder, which is the host's. */
function encodeString(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0)!;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >>> 6), 0x80 | (point & 0x3f));
    else if (point < 0x10000) bytes.push(0xe0 | (point >>> 12), 0x80 | ((point >>> 6) & 0x3f), 0x80 | (point & 0x3f));
    else {
      bytes.push(0xf0 | (point >>> 18), 0x80 | ((point >>> 12) & 0x3f));
      bytes.push(0x80 | ((point >>> 6) & 0x3f), 0x80 | (point & 0x3f));
    }
  }
  return Uint8Array.from([...bytes, 0]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The blob: header, reservations, structure, strings. */
export function writeFdt(tree: FdtTree): Uint8Array {
  const strings = new Map<string, number>();
  const stringParts: Uint8Array[] = [];
  let stringsSize = 0;
  const stringOffset = (name: string): number => {
    const known = strings.get(name);
    if (known !== undefined) return known;
    const bytes = encodeString(name);
    const offset = stringsSize;
    strings.set(name, offset);
    stringParts.push(bytes);
    stringsSize += bytes.length;
    return offset;
  };

  const structure: Uint8Array[] = [];
  const writeNode = ({ name, properties, children }: FdtNode): void => {
    structure.push(encodeCells([fdtToken.beginNode]), padded(encodeString(name)));
    for (const { name, value } of properties) {
      structure.push(encodeCells([fdtToken.property, value.length, stringOffset(name)]), padded(value));
    }
    for (const child of children) writeNode(child);
    structure.push(encodeCells([fdtToken.endNode]));
  };
  writeNode(tree.root);
  structure.push(encodeCells([fdtToken.end]));

  const reservations = new DataView(new ArrayBuffer(16 * (tree.reservations.length + 1)));
  tree.reservations.forEach(({ address, size }, i) => {
    reservations.setBigUint64(16 * i, address);
    reservations.setBigUint64(16 * i + 8, size);
  });

  const structureBytes = concatenate(structure);
  const structureOffset = fdtHeaderSize + reservations.byteLength;
  const stringsOffset = structureOffset + structureBytes.length;
  const header = encodeCells([
    fdtMagic,
    stringsOffset + stringsSize,
    structureOffset,
    stringsOffset,
    fdtHeaderSize,
    fdtVersion,
    lastCompatibleVersion,
    tree.bootHart,
    stringsSize,
    structureBytes.length,
  ]);
  return concatenate([header, new Uint8Array(reservations.buffer), structureBytes, ...stringParts]);
}

function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const whole = new Uint8Array((bytes.length + 3) & ~3);
  whole.set(bytes);
  return whole;
}

/** The node at a path like '/soc/serial@10000000'; '/' is the root. */
export function findNode(tree: FdtTree, path: string): FdtNode | undefined {
  let found: FdtNode | undefined = tree.root;
  for (const name of path.split('/')) {
    if (name !== '') found = found?.children.find((child) => child.name === name);
  }
  return found;
}

/** A property's cells; undefined if it is absent or not a whole number of cells. */
export function cellsOf(node: FdtNode, name: string): number[] | undefined {
  const value = node.properties.find((property) => property.name === name)?.value;
  if (value === undefined || value.length % 4 !== 0) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return Array.from({ length: value.length / 4 }, (_, i) => view.getUint32(4 * i));
}

/** A property's strings; undefined if it is absent. Bytes outside ASCII become '?'. */
export function stringsOf(node: FdtNode, name: string): string[] | undefined {
  const value = node.properties.find((property) => property.name === name)?.value;
  if (value === undefined) return undefined;
  const strings: string[] = [];
  let text = '';
  for (const byte of value) {
    if (byte === 0) {
      strings.push(text);
      text = '';
    } else text += byte < 0x80 ? String.fromCharCode(byte) : '?';
  }
  if (text !== '') strings.push(text);
  return strings;
}
