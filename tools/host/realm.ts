// A realm in a node:vm context. Between host and realm pass primitives only: through the gate one way, through `enter` the
// other. See docs of the realm's side: guests/realm/main.ts.

import { createHash } from 'node:crypto';
import vm from 'node:vm';
import { command } from '../../guests/realm/command.ts';
import { gateOperation, type Primitive } from '../../guests/realm/gate-operation.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import type { Realm, RealmThread } from '../../microvisor/realm.ts';
import type { RealmProgram, SourcePlace } from '../realm/loader.ts';

export interface RealmOptions {
  /** Name of the cell, for reports. */
  cell: string;
  program: RealmProgram;
  /** Cycles of a hart that a unit of fuel costs. */
  ticksPerUnit?: number;
  /** Fuel of one handler. */
  handlerUnits?: number;
  /** Bytes that one handler may allocate. */
  handlerBytes?: number;
  /** Bytes that the state may occupy: the cell's memory. */
  stateBytes?: number;
  /** Told of each fault. */
  faulted?: (fault: RealmFault) => void;
  /** Told when the realm begins anew: its supervisor has decided so. */
  restarted?: () => void;
  /** Told which cell is about to run, and undefined when none is: whoever survives a crash of the host can name it. */
  executing?: (cell: string | undefined) => void;
}

export type FaultCause = 'throw' | 'budget' | 'memory' | 'depth' | 'regexp' | 'state' | 'module-state';

/** Why a realm stopped. */
export interface RealmFault {
  cell: string;
  cause: FaultCause;
  message: string;
  /** What was running: `module`, `state`, `init`, `notified`, `protected`, `fault`, `restarted`, or `wait` between handlers. */
  handler: string;
  /** Where, and who called that, innermost first. Empty when the engine gave no place. */
  places: readonly SourcePlace[];
}

type Enter = (which: number, text: string) => unknown;
type Gate = (operation: unknown, units: unknown, ...operands: unknown[]) => Primitive;

interface SavedRealm {
  /** SHA-256 of the script. */
  program: string;
  fault: RealmFault | null;
  realm: unknown;
}

export const defaultRealmLimits = {
  ticksPerUnit: 4,
  handlerUnits: 4_000_000,
  handlerBytes: 32 << 20,
  stateBytes: 8 << 20,
};

export class NodeRealm implements Realm {
  /** The last fault, until the realm goes on or begins anew. */
  fault: RealmFault | undefined;
  private readonly enter: Enter;
  private readonly digest: string;
  private readonly options: RealmOptions;
  private readonly ticksPerUnit: number;
  private thread: RealmThread | undefined;
  /** What the machine threw while the realm was on the stack: ours, and rethrown when the realm has left it. */
  private bug: { error: unknown } | undefined;

  constructor(options: RealmOptions) {
    this.options = options;
    this.ticksPerUnit = options.ticksPerUnit ?? defaultRealmLimits.ticksPerUnit;
    this.digest = createHash('sha256').update(options.program.script).digest('hex');
    const context = vm.createContext(vm.constants.DONT_CONTEXTIFY, { codeGeneration: { strings: false, wasm: false } });
    const script = new vm.Script(options.program.script, { filename: `realm:${options.cell}` });
    const make = script.runInContext(context, { displayErrors: false }) as (gate: Gate) => Enter;
    this.enter = make(this.gate());
    const {
      handlerUnits: units = defaultRealmLimits.handlerUnits,
      handlerBytes: bytes = defaultRealmLimits.handlerBytes,
      stateBytes = defaultRealmLimits.stateBytes,
    } = options;
    this.run(command.start, JSON.stringify({ units, bytes, stateBytes }));
  }

  resume(thread: RealmThread): void {
    this.thread = thread;
    try {
      this.run(command.resume, '');
    } finally {
      this.thread = undefined;
    }
  }

  skip(): void {
    this.fault = undefined;
    this.run(command.skip, '');
  }

  /** Back to the initial state with a fresh generation; `init` and `restarted(reason)` run first. */
  restart(reason: number): void {
    this.fault = undefined;
    this.options.restarted?.();
    this.run(command.restart, `${reason}`);
  }

  save(): unknown {
    const saved: SavedRealm = {
      program: this.digest,
      fault: this.fault ?? null,
      realm: JSON.parse(this.run(command.save, '')),
    };
    return saved;
  }

  /**
   * Goes on where `save` was called, in this or another process. Another version of the program is accepted between two
   * handlers; its `migrate` gets the state if `stateVersion` differs. Throws when it cannot be.
   */
  load(saved: unknown): void {
    const { program, fault, realm } = saved as SavedRealm;
    const { progress } = realm as { progress: { results: unknown[] } };
    const isOther = program !== this.digest;
    if (isOther && progress.results.length > 0) {
      throw new Error(`${this.options.cell}: another program cannot go on in the middle of a handler`);
    }
    const problem = this.run(isOther ? command.adopt : command.load, JSON.stringify(realm));
    if (problem !== '') throw new Error(`${this.options.cell}: ${problem}`);
    this.fault = fault ?? undefined;
  }

