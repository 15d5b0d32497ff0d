// What a run came to: the report as data (report.json) and as text.

import { formatTime } from '../manifest/units.ts';
import type { Sharing } from '../plan/sharing.ts';

export type Outcome =
  /** Everything expected was seen; or the time was up, and nothing was expected. */
  | 'ok'
  /** The limit passed before everything expected was seen. */
  | 'timeout'
  /** Nothing could happen any more before everything expected was seen. */
  | 'stuck'
  /** The user, or the kernel, ended the run. */
  | 'interrupted'
  | 'halted'
  /** A cell has failed for good, and nothing was expected that would say otherwise. */
  | 'failed';

export interface CellReport {
  name: string;
  kind: string;
  state: 'running' | 'waiting' | 'stopped';
  instructions: number;
  /** Messages that its threads sent. */
  messages: number;
  /** How many there were, and the first different ones with the number of times. */
  faultCount: number;
  faults: string[];
  restarts: number;
  /** The end of its console. */
  console: string[];
}

export interface RunReport {
  schema: 1;
  manifest: string;
  system: string;
  seed: number;
  outcome: Outcome;
  /** What did not happen, or who is to blame. */
  detail: string[];
  virtualTimeNs: number;
  instructions: number;
  traceHash: string;
  cells: CellReport[];
  /** Of each hart with windows: how many of them began late. */
  windows: { hart: number; overruns: number }[];
  /** With windows: what several cells share nevertheless. */
  sharing: Sharing[];
  versions: { microvisor: string; node: string };
}

/** The report for people: one line, then a line for each cell and each fault. */
export function describeReport(report: RunReport): string {
  const { outcome, detail, virtualTimeNs, instructions, traceHash, cells } = report;
  const lines = [
    `${outcome}: ${formatTime(virtualTimeNs)} of virtual time, ${instructions} instructions, trace hash ${traceHash}`,
  ];
  for (const text of detail) lines.push(`  ${text}`);
  const width = Math.max(...cells.map(({ name }) => name.length));
  for (const cell of cells) {
    const restarts = cell.restarts > 0 ? `, ${cell.restarts} restart${cell.restarts === 1 ? '' : 's'}` : '';
    lines.push(
      `  ${cell.name.padEnd(width)}  ${cell.kind.padEnd(6)} ${cell.state.padEnd(7)}  ${cell.instructions} instructions, ${cell.messages} messages${restarts}`,
    );
    const { faultCount, faults } = cell;
    for (const fault of faults) lines.push(`  ${' '.repeat(width)}  fault: ${fault}`);
    if (faults.length > 1) lines.push(`  ${' '.repeat(width)}  ${faultCount} faults in all`);
  }
  for (const { hart, overruns } of report.windows) {
    lines.push(`  windows of hart ${hart}: ${overruns === 0 ? 'all began on time' : `${overruns} began late`}`);
  }
  for (const { cells: users, through } of report.sharing) {
    lines.push(`  a channel between ${users.join(', ')}: ${through}`);
  }
  return lines.join('\n');
}
