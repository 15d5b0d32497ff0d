// The meter: the first lines of every realm's script. Instrumented code counts in these variables, so they are bindings
// of the script and not fields of an object. Names beginning with $$ are out of a server's reach.
//
//   $$f fuel, units left ($$q: when it stopped)   $$m memory, bytes left to allocate      $$d depth of calls
//   $$k why the handler must stop   $$o the error that is on its way up, and $$w where it began ($$s: its callers)

/**
 * Depth at which a chain of calls is cut. A frame counts 1, one more for each 64 nodes of its function's syntax tree, and
 * `spreadWeight` if it spreads arguments: each node takes at most a register and an argument, so that a frame has about 1 KiB of
 * the host's stack for each of them, and the deepest chain stays below what hosts give (tests/realm/depth.test.ts).
 */
export const depthLimit = 400;
export const nodesOfWeight = 64;
/** Arguments that a call can spread, or `apply` take. */
export const argumentLimit = 1024;
export const spreadWeight = argumentLimit >> 6;
/** Longest string, in UTF-16 units. */
export const stringLimit = 1 << 20;
/** Widest BigInt, in bits. */
export const bigIntBits = 4096;

export const meterSource = `
let $$f = 1073741823, $$m = 1073741823, $$q = 0, $$d = 0, $$k = null, $$kind = 'budget', $$loading = false, $$born = [], $$o = undefined, $$w = 0, $$s = [];
let $$journal = null;
const $$E = Object.freeze(Object.create(null)), $$big = 1n << ${bigIntBits}n, $$isArray = Array.isArray, $$ownKeys = Object.keys;
const $$RangeError = RangeError, $$hasOwn = Object.hasOwn, $$slice = Function.prototype.call.bind(Array.prototype.slice);
const $$errors = new WeakSet(), $$knows = Function.prototype.call.bind(WeakSet.prototype.has, $$errors), $$know = Function.prototype.call.bind(WeakSet.prototype.add, $$errors);
// Made by the engine, and not yet in the hands of the server: it can make or change others to look like this one.
const $$overflowed = (error) => error instanceof $$RangeError && !$$knows(error) && error.message === 'Maximum call stack size exceeded';
const $$kill = (kind) => { if ($$k === null) { $$k = kind; $$q = $$f < 0 ? 0 : $$f; } $$f = -1; throw $$E; };
const $$x = () => $$kill($$d > ${depthLimit} ? 'depth' : $$kind);
const $$z = () => $$kill('memory');
const $$n = () => { if ($$loading) $$kill('module-state'); };
const $$b = (value) => { if ($$loading) $$born[$$born.length] = value; return value; };
const $$c = (error) => {
  if ($$k !== null) throw $$E;
  if (typeof error === 'object' && error !== null) {
    if ($$overflowed(error)) $$kill('stack');
    $$know(error);
    if ($$hasOwn(error, 'stack')) delete error.stack;
    $$b(error);
  }
  $$o = undefined;
};
const $$v = () => { if ($$k !== null) throw $$E; };
const $$u = (error, where) => {
  if ($$o !== error || $$w === 0) { if ($$overflowed(error)) $$kill('stack'); $$o = error; $$w = where; $$s = [where]; }
  else if ($$s.length < 16) $$s[$$s.length] = where;
  return error;
};
const $$charge = (units) => { if (($$f -= units) < 0) $$x(); };
const $$grow = (bytes) => { if (($$m -= bytes) < 0) $$z(); };
const $$text = (text) => {
  const length = text.length;
  if (length > 4096) { if (length > ${stringLimit}) $$z(); $$charge(length >> 5); $$grow(length); } else $$grow(32);
  return text;
};
const $$flat = (text) => { const { length } = text; if (length > ${stringLimit}) $$z(); $$charge(length >> 5); $$grow(16 + length); return text; };
const $$add = (a, b) => {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const sum = a + b;
  return typeof sum === 'string' ? $$text(sum) : sum;
};
const $$long = (value) => { if (typeof value === 'string' && value.length > 256) $$charge(value.length >> 6); return value; };
const $$wide = (value) => { $$charge(8); if (value > $$big || value < -$$big) $$z(); return value; };
const $$mul = (a, b) => {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  const product = a * b;
  return typeof product === 'bigint' ? $$wide(product) : product;
};
const $$shl = (a, b) => {
  if (typeof a === 'number' && typeof b === 'number') return a << b;
  if (typeof b === 'bigint' && (b > ${bigIntBits}n || b < -${bigIntBits}n)) $$z();
  const shifted = a << b;
  return typeof shifted === 'bigint' ? $$wide(shifted) : shifted;
};
const $$pow = (a, b) => {
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    if (b < 0n) throw new $$RangeError('Exponent must be non-negative');
    let result = 1n, base = a, left = b;
    while (left > 0n) {
      if (left & 1n) result = $$wide(result * base);
      left >>= 1n;
      if (left > 0n) base = a === 1n || a === -1n ? base * base : $$wide(base * base);
    }
    return result;
  }
  const base = +a, exponent = +b;
  if (exponent !== exponent >> 0) throw new $$RangeError('In a realm, ** takes an integer exponent');
  let result = 1, square = base;
  for (let left = exponent < 0 ? -exponent : exponent; left > 0; left = (left - left % 2) / 2) {
    if (left % 2 === 1) result *= square;
    square *= square;
  }
  return exponent < 0 ? 1 / result : result;
};
const $$r = (list) => {
  const size = $$isArray(list) || typeof list === 'string' ? list.length : typeof list === 'object' && list !== null ? $$ownKeys(list).length : 0;
  $$charge(size >> 1);
  $$grow(size * 8);
  return list;
};
const $$rest = (list) => $$b($$r(list));
const $$spread = (list) => { $$r(list); if ($$isArray(list) && list.length > 16384) $$z(); return list; };
const $$args = (list) => { $$r(list); const all = $$isArray(list) ? list : [...list]; if (all.length > ${argumentLimit}) $$z(); return all; };
const $$key = (key) => typeof key === 'object' || typeof key === 'function' ? \`\${key}\` : key;
const $$j = (target, key) => { if ($$journal !== null) $$journal(target, key); return key; };
const $$jn = (target, key) => { if ($$journal !== null) $$journal(target, key); return target; };
const $meter = Object.freeze({
  __proto__: null,
  charge: $$charge, grow: $$grow, text: $$flat, compared: $$long, born: $$b, kill: $$kill, wide: $$wide, noModuleState: $$n, caught: $$c, overflowed: $$overflowed,
  made(error) { $$know(error); return error; },
  start(units, bytes) { $$f = units; $$m = bytes; $$d = 0; $$k = null; $$o = undefined; $$w = 0; $$s = []; $$kind = 'budget'; },
  pause() { $$k = null; $$f = 1073741823; $$m = 1073741823; $$d = 0; },
  left() { return $$k !== null ? $$q : $$f < 0 ? 0 : $$f; },
  bytesLeft() { return $$m; },
  reason() { return $$k; },
  where() { return $$s; },
  setKind(kind) { const before = $$kind; $$kind = kind; return before; },
  enter(weight = 1) { if (($$d += weight) > ${depthLimit}) $$x(); },
  leave(weight = 1) { $$d -= weight; },
  startLoading() { $$loading = true; $$born = []; },
  stopLoading() { $$loading = false; const born = $$born; $$born = []; return born; },
  setJournal(journal) { $$journal = journal; },
  note(target, key) { if ($$journal !== null) $$journal(target, key); },
});
`;
