// Builds one WebAssembly module: functions from typed statements, an imported memory, imports and exports.

import { Code, type Kind, valueTypes } from './code.ts';
import { type BranchHints, firstScratch, type HoleValues, type Template } from './template.ts';
import { classes, type I32, type Value, type ValueOf } from './values.ts';

export interface Signature<P extends readonly Kind[] = readonly Kind[], R extends Kind | undefined = Kind | undefined> {
  params: P;
  result: R;
}

type Args<P extends readonly Kind[]> = { [I in keyof P]: ValueOf[P[I]] };
type Result<R extends Kind | undefined> = R extends Kind ? ValueOf[R] : Effect;

/** A call without a result; run it with `FunctionBuilder.run`. */
export class Effect {
  constructor(readonly emit: (code: Code) => void) {}
}

/** A function of the module: imported, or declared and defined later. */
export class Fn<P extends readonly Kind[] = readonly Kind[], R extends Kind | undefined = Kind | undefined> {
  constructor(
    readonly index: () => number,
    readonly signature: Signature<P, R>,
  ) {}

  call(...args: Args<P>): Result<R> {
    const emit = (code: Code) => {
      for (const arg of args as unknown as Value[]) arg.emit(code);
      code.u8(0x10);
      code.index(this.index());
    };
    const kind = this.signature.result;
    return (kind === undefined ? new Effect(emit) : new classes[kind](emit)) as Result<R>;
  }
}

/** The type of the functions in a module's table. */
export interface FunctionType<P extends readonly Kind[] = readonly Kind[], K extends Kind = Kind> {
  readonly index: number;
  readonly signature: { params: P; result: K };
}

/** A mutable local variable or parameter. */
export class Local<K extends Kind = Kind> {
  constructor(
    readonly index: number,
    readonly kind: K,
  ) {}

  /** Its value at the point of use. */
  get get(): ValueOf[K] {
    return new classes[this.kind]((code) => {
      code.u8(0x20);
      code.index(this.index);
    });
  }
}

/** A branch target: the end of a block, or the head of a loop. In a template a negative depth is that of a hole. */
export class Label {
  constructor(readonly depth: number) {}
}

const storeOpcodes = {
  i32: 0x36,
  i64: 0x37,
  f32: 0x38,
  f64: 0x39,
  i8: 0x3a,
  i16: 0x3b,
  i64as8: 0x3c,
  i64as16: 0x3d,
  i64as32: 0x3e,
} as const;

/** The statements of one function body. */
export class FunctionBuilder {
  private readonly locals: Kind[] = [];
  private depth = 0;
  /** Locals of templates that have been placed: they may serve others. */
  private readonly free: Record<Kind, number[]> = { i32: [], i64: [], f32: [], f64: [] };
  /** Conditional branches that are rarely, or mostly, taken. */
  protected readonly hints: BranchHints = [];

  constructor(
    readonly params: readonly Local[],
    readonly code = new Code(),
  ) {}

  /** A new local: zero. */
  local<K extends Kind>(kind: K): Local<K> {
    return new Local(this.fresh(kind), kind);
  }

  protected fresh(kind: Kind): number {
    return this.params.length + this.locals.push(kind) - 1;
  }

  /** Writes a template's code. */
  place(template: Template, values: HoleValues): void {
    const { scratch } = template;
    for (let i = 0; i < scratch.length; i++) {
      const kind = scratch[i]!;
      values[firstScratch + i] = this.free[kind].pop() ?? this.fresh(kind);
    }
    template.write(this.code, values, this.hints);
    for (let i = scratch.length - 1; i >= 0; i--) this.free[scratch[i]!].push(values[firstScratch + i]!);
  }

  set(local: Local, value: Value): void {
    value.emit(this.code);
    this.code.u8(0x21);
    this.code.index(local.index);
  }

