// A system while it runs under `microvisor run`: consoles, expectations, faults, and in the end the report.

import type { StopReason } from '../../hw/machine/machine.ts';
import { System } from '../boot/system.ts';
import { formatRealmFault } from '../host/realm.ts';
import type { Manifest } from '../manifest/model.ts';
import { ownPackage } from '../manifest/package-root.ts';
import type { Plan } from '../plan/plan.ts';
import { ConsoleLines } from './console-lines.ts';
import { Expectations, parseExpectation, parseTyping, Typist } from './expectation.ts';
import { PlainText } from './plain-text.ts';
import type { FromWorker, RunRequest } from './protocol.ts';
import type { CellReport, Outcome, RunReport } from './report.ts';
import { loadSystem, saveSystem } from './saved-system.ts';

/** Lines of a console that the report keeps. */
const tailLines = 20;
const progressNs = 1e9;
/** Faults of a cell that the report quotes. */
const keptFaults = 20;

export class RunningSystem {
  readonly system: System;
  private readonly expectations: Expectations;
  private readonly typist: Typist;
  private readonly faults = new Map<string, { count: number; first: string[] }>();
  private readonly restarts = new Map<string, number>();
  private readonly plain = new Map<string, PlainText>();
  private readonly lines: ConsoleLines;
  private readonly terminal: string | undefined;
  private lastProgressNs = 0;
  /** The cell that the user's terminal belongs to has ended by itself. */
  private attachedEnded = false;

  constructor(
    private readonly request: RunRequest,
    private readonly manifest: Manifest,
    private readonly plan: Plan,
    private readonly tell: (message: FromWorker) => void,
  ) {
    const cells = manifest.cells.map(({ name }) => name);
    this.expectations = new Expectations(request.expect.map((text) => parseExpectation(text, cells)));
    this.typist = new Typist(
      request.type.map((text) => parseTyping(text, cells)),
      (keys) => this.input(new TextEncoder().encode(keys)),
    );
    this.lines = new ConsoleLines(cells, (cell, text) => this.see(cell, text));
    this.terminal = manifest.devices.find(({ model }) => model === 'uart')?.name;
    const executing = new Int32Array(request.executing);
    this.system = new System(manifest, plan, {
      output: (device, bytes) => this.deviceOutput(device, bytes),
      debug: (cell, bytes) => this.debugOutput(cell, bytes),
      log: (line) => tell({ kind: 'log', line }),
      realmFault: (fault) => this.fault(fault.cell, formatRealmFault(fault)),
      unhandledFault: (cell, thread, what) => this.unhandled(cell, `${thread}: ${what}`),
      realmRestarted: (cell) => this.restarts.set(cell, (this.restarts.get(cell) ?? 0) + 1),
      machineEnded: (cell, how, failure) => this.ended(cell, how, failure),
      booted: () => tell({ kind: 'booted' }),
      executing: (cell) => {
        executing[0] = cell === undefined ? 0 : cells.indexOf(cell) + 1;
      },
    });
    if (request.load === undefined) this.system.start();
    else loadSystem(request.load, this.system);
  }

  /** Bytes typed at the terminal. */
  input(bytes: Uint8Array): void {
    if (this.terminal !== undefined) this.system.machine.input(this.terminal, 0, bytes);
  }

  private plainOf(source: string): PlainText {
    let plain = this.plain.get(source);
    if (!plain) {
      plain = new PlainText();
      this.plain.set(source, plain);
    }
    return plain;
  }

  private deviceOutput(device: string, bytes: Uint8Array): void {
    if (device !== this.terminal) return;
    this.tell({ kind: 'console', cell: '', bytes });
    this.lines.write(this.plainOf('').filter(bytes));
  }

  private debugOutput(cell: string | undefined, bytes: Uint8Array): void {
    this.tell({ kind: 'console', cell: cell ?? '', bytes });
    if (cell !== undefined) this.see(cell, this.plainOf(cell).filter(bytes));
  }

  private see(cell: string, text: string): void {
    this.expectations.see(cell, text);
    this.typist.see(cell, text);
    if (this.finished) this.system.machine.stop();
  }

  private fault(cell: string, line: string): void {
    this.note(cell, line);
    this.tell({ kind: 'fault', cell, line });
  }

  /** For the report, which keeps the first faults of a cell and how many there were. */
  private note(cell: string, line: string): void {
    const faults = this.faults.get(cell) ?? { count: 0, first: [] };
    this.faults.set(cell, faults);
    faults.count++;
    if (faults.first.length < keptFaults) faults.first.push(line);
  }

  /** A fault that nobody handles. A realm's own account of it has been given already. */
  private unhandled(cell: string, line: string): void {
    if (!this.faults.has(cell)) this.fault(cell, line);
    this.tell({ kind: 'log', line: `${cell} stays stopped: it has no supervisor` });
  }

  private ended(cell: string, how: string, failure: boolean): void {
    this.tell({ kind: 'log', line: `${cell}: ${how}${failure ? ' after a failure' : ''}` });
    if (failure) this.note(cell, `${how} after a failure`);
    if (cell !== this.request.attach) return;
    this.attachedEnded = true;
    this.system.machine.stop();
  }

  /** Whether everything that was expected has been seen, or the system has come to its end. */
  get finished(): boolean {
    return (
      this.system.halted !== undefined ||
      this.attachedEnded ||
      (this.request.expect.length > 0 && this.expectations.met && this.typist.missing.length === 0)
    );
  }

  progress(): void {
    const { nowNs } = this.system.machine;
    if (nowNs - this.lastProgressNs < progressNs) return;
    this.lastProgressNs = nowNs;
    this.tell({ kind: 'progress', virtualNs: nowNs });
  }

  report(reason: StopReason): RunReport {
    const { request, manifest, system } = this;
    const { machine } = system;
    if (request.save !== undefined) saveSystem(request.save, system);
    machine.hashMemory();
    const { outcome, detail } = this.outcome(reason);
    return {
      schema: 1,
      manifest: request.manifest,
      system: manifest.system.name,
      seed: manifest.system.seed,
      outcome,
      detail,
      virtualTimeNs: Math.round(machine.nowNs),
      instructions: machine.harts.reduce((sum, hart) => sum + machine.instructionsOf(hart), 0),
      traceHash: machine.hash.value,
      cells: manifest.cells.map(({ name, kind }) => this.cellReport(name, kind)),
      versions: { microvisor: ownPackage().version, node: process.version },
    };
  }

  private cellReport(name: string, kind: string): CellReport {
    return {
      name,
      kind,
      ...this.system.activity.of(this.plan, name),
      faultCount: this.faults.get(name)?.count ?? 0,
      faults: this.faults.get(name)?.first ?? [],
      restarts: this.restarts.get(name) ?? 0,
      console: this.expectations.tail(name, tailLines),
    };
  }

  private outcome(reason: StopReason): { outcome: Outcome; detail: string[] } {
    const { halted } = this.system;
    const missing = [...this.typist.missing, ...this.expectations.missing].map(({ text }) => `not seen: ${text}`);
    if (halted !== undefined) return { outcome: 'halted', detail: [halted, ...missing] };
    if (missing.length === 0) {
      const interrupted = reason === 'stopped' && this.request.expect.length === 0 && !this.attachedEnded;
      return { outcome: interrupted ? 'interrupted' : 'ok', detail: [] };
    }
    if (reason === 'limit') return { outcome: 'timeout', detail: missing };
    return { outcome: reason === 'idle' ? 'stuck' : 'interrupted', detail: missing };
  }
}
