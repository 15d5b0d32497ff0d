// The table that `microvisor bench cpu` prints: Markdown, so that it can be pasted.

import type { CpuBenchReport, ProgramResult } from './cpu.ts';
import { linuxBoots } from './linux.ts';
import type { Sample } from './statistics.ts';
import { table } from './table.ts';

const seconds = ({ median, min, max }: Sample): string => {
  const show = (ms: number): string => (ms / 1e3).toFixed(2);
  return `${show(median)} (${show(min)}–${show(max)})`;
};
const ratio = ({ median, min, max }: Sample): string => `${median.toFixed(3)} (${min.toFixed(3)}–${max.toFixed(3)})`;

function row({ program, instructions, microvisor, rival, ratio: relative }: ProgramResult): string[] {
  const { steady, whole } = microvisor;
  const cell = <T>(value: T | null | undefined, show: (value: T) => string): string => (value ? show(value) : '–');
  const retired = instructions.steady ?? instructions.whole;
  const perSecond = retired && retired / (instructions.steady === null ? whole : steady!).median / 1e3;
  return [
    program.replace(/^.*[/\\]/, ''),
    cell(instructions.whole, (count) => (count / 1e6).toFixed(0)),
    cell(perSecond, (millions) => millions.toFixed(0)),
    cell(steady, seconds),
    ...(rival ? [cell(rival.steady, seconds), cell(relative?.steady, ratio)] : []),
    seconds(whole),
    ...(rival && relative ? [seconds(rival.whole), ratio(relative.whole)] : []),
  ];
}

/** What somebody waits for, by the clock: V8 compiles on other processors beside the machine. */
function boots({ clock, programs, rival }: CpuBenchReport): string[] {
  const measured = programs.filter(({ program }) => linuxBoots.some(({ name }) => name === program));
  if (clock === 'wall' || measured.length === 0) return [];
  const heads = ['boot', 'by the clock, s', ...(rival ? ['qemu', 'speed'] : [])];
  const rows = measured.map(({ program, microvisor, rival: other, ratio: relative }) => [
    program,
    seconds(microvisor.elapsed),
    ...(other && relative ? [seconds(other.elapsed), ratio(relative.elapsed)] : []),
  ]);
  return [...table(heads, rows), ''];
}

/** Times are host seconds, `median (smallest–largest)`. */
export function benchTable(report: CpuBenchReport): string {
  const { rival, host } = report;
  const heads = [
    'program',
    'M instr.',
    'M/s',
    'warm, s',
    ...(rival ? ['qemu warm', 'speed'] : []),
    'whole, s',
    ...(rival ? ['qemu whole', 'speed'] : []),
  ];
  const clock = report.clock === 'cpu' ? 'processor time' : 'wall-clock time';
  return [
    `microvisor ${report.microvisor}${rival ? `, ${rival.name} ${rival.version}` : ''}, Node ${host.node}, ${host.cpu} × ${host.cpus}, ${host.platform}`,
    `${clock}, median of ${report.rounds} (smallest–largest)${report.translator === null ? '' : `, translator ${report.translator}`}`,
    '',
    ...table(heads, report.programs.map(row)),
    '',
    ...boots(report),
    ...report.skipped.map(({ program, why }) => `skipped: ${program}: ${why}\n`),
  ].join('\n');
}
