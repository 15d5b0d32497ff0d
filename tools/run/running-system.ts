// A system while it runs under `microvisor run`: consoles, expectations, faults, and in the end the report.

import type { StopReason } from '../../hw/machine/machine.ts';
import type { Programs } from '../boot/built-programs.ts';
import { System } from '../boot/system.ts';
import { formatRealmFault } from '../host/realm.ts';
import { ownPackage } from '../manifest/package-root.ts';
import type { Plan } from '../plan/plan.ts';
import { sharings } from '../plan/sharing.ts';
import { ConsoleLines } from './console-lines.ts';
import { Expectations, parseExpectation, parseTyping, Typist } from './expectation.ts';
import { PlainText } from './plain-text.ts';
import type { FromWorker, RunRequest } from './protocol.ts';
import type { CellReport, Outcome, RunReport } from './report.ts';
import { loadSystem, saveSystem } from './saved-system.ts';

/** Lines of a console that the report keeps. */
const tailLines = 20;
const progressNs = 1e9;
/** Different faults of a cell that the report quotes. */
const keptFaults = 20;

const repeated = (line: string, times: number): string => (times === 1 ? line : `${line} (× ${times})`);

export class RunningSystem {
  readonly system: System;
  private readonly expectations: Expectations;
  private readonly typist: Typist;
  private readonly faults = new Map<string, { count: number; times: Map<string, number> }>();
  private readonly restarts = new Map<string, number>();
  private readonly plain = new Map<string, PlainText>();
  private readonly lines: ConsoleLines;
  private readonly terminal: string | undefined;
  private lastProgressNs = 0;
  /** The cell that the user's terminal belongs to has ended by itself. */
  private attachedEnded = false;

  constructor(
    private readonly request: RunRequest,
    private readonly plan: Plan,
    programs: Programs,
    private readonly tell: (message: FromWorker) => void,
  ) {
    const manifest = request.system;
    const cells = manifest.cells.map(({ name }) => name);
    this.expectations = new Expectations(request.expect.map((text) => parseExpectation(text, cells)));
    this.typist = new Typist(
      request.type.map((text) => parseTyping(text, cells)),
      (keys) => this.input(new TextEncoder().encode(keys)),
    );
    this.lines = new ConsoleLines(cells, (cell, text) => this.see(cell, text));
    this.terminal = manifest.devices.find(({ model }) => model === 'uart')?.name;
    const executing = new Int32Array(request.executing);
    this.system = new System(
      manifest,
      plan,
      programs,
      {
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
      },
      request.translator,
    );
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
    const times = this.note(cell, line);
    // A crash loop is told at its first, second, fourth … turn.
    if ((times & (times - 1)) === 0) this.tell({ kind: 'fault', cell, line: repeated(line, times) });
  }

  /** For the report, which keeps the first different faults of a cell. Returns how often there was this one. */
  private note(cell: string, line: string): number {
    const faults = this.faults.get(cell) ?? { count: 0, times: new Map<string, number>() };
    this.faults.set(cell, faults);
    faults.count++;
    const times = (faults.times.get(line) ?? 0) + 1;
    if (times > 1 || faults.times.size < keptFaults) faults.times.set(line, times);
    return times;
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
    const { request, system } = this;
    const manifest = request.system;
    const { machine } = system;
    if (request.save !== undefined) saveSystem(request.save, system);
    machine.hashMemory();
    const cells = manifest.cells.map(({ name, kind }) => this.cellReport(name, kind));
    const { outcome, detail } = this.outcome(reason, cells);
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
      cells,
      windows: this.plan.domainSchedules.map(({ hart }) => ({
        hart,
        overruns: system.kernel.nodes[hart]!.overruns,
      })),
      sharing: this.plan.domainSchedules.length === 0 ? [] : sharings(this.plan),
      versions: { microvisor: ownPackage().version, node: process.version },
    };
  }

  private cellReport(name: string, kind: string): CellReport {
    return {
      name,
      kind,
      ...this.system.activity.of(this.plan, name),
      faultCount: this.faults.get(name)?.count ?? 0,
      faults: [...(this.faults.get(name)?.times ?? [])].map(([line, times]) => repeated(line, times)),
      restarts: this.restarts.get(name) ?? 0,
      console: this.expectations.tail(name, tailLines),
    };
  }

  private outcome(reason: StopReason, cells: readonly CellReport[]): { outcome: Outcome; detail: string[] } {
    const { halted } = this.system;
    const missing = [...this.typist.missing, ...this.expectations.missing].map(({ text }) => `not seen: ${text}`);
    if (halted !== undefined) return { outcome: 'halted', detail: [halted, ...missing] };
    if (missing.length === 0) {
      if (this.request.expect.length > 0) return { outcome: 'ok', detail: [] };
      const lost = cells.filter(({ state, faultCount }) => state === 'stopped' && faultCount > 0);
      if (lost.length > 0) return { outcome: 'failed', detail: lost.map(({ name }) => `${name} has failed for good`) };
      const interrupted = reason === 'stopped' && !this.attachedEnded;
      return { outcome: interrupted ? 'interrupted' : 'ok', detail: [] };
    }
    if (reason === 'limit') return { outcome: 'timeout', detail: missing };
    return { outcome: reason === 'idle' ? 'stuck' : 'interrupted', detail: missing };
  }
}
