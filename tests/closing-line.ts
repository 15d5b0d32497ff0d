// Ends a test run with one plain line that a script can read: "N passed, N failed".

import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const skippedNames: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state]++;
        if (state === 'skipped') skippedNames.push(`${module.relativeModuleId}: ${test.fullName}`);
      }
      // A file that cannot be loaded has no tests to fail.
      count.failed += module.errors().length;
    }
    const failed = count.failed + count.pending + unhandled.length;
    if (skippedNames.length > 0) process.stdout.write(`\nskipped:\n  ${skippedNames.join('\n  ')}\n`);
    process.stdout.write(`\n${count.passed} passed, ${failed} failed\n`);
  }
}
