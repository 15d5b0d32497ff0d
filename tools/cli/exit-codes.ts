// The exit codes of the command line: one table, from which docs/exit-codes.md is generated.

import type { RefusalKind } from '../refusal.ts';

export const exitCodes = {
  success: { code: 0, meaning: 'What was asked for happened. For `run --expect`: everything expected was seen.' },
  failed: {
    code: 1,
    meaning:
      'The command worked, the answer is no: an expectation was not met, two runs differ, a cell failed for good.',
  },
  usage: { code: 2, meaning: 'The command line is wrong: unknown command or option, missing or malformed value.' },
  refused: {
    code: 3,
    meaning:
      'An input is refused: a manifest with errors, a malformed image, source that does not assemble. Nothing was booted or written.',
  },
  file: { code: 4, meaning: 'A file could not be read or written.' },
  unavailable: { code: 5, meaning: 'Something that this version or this host does not have is needed.' },
  timeout: {
    code: 6,
    meaning: 'The limit of virtual time, of instructions or of host time passed before what was expected happened.',
  },
  internal: { code: 70, meaning: 'A bug in microvisor itself. A crash report was written; please send it.' },
  interrupted: { code: 130, meaning: 'Stopped by Ctrl-C (SIGINT).' },
  brokenPipe: { code: 141, meaning: 'Whoever read the output closed the pipe.' },
} as const satisfies Record<RefusalKind | 'success' | 'internal' | 'brokenPipe', { code: number; meaning: string }>;

/** The page docs/exit-codes.md. */
export function exitCodesPage(): string {
  const rows = Object.entries(exitCodes).map(([name, { code, meaning }]) => `| ${code} | ${name} | ${meaning} |`);
  return `# Exit codes

Generated from \`tools/cli/exit-codes.ts\` by \`npm run docs:generate\`.

| code | name | meaning |
|---|---|---|
${rows.join('\n')}

\`microvisor bare\` and \`microvisor boot\` pass on the guest's own exit code, as a test finisher or HTIF reports it. A guest
that reports one of these codes is told apart by the line that the command prints on standard error when it ends.
`;
}
