import { describe, expect, it } from 'vitest';
import { Coverage, UnlistedAnswer } from '../../tools/grind/coverage.ts';
import { type GrindOptions, type GrindReport, grind } from '../../tools/grind/grinder.ts';
import { grindText } from '../../tools/grind/report.ts';

const run = (options: Partial<GrindOptions>): GrindReport =>
  grind({
    ...{
      calls: 1000,
      seed: Number(process.env['TEST_SEED']) >>> 0,
      profile: 'domains',
      sweepEvery: 16,
      shrinkAttempts: 40,
    },
    ...options,
  });
function expectNoFinding(report: GrindReport): void {
  if (report.failure !== null) expect.fail(grindText(report, 1));
}

describe('random system calls', () => {
  it('leave every invariant true in profile domains', () => {
    expectNoFinding(run({ profile: 'domains', calls: 12_000 }));
  });
  it('leave every invariant true in profile smp', () => {
    expectNoFinding(run({ profile: 'smp', calls: 12_000 }));
  });
  it('leave every invariant true in profile cells', () => {
    expectNoFinding(run({ profile: 'cells', calls: 12_000 }));
  });

  it('succeed in more than 30 % of cases', () => {
    const { coverage } = run({ calls: 8000, sweepEvery: 1000 });
    expect(coverage.succeeded / coverage.answered).toBeGreaterThan(0.3);
  });

  it('are the same for the same seed', () => {
    const [a, b, other] = [3, 3, 4].map((seed) => run({ seed, calls: 2000, sweepEvery: 1000 }).coverage.rows());
    expect(a).toEqual(b);
    expect(a).not.toEqual(other);
  });
});

describe('the table of answers', () => {
  it('is complete: the grinder reaches every invocation with every answer', () => {
    const report = run({ seed: 1, calls: 120_000, sweepEvery: 1000 });
    expectNoFinding(report);
    expect(report.coverage.missing()).toEqual([]);
  });
  it('is demanded: what is not in it is a finding', () => {
    const coverage = new Coverage();
    coverage.add({ label: 1, type: 2, error: 0 });
    expect(() => coverage.add({ label: 1, type: 2, error: 5 })).toThrow(UnlistedAnswer);
  });
});
