// The seed of a run's random tests: drawn once, printed, and taken from TEST_SEED to repeat a run.

export default function chooseSeed(): void {
  const given = Number(process.env['TEST_SEED'] ?? Number.NaN);
  const seed = Number.isInteger(given) ? given | 0 : Math.floor(Math.random() * 2 ** 31);
  process.env['TEST_SEED'] = String(seed);
  process.stdout.write(`random tests: seed ${seed} (TEST_SEED=${seed} repeats them)\n`);
}