  /** Evaluates now, once; returns the value as a reference to a fresh local. */
  let<V extends Value>(value: V): V {
    const local = this.local(value.kind);
    this.set(local, value);
    return local.get as Value as V;
  }

  store(kind: keyof typeof storeOpcodes, address: I32, value: Value, offset = 0): void {
    address.emit(this.code);
    value.emit(this.code);
    this.code.u8(storeOpcodes[kind]);
    this.code.uleb(0);
    this.code.index(offset);
  }

  /** memory.fill: `length` bytes at `address` become `byte`. */
  fill(address: I32, byte: I32, length: I32): void {
    for (const value of [address, byte, length]) value.emit(this.code);
    this.code.op([0xfc, 0x0b, 0x00]);
  }

  run(effect: Effect): void {
    effect.emit(this.code);
  }

  drop(value: Value): void {
    value.emit(this.code);
    this.code.u8(0x1a);
  }

  block(body: (end: Label) => void): void {
    this.code.op([0x02, 0x40]);
    body(new Label(++this.depth));
    this.end();
  }

  loop(body: (head: Label) => void): void {
    this.code.op([0x03, 0x40]);
    body(new Label(++this.depth));
    this.end();
  }

  /** `likely`: whether the condition mostly holds; undefined: nobody knows. */
  if(cond: I32, then: () => void, otherwise?: () => void, likely?: boolean): void {
    cond.emit(this.code);
    this.hint(likely);
    this.code.op([0x04, 0x40]);
    this.depth++;
    then();
    if (otherwise) {
      this.code.u8(0x05);
      otherwise();
    }
    this.end();
  }

  private hint(likely: boolean | undefined): void {
    if (likely !== undefined) this.hints.push(this.code.length, likely ? 1 : 0);
  }

  br(label: Label): void {
    this.code.u8(0x0c);
    this.label(label);
  }

  private label(label: Label): void {
    if (label.depth < 0) this.code.hole(-1 - label.depth, false, this.depth);
    else this.code.uleb(this.distanceTo(label));
  }

  /** What a branch from here to a label is encoded with. */
  distanceTo(label: Label): number {
    return this.depth - label.depth;
  }

  brIf(label: Label, cond: I32, likely?: boolean): void {
    cond.emit(this.code);
    this.hint(likely);
    this.code.u8(0x0d);
    this.label(label);
  }

  brTable(index: I32, labels: readonly Label[], otherwise: Label): void {
    index.emit(this.code);
    this.code.u8(0x0e);
    this.code.uleb(labels.length);
    for (const label of labels) this.label(label);
    this.label(otherwise);
  }

  /** Runs `cases[index]`, or `otherwise` beyond them; no case falls into the next. */
  switch(index: I32, cases: readonly (() => void)[], otherwise: () => void): void {
    this.block((end) => {
      const labels = [...cases, otherwise].map(() => {
        this.code.op([0x02, 0x40]);
        return new Label(++this.depth);
      });
      labels.reverse(); // the innermost block is case 0
      this.brTable(index, labels.slice(0, -1), labels.at(-1)!);
      for (const body of [...cases, otherwise]) {
        this.end();
        body();
        this.br(end);
      }
    });
  }

  return(value?: Value): void {
    value?.emit(this.code);
    this.code.u8(0x0f);
  }

  /** Calls the function at `index` of the module's table, which must have the signature. */
  callTable<P extends readonly Kind[], K extends Kind>(
    type: FunctionType<P, K>,
    index: I32,
    ...args: Args<P>
  ): ValueOf[K] {
    const local = this.local(type.signature.result);
    for (const arg of args as unknown as Value[]) arg.emit(this.code);
    index.emit(this.code);
    this.code.u8(0x11);
    this.code.uleb(type.index);
    this.code.uleb(0);
    this.code.u8(0x21);
    this.code.index(local.index);
    return local.get;
  }

  unreachable(): void {
    this.code.u8(0x00);
  }

