// The words that the manifest's schema is written in. One table of fields (schema.ts) is parsed, defaulted, documented
// and published as JSON Schema from these.

/** What a reference names. */
export type ReferenceTarget = 'cell' | 'region' | 'device' | 'channel' | 'mode';

/** The shape of a value, as the interpreters of the schema see it. */
export type Shape =
  | { kind: 'string' }
  | { kind: 'name' }
  | { kind: 'version'; only: number }
  | { kind: 'boolean' }
  | { kind: 'integer'; min: number; max: number; why?: string; names?: 'hart' }
  | { kind: 'size'; min: number; max: number; why?: string }
  | { kind: 'time'; min: number }
  | { kind: 'rate' }
  | { kind: 'limit' }
  | { kind: 'address' }
  | { kind: 'hash' }
  | { kind: 'perms' }
  | { kind: 'action' }
  | { kind: 'path' }
  | { kind: 'image' }
  | { kind: 'choice'; of: readonly string[] }
  | { kind: 'reference'; to: ReferenceTarget }
  | { kind: 'plain' }
  | { kind: 'list'; of: Shape; min: number; max: number; orOne: boolean }
  | { kind: 'map'; keys: 'name' | 'hart' | 'text'; of: Shape; what: string }
  | { kind: 'record'; fields: Fields; what: string }
  | {
      kind: 'variants';
      tag: string;
      tagDoc: string;
      common: Fields;
      of: Readonly<Record<string, Variant>>;
      what: string;
    };

export type Fields = Readonly<Record<string, Field>>;

export interface Variant {
  doc: string;
  fields: Fields;
}

export interface Field {
  type: { shape: Shape };
  doc: string;
  /** Must be written. */
  required: boolean;
  /** As it would be written, when it isn't. */
  default: string | undefined;
}

/** A shape that remembers what it is read as: `D` while anything may be wrong or absent, `C` when checked. */
export interface Type<D, C = D> {
  readonly shape: Shape;
  readonly draft?: D;
  readonly checked?: C;
}

/** The field's TypeScript face: whether a checked value can be absent. */
export interface FieldOf<D, C> extends Field {
  type: Type<D, C>;
}

type FieldMap = Readonly<Record<string, FieldOf<unknown, unknown>>>;
type DraftOf<F> = F extends { type: Type<infer D, unknown> } ? D : never;
type CheckedOf<F> = F extends FieldOf<unknown, infer C> ? C : never;
export type DraftRecord<F> = { readonly [K in keyof F]: DraftOf<F[K]> | undefined };
export type CheckedRecord<F> = { readonly [K in keyof F]: CheckedOf<F[K]> };
export type Draft<T> = T extends Type<infer D, unknown> ? D : never;
export type Checked<T> = T extends Type<unknown, infer C> ? C : never;

/** At most so many per interval, `5/10s`. */
export interface Limit {
  count: number;
  perNs: number;
}

export type Perms = { read: boolean; write: boolean; execute: boolean };

/** What happens after an error: the manifest's words, `mode X` taken apart. */
export type Action =
  | { do: 'restart' | 'resume' | 'stop' | 'ignore' | 'halt' | 'halt-with-dump' }
  | { do: 'mode'; mode: string };
export const plainActions = ['restart', 'resume', 'stop', 'ignore', 'halt', 'halt-with-dump'] as const;

/** Plain data that the manifest carries to a cell without reading it. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

const type = <D, C = D>(shape: Shape): Type<D, C> => ({ shape });

export const string = type<string>({ kind: 'string' });
export const name = type<string>({ kind: 'name' });
export const boolean = type<boolean>({ kind: 'boolean' });
export const integer = (min: number, max: number, why?: string) =>
  type<number>({ kind: 'integer', min, max, ...(why === undefined ? {} : { why }) });
/** The version of a schema: one is known. */
export const version = (only: number) => type<number>({ kind: 'version', only });
/** The number of a hart. */
export const hart = type<number>({
  kind: 'integer',
  min: 0,
  max: 7,
  why: 'a machine has at most 8 harts',
  names: 'hart',
});
/** Bytes. */
export const size = (min: number, max: number, why?: string) =>
  type<number>({ kind: 'size', min, max, ...(why === undefined ? {} : { why }) });
/** Nanoseconds. */
export const time = (min = 0) => type<number>({ kind: 'time', min });
/** Hertz. */
export const rate = type<number>({ kind: 'rate' });
export const limit = type<Limit>({ kind: 'limit' });
export const address = type<number>({ kind: 'address' });
export const hash = type<string>({ kind: 'hash' });
export const perms = type<Perms>({ kind: 'perms' });
export const action = type<Action>({ kind: 'action' });
export const path = type<string>({ kind: 'path' });
/** The name of a declared image, or the path of a file. */
export const image = type<string>({ kind: 'image' });
export const choice = <const T extends string>(...of: readonly T[]) => type<T>({ kind: 'choice', of });
export const reference = (to: ReferenceTarget) => type<string>({ kind: 'reference', to });
export const plain = type<Plain>({ kind: 'plain' });
export const list = <D, C>(of: Type<D, C>, options: { min?: number; max?: number; orOne?: boolean } = {}) =>
  type<readonly (D | undefined)[], readonly C[]>({
    kind: 'list',
    of: of.shape,
    min: options.min ?? 0,
    max: options.max ?? Number.POSITIVE_INFINITY,
    orOne: options.orOne ?? false,
  });
export const map = <D, C>(keys: 'name' | 'hart' | 'text', what: string, of: Type<D, C>) =>
  type<ReadonlyMap<string, D | undefined>, ReadonlyMap<string, C>>({ kind: 'map', keys, of: of.shape, what });
export const record = <F extends FieldMap>(what: string, fields: F) =>
  type<DraftRecord<F>, CheckedRecord<F>>({ kind: 'record', fields, what });

type VariantMap = Readonly<Record<string, { doc: string; fields: FieldMap }>>;
type DraftVariants<T extends string, F, V extends VariantMap> = {
  [K in keyof V]: { readonly [_ in T]: K } & DraftRecord<F> & DraftRecord<V[K]['fields']>;
}[keyof V];
type CheckedVariants<T extends string, F, V extends VariantMap> = {
  [K in keyof V]: { readonly [_ in T]: K } & CheckedRecord<F> & CheckedRecord<V[K]['fields']>;
}[keyof V];

/** A record whose further fields depend on one of them, `tag`. */
export const variants = <const T extends string, F extends FieldMap, V extends VariantMap>(
  what: string,
  tag: T,
  tagDoc: string,
  common: F,
  of: V,
) => type<DraftVariants<T, F, V>, CheckedVariants<T, F, V>>({ kind: 'variants', tag, tagDoc, common, of, what });

export const required = <D, C>(of: Type<D, C>, doc: string): FieldOf<D, C> => ({
  type: of,
  doc,
  required: true,
  default: undefined,
});
export const optional = <D, C>(of: Type<D, C>, doc: string): FieldOf<D, C | undefined> =>
  ({ type: of, doc, required: false, default: undefined }) as FieldOf<D, C | undefined>;
export const defaulted = <D, C>(of: Type<D, C>, value: string, doc: string): FieldOf<D, C> => ({
  type: of,
  doc,
  required: false,
  default: value,
});
