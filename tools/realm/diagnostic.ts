// What is wrong with the source of a server, found before anything of it runs.

export interface SourceDiagnostic {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  /** Stable, kebab-case: what tests and tools match on. */
  code: string;
  message: string;
  /** What to write instead. */
  hint?: string;
}

/** `file:line:column: message (hint)`, one line. */
export function formatDiagnostic(diagnostic: SourceDiagnostic): string {
  const { file, line, column, message, hint } = diagnostic;
  return `${file}:${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`;
}

/** Collects the diagnostics of one source file; positions are offsets into its text. */
export class FileDiagnostics {
  readonly found: SourceDiagnostic[] = [];
  private readonly lineStarts: number[] = [0];

  constructor(
    readonly file: string,
    text: string,
  ) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.lineStarts.push(at + 1);
  }

  position(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.lineStarts[low]! + 1 };
  }

  report(offset: number, code: string, message: string, hint?: string): void {
    const at = this.position(offset);
    if (this.found.some((other) => other.code === code && other.line === at.line && other.column === at.column)) return;
    this.found.push({ file: this.file, ...at, code, message, ...(hint === undefined ? {} : { hint }) });
  }
}
