// The command's side of a run: starts the worker, passes on what it says, and survives it.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { sourceStack } from '../host/source-stack.ts';
import { ownPackage } from '../manifest/package-root.ts';
import type { RefusalKind } from '../refusal.ts';
import { flowBytes, taken } from './message-flow.ts';
import type { FromWorker, RunRequest, ToWorker } from './protocol.ts';
import type { RunReport } from './report.ts';

export interface SessionEvents {
  console(cell: string, bytes: Uint8Array): void;
  log(line: string): void;
  fault(cell: string, line: string): void;
  booted(): void;
  progress(virtualNs: number): void;
}

export type SessionEnd =
  | { kind: 'report'; report: RunReport }
  | { kind: 'refused'; why: RefusalKind; message: string; hint: string | undefined }
  /** The worker died. `cell`: whose code it was running. */
  | { kind: 'crashed'; cell: string | undefined; reason: string };

/** Heap of the worker's JavaScript; machine memory lies outside of it. */
const heapMegabytes = 2048;
/** Many times what the deepest calls of a realm take (tests/realm/depth.test.ts). */
const stackMegabytes = 16;

export class Session {
  readonly end: Promise<SessionEnd>;
  private readonly worker: Worker;

  constructor(
    request: Omit<RunRequest, 'executing' | 'flow'>,
    cells: readonly string[],
    events: SessionEvents,
    script = pathToFileURL(join(ownPackage().folder, 'dist/tools/run/worker.js')),
  ) {
    const executing = new SharedArrayBuffer(4);
    const flow = new SharedArrayBuffer(flowBytes);
    const workerData: RunRequest = { ...request, executing, flow };
    this.worker = new Worker(script, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, stackSizeMb: stackMegabytes },
    });
    this.end = new Promise((resolve) => {
      this.worker.on('message', (message: FromWorker) => {
        switch (message.kind) {
          case 'console':
            return events.console(message.cell, message.bytes);
          case 'log':
            return events.log(message.line);
          case 'fault':
            return events.fault(message.cell, message.line);
          case 'booted':
            return events.booted();
          case 'progress':
            return events.progress(message.virtualNs);
          case 'ended':
            return resolve({ kind: 'report', report: message.report });
          case 'refused':
            return resolve({ kind: 'refused', why: message.why, message: message.message, hint: message.hint });
          default:
            return message satisfies never;
        }
      });
      this.worker.on('message', () => taken(flow));
      const crashed = (reason: string): void => {
        const running = Atomics.load(new Int32Array(executing), 0);
        resolve({ kind: 'crashed', cell: running === 0 ? undefined : cells[running - 1], reason });
      };
      this.worker.on('error', (error) => crashed(sourceStack(error.stack ?? error.message)));
      this.worker.on('exit', (code) => crashed(`the worker left with code ${code}`));
    });
  }

  private tell(message: ToWorker): void {
    this.worker.postMessage(message);
  }
  input(bytes: Uint8Array): void {
    this.tell({ kind: 'input', bytes });
  }
  /** Ends the run; the report follows. */
  stop(): void {
    this.tell({ kind: 'stop' });
  }
  /** Ends the worker at once. */
  async kill(): Promise<void> {
    await this.worker.terminate();
  }
}
