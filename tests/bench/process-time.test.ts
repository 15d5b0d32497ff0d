import { describe, expect, test } from 'vitest';
import { timeProcess } from '../../tools/bench/process-time.ts';

const script = (text: string): readonly [string, string[]] => [process.execPath, ['-e', text]];
const forever = 'setInterval(() => {}, 1000);';
const limitMs = 60_000;

describe('a process that ends by itself', () => {
  test('has its status, its outputs and its time', async () => {
    const run = await timeProcess(...script(`console.log('out'); console.error('err'); process.exitCode = 3`), {
      limitMs,
    });
    expect(run).toMatchObject({ ending: 'exit', status: 3, output: 'out\n', errors: 'err\n', marks: [] });
    expect(run.time.wallMs).toBeGreaterThan(0);
  });

  test('has its processor time, where the host tells it', async () => {
    const busy = `const end = process.cpuUsage().user + 100_000; while (process.cpuUsage().user < end);`;
    const { time } = await timeProcess(...script(busy), { limitMs });
    if (process.platform === 'linux') expect(time.cpuMs).toBeGreaterThanOrEqual(90);
    else expect(time.cpuMs).toBeUndefined();
  });

  test('tells one that ends before its marks from a command that does not exist', async () => {
    const early = await timeProcess(...script(`console.error('out of memory')`), { limitMs, marks: [/prompt/] });
    expect(early).toMatchObject({ ending: 'exit', marks: [], errors: 'out of memory\n' });
    const missing = await timeProcess('/no/such/emulator', [], { limitMs });
    expect(missing).toMatchObject({ ending: 'missing', errors: expect.stringContaining('ENOENT') });
  });
});

describe('a process with marks', () => {
  test('is timed at each, in order, and killed at the last', async () => {
    const text = `process.stdout.write('end be'); setTimeout(() => process.stdout.write('gin, end 0\\n'), 10); ${forever}`;
    const run = await timeProcess(...script(text), { limitMs, marks: [/begin/, /end (\d)\n/] });
    expect(run).toMatchObject({ ending: 'marks', status: null, output: 'end begin, end 0\n' });
    expect(run.marks.map(({ match }) => match[0])).toEqual(['begin', 'end 0\n']);
    const [first, second] = run.marks.map(({ time }) => time.wallMs);
    expect(second).toBeGreaterThanOrEqual(first!);
    expect(run.time.wallMs).toBeGreaterThanOrEqual(second!);
  });

  test('may write without end before them: no more than the end is kept', async () => {
    const flood = `const line = 'x'.repeat(1000); for (let i = 0; i < 2000; i++) console.log(line); console.log('prompt'); ${forever}`;
    const run = await timeProcess(...script(flood), { limitMs, marks: [/prompt/] });
    expect(run.ending).toBe('marks');
    expect(run.output.length).toBeLessThan(100_000);
  });
});

test('a process that hangs is killed when the time is up', async () => {
  const run = await timeProcess(...script(forever), { limitMs: 200, marks: [/prompt/] });
  expect(run).toMatchObject({ ending: 'limit', status: null });
});

test('a process does not outlive the one that measures it', async () => {
  const before = process.listenerCount('SIGTERM');
  const running = timeProcess(...script(forever), { limitMs });
  process.emit('SIGTERM');
  expect((await running).ending).toBe('interrupted');
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
