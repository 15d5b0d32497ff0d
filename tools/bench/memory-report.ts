// What `microvisor bench memory` has seen, and how it is shown.

import { table } from './table.ts';

/** A system of many cells: the most that there was at any time. */
export interface CellsRow {
  what: string;
  peakBytes: number;
  maps: number;
}

/** A moment of a long run, after all garbage has been collected. */
export interface LongSample {
  /** How long the run has gone on, and what processor time it has taken of the host. */
  virtualS: number;
  cpuS: number;
  residentBytes: number;
  /** Of them, the machine's own: RAM that guests have touched, contexts, TLBs, predecoded code. */
  machineBytes: number;
  /** JavaScript's objects, and what they hold outside of the heap. */
  heapBytes: number;
  externalBytes: number;
  maps: number;
  /** What the load has done so far. */
  instructions: number;
  messages: number;
  restarts: number;
  consoleBytes: number;
  /** Regions that were translated so far; then what there is of them now. */
  translated: number;
  regions: number;
  modules: number;
  moduleBytes: number;
  codePages: number;
  threads: number;
}

export interface MemoryReport {
  version: 1;
  cells: CellsRow[];
  /** `linux`: Linux was among its cells. */
  long: { linux: boolean; samples: LongSample[] } | null;
}

/** Rows of the long run's table; the JSON has all. */
const shownSamples = 12;

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

export function memoryTable({ cells, long }: MemoryReport): string {
  const peaks = cells.map(({ what, peakBytes, maps }) => [what, (peakBytes / 2 ** 20).toFixed(0), `${maps}`]);
  const tables = [table(['run', 'peak, MiB', 'maps'], peaks)];
  if (long) tables.push(longTable(long.samples));
  return `${tables.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function longTable(samples: readonly LongSample[]): string[] {
  const step = Math.ceil(samples.length / shownSamples);
  const shown = samples.filter((_, index) => index % step === step - 1 || index === 0);
  const heads = [
    'virtual time, s',
    'resident, MiB',
    'machine',
    'heap',
    'the rest',
    'maps',
    'regions',
    'modules',
    'code pages',
    'made so far',
    'M instructions',
    'messages',
    'restarts',
    'host, s',
  ];
  const rows = shown.map((sample) => [
    sample.virtualS.toFixed(0),
    mib(sample.residentBytes),
    mib(sample.machineBytes),
    mib(sample.heapBytes),
    mib(sample.residentBytes - sample.machineBytes - sample.heapBytes),
    `${sample.maps}`,
    `${sample.regions}`,
    `${sample.modules}`,
    `${sample.codePages}`,
    `${sample.translated}`,
    (sample.instructions / 1e6).toFixed(0),
    `${sample.messages}`,
    `${sample.restarts}`,
    sample.cpuS.toFixed(0),
  ]);
  return table(heads, rows);
}