  private end(): void {
    this.code.u8(0x0b);
    this.depth--;
  }

  /** Appends locals and body in the binary form of the code section to `out`. */
  finish(out: Code): FunctionBody {
    const { locals, code, hints } = this;
    const runs = new Code();
    let count = 0;
    for (let first = 0, next = 0; first < locals.length; first = next, count++) {
      while (locals[next] === locals[first]) next++;
      runs.uleb(next - first);
      runs.u8(valueTypes[locals[first]!]);
    }
    const start = out.length;
    out.uleb(count);
    out.append(runs.view());
    const codeStart = out.length;
    out.append(code.view());
    out.u8(0x0b);
    return { start, codeStart, end: out.length, hints };
  }
}

/** Where a function is among the bodies of its module, and its hints. */
interface FunctionBody {
  readonly start: number;
  /** After the locals. */
  readonly codeStart: number;
  readonly end: number;
  readonly hints: BranchHints;
}

interface Definition {
  type: number;
  body: FunctionBody;
}

/** Collects imports, functions and exports, then encodes the module (core specification, 5.5). */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly typeBytes: Uint8Array[] = [];
  private readonly imports: { name: string; type: number }[] = [];
  private readonly functions: (Definition | undefined)[] = [];
  private readonly exports: { name: string; fn: Fn }[] = [];
  private table: { name: string; size: number } | undefined;
  private readonly bodies = new Code();
  /** For the next function. */
  private readonly spare: Code[] = [];

  private typeIndex(signature: Signature): number {
    const key = `${signature.params.join()}>${signature.result ?? ''}`;
    const known = this.types.indexOf(key);
    if (known >= 0) return known;
    const code = new Code();
    code.u8(0x60);
    code.uleb(signature.params.length);
    for (const kind of signature.params) code.u8(valueTypes[kind]);
    code.uleb(signature.result ? 1 : 0);
    if (signature.result) code.u8(valueTypes[signature.result]);
    this.typeBytes.push(code.view());
    return this.types.push(key) - 1;
  }

  /** A function of the embedder, under `env.NAME`. */
  import<const P extends readonly Kind[], const R extends Kind | undefined = undefined>(
    name: string,
    params: P,
    result?: R,
  ): Fn<P, R> {
    const signature = { params, result: result as R };
    const index = this.imports.push({ name, type: this.typeIndex(signature) }) - 1;
    return new Fn(() => index, signature);
  }

  /** Declares a function that `define` gives its body later, so that functions can call each other. */
  declare<const P extends readonly Kind[], const R extends Kind | undefined = undefined>(
    params: P,
    result?: R,
  ): Fn<P, R> {
    const index = this.functions.push(undefined) - 1;
    return new Fn(() => this.imports.length + index, { params, result: result as R });
  }

  define<P extends readonly Kind[], R extends Kind | undefined>(
    fn: Fn<P, R>,
    body: (f: FunctionBuilder, ...params: { [I in keyof P]: Local<P[I]> }) => void,
  ): void {
    const params = fn.signature.params.map((kind, index) => new Local(index, kind));
    const code = this.spare.pop() ?? new Code();
    const f = new FunctionBuilder(params, code);
    body(f, ...(params as { [I in keyof P]: Local<P[I]> }));
    if (fn.signature.result) f.unreachable(); // results leave through `return`
    this.functions[fn.index() - this.imports.length] = {
      type: this.typeIndex(fn.signature),
      body: f.finish(this.bodies),
    };
    code.clear();
    this.spare.push(code);
  }

  function<const P extends readonly Kind[], const R extends Kind | undefined = undefined>(
    params: P,
    result: R,
    body: (f: FunctionBuilder, ...params: { [I in keyof P]: Local<P[I]> }) => void,
  ): Fn<P, R> {
    const fn = this.declare(params, result);
    this.define(fn as Fn<P, R>, body);
    return fn as Fn<P, R>;
  }

  /**
   * A function of the module that calls an imported one. In a large function with many rare calls of imports, V8 would fetch what
   * such a call needs before all of them.
   */
  forward<P extends readonly Kind[], R extends Kind | undefined>(imported: Fn<P, R>): Fn<P, R> {
    const { params, result } = imported.signature;
    const fn = this.declare(params, result);
    this.define(fn, (f, ...locals) => {
      const call = imported.call(...(locals.map(({ get }) => get) as unknown as Args<P>));
      if (call instanceof Effect) f.run(call);
      else f.return(call);
    });
    return fn;
  }

  /** Gives the module a table of functions, exported under `name`; returns the type to call them by. */
  exportTable<const P extends readonly Kind[], K extends Kind>(
    name: string,
    size: number,
    params: P,
    result: K,
  ): FunctionType<P, K> {
    this.table = { name, size };
    const signature = { params, result };
    return { index: this.typeIndex(signature), signature };
  }

  export(name: string, fn: Fn): void {
    this.exports.push({ name, fn });
  }

  /** The module's bytes. It imports `env.memory`, shared, of at most `maxPages` pages of 64 KiB. */
  encode(maxPages: number): Uint8Array<ArrayBuffer> {
    const out = new Code();
    out.op([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const section = (id: number, items: number, write: (code: Code) => void): void => {
      const code = new Code();
      code.uleb(items);
      write(code);
      out.u8(id);
      out.uleb(code.length);
      out.append(code.view());
    };
    const functions = this.functions.map((definition, index) => {
      if (!definition) throw new Error(`function ${index} was declared and never defined`);
      return definition;
    });
    section(1, this.typeBytes.length, (code) => {
      for (const bytes of this.typeBytes) code.append(bytes);
    });
    section(2, this.imports.length + 1, (code) => {
      for (const { name, type } of this.imports) {
        code.name('env');
        code.name(name);
        code.u8(0x00);
        code.uleb(type);
      }
      code.name('env');
      code.name('memory');
      code.op([0x02, 0x03]);
      code.uleb(0);
      code.uleb(maxPages);
    });
    section(3, functions.length, (code) => {
      for (const { type } of functions) code.uleb(type);
    });
    if (this.table) {
      const { size } = this.table;
      section(4, 1, (code) => {
        code.op([0x70, 0x01]);
        code.uleb(size);
        code.uleb(size);
      });
    }
    section(7, this.exports.length + (this.table ? 1 : 0), (code) => {
      if (this.table) {
        code.name(this.table.name);
        code.op([0x01, 0x00]);
      }
      for (const { name, fn } of this.exports) {
        code.name(name);
        code.u8(0x00);
        code.uleb(fn.index());
      }
    });
    this.writeHints(out, functions);
    section(10, functions.length, (code) => {
      const bodies = this.bodies.view();
      for (const { body } of functions) {
        code.uleb(body.end - body.start);
        code.append(bodies.subarray(body.start, body.end));
      }
    });
    return out.view();
  }

  /** Branch hints (tool conventions, "metadata.code.branch_hint"): engines that don't know them skip the section. */
  private writeHints(out: Code, functions: readonly Definition[]): void {
    const hinted = functions.filter(({ body }) => body.hints.length > 0).length;
    if (hinted === 0) return;
    const code = new Code();
    code.name('metadata.code.branch_hint');
    code.uleb(hinted);
    for (let index = 0; index < functions.length; index++) {
      const { start, codeStart, hints } = functions[index]!.body;
      if (hints.length === 0) continue;
      code.uleb(this.imports.length + index);
      code.uleb(hints.length / 2);
      for (let i = 0; i < hints.length; i += 2) {
        code.uleb(codeStart - start + hints[i]!);
        code.uleb(1);
        code.u8(hints[i + 1]!);
      }
    }
    out.u8(0);
    out.uleb(code.length);
    out.append(code.view());
  }
}
