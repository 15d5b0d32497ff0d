// The table that `microvisor bench ipc` prints: Markdown, so that it can be pasted.

import type { IpcBenchReport, OperationResult, Percentiles } from './ipc.ts';
import type { Sample } from './statistics.ts';
import { table } from './table.ts';

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const cells = ({ p50, p99 }: Percentiles): string[] => [whole(p50), whole(p99)];
const spread = ({ median, min, max }: Sample, show: (value: number) => string): string =>
  `${show(median)} (${show(min)}–${show(max)})`;

function row({ operation, cycles, hostNs, comparison }: OperationResult, compares: boolean): string[] {
  const compared = comparison
    ? [
        spread(comparison.microvisor, whole),
        spread(comparison.sel4, whole),
        spread(comparison.ratio, (value) => value.toFixed(1)),
      ]
    : ['–', '–', '–'];
  return [operation, ...cells(cycles), ...cells(hostNs), ...(compares ? compared : [])];
}

export function ipcTable(report: IpcBenchReport): string {
  const { rival, host } = report;
  const heads = ['operation', 'cycles', 'p99', 'host ns', 'p99', ...(rival ? ['cpu ns', 'seL4 cpu ns', 'speed'] : [])];
  return [
    `microvisor ${report.microvisor}${rival ? `, seL4 (${rival.kernel}) on qemu ${rival.qemu}` : ''}, Node ${host.node}, ${host.cpu} × ${host.cpus}, ${host.platform}`,
    '',
    ...table(
      heads,
      report.operations.map((result) => row(result, rival !== null)),
    ),
    '',
    ...report.operations.map(({ operation, describe }) => `${operation}: ${describe}`),
    '',
  ].join('\n');
}
