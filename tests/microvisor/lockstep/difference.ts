// Where two plain values differ, as lines that a person can read.

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Pairs that have been found equal: what did not change since need not be looked at again. */
const equal = new WeakMap<object, object>();

function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isRecord(a) || !isRecord(b)) return a === 0 && b === 0;
  if (equal.get(a) === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isEqual(a[i], b[i])) return false;
  } else {
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    for (const key of keys) if (!isEqual(a[key], b[key]) || !(key in b)) return false;
  }
  equal.set(a, b);
  return true;
}

const hexFrom = 0x1000;
function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) => {
      if (typeof part === 'bigint') return `0x${part.toString(16)}`;
      if (part === Infinity) return 'Infinity';
      return typeof part === 'number' && part >= hexFrom ? `0x${part.toString(16)}` : part;
    }) ?? 'absent'
  );
}

/** Each line names a place, and what stands there in either. Empty: there is no difference. */
export function differences(a: unknown, b: unknown, names: readonly [string, string], path = ''): string[] {
  if (isEqual(a, b)) return [];
  if (!isRecord(a) || !isRecord(b) || Array.isArray(a) !== Array.isArray(b) || (Array.isArray(a) && path !== '')) {
    return [`${path}: ${names[0]} ${show(a)}, ${names[1]} ${show(b)}`];
  }
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const place = (key: string): string => {
    const part = Number(key) >= hexFrom ? Number(key).toString(16) : key;
    return path === '' ? part : `${path}.${part}`;
  };
  return [...keys].flatMap((key) => differences(a[key], b[key], names, place(key)));
}