  private run(which: number, text: string): string {
    this.options.executing?.(this.options.cell);
    let result: unknown;
    try {
      result = this.enter(which, text);
    } catch {
      // Nothing that comes out of a realm this way is looked at: it could be anything.
      result = 'failed: the realm threw';
    }
    this.options.executing?.(undefined);
    if (this.bug !== undefined) {
      const { error } = this.bug;
      this.bug = undefined;
      throw error;
    }
    if (typeof result !== 'string') throw new Error(`${this.options.cell}: the realm returned no text`);
    if (result.startsWith('failed: ')) throw new Error(`${this.options.cell}: ${result.slice('failed: '.length)}`);
    return result === 'failed' ? '' : result;
  }

  /** The host's side of the gate: no prototype, no properties, primitives in and out, never an exception. */
  private gate(): Gate {
    const gate: Gate = (operation, units, ...operands) => {
      try {
        return this.operate(operation, units, operands);
      } catch (error) {
        this.bug ??= { error };
        return undefined;
      }
    };
    for (const key of Reflect.ownKeys(gate)) Reflect.deleteProperty(gate, key);
    Object.setPrototypeOf(gate, null);
    return Object.freeze(gate);
  }

  private operate(operation: unknown, units: unknown, operands: readonly unknown[]): Primitive {
    const [a, b, c] = operands;
    if (operation === gateOperation.report) {
      if (typeof a === 'string') {
        this.fault = this.readReport(a);
        this.options.faulted?.(this.fault);
      }
      return true;
    }
    const { thread } = this;
    if (thread === undefined || this.bug !== undefined || !isNumber(units)) return undefined;
    if (units > 0 && !thread.pay(units * this.ticksPerUnit)) return undefined;
    switch (operation) {
      case gateOperation.pay:
        return true;
      case gateOperation.systemCall:
        for (let i = 0; i < callRegisters.length; i++) {
          const value = operands[i];
          if (typeof value === 'bigint') thread.setRegister(callRegisters[i]!, BigInt.asIntN(64, value));
          else if (Number.isSafeInteger(value)) thread.setRegister(callRegisters[i]!, BigInt(value as number));
        }
        return thread.systemCall();
      case gateOperation.register:
        return isNumber(a) ? thread.register(a) : undefined;
      case gateOperation.storeEach:
        return isNumber(a) && typeof b === 'string' ? storeEach(thread, a, b) : undefined;
      case gateOperation.load:
        return isNumber(a) && isSize(b) ? thread.load(a, b) : undefined;
      case gateOperation.store:
        return isNumber(a) && isSize(b) && typeof c === 'bigint' ? thread.store(a, b, c) : undefined;
      case gateOperation.loadBytes: {
        const bytes = isNumber(a) && isNumber(b) ? thread.loadBytes(a, b) : undefined;
        return bytes === undefined
          ? undefined
          : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
      }
      case gateOperation.storeBytes:
        return isNumber(a) && typeof b === 'string' ? thread.storeBytes(a, Buffer.from(b, 'latin1')) : undefined;
      case gateOperation.fault:
        if (isNumber(a) && isNumber(b)) thread.fault(a, b);
        return true;
      default:
        return undefined;
    }
  }

  private readReport(text: string): RealmFault {
    const { cause, message, handler, where } = JSON.parse(text) as {
      cause: FaultCause;
      message: string;
      handler: string;
      where: number[];
    };
    const { places } = this.options.program;
    return { cell: this.options.cell, cause, message, handler, places: where.flatMap((index) => places[index] ?? []) };
  }
}

/** Where the operands of a system call belong. */
const { number, capability, messageInfo, reply, nbSendRecvDestination, message0 } = callRegister;
const callRegisters: readonly number[] = [
  ...[number, capability, messageInfo, reply, nbSendRecvDestination],
  ...[message0, message0 + 1, message0 + 2, message0 + 3],
];

function storeEach(thread: RealmThread, address: number, bytes: string): boolean {
  for (let i = 0; i < bytes.length; i++) if (!thread.store(address, 1, BigInt(bytes.charCodeAt(i)))) return false;
  return true;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
function isSize(value: unknown): value is 1 | 2 | 4 | 8 {
  return value === 1 || value === 2 || value === 4 || value === 8;
}

/** `file:line:column` of the innermost place, or the handler. */
export function formatRealmFault({ cell, cause, message, handler, places }: RealmFault): string {
  const at = places[0] === undefined ? '' : ` at ${places[0].file}:${places[0].line}:${places[0].column}`;
  return `${cell}: ${message} (${cause}) in ${handler}${at}`;
}
