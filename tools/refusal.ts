// What a user is told instead of a stack: why something was not done, or came to no good end, and what to do about it.

/** Why, in a word: names of exit codes (tools/cli/exit-codes.ts says what each means). */
export type RefusalKind = 'failed' | 'usage' | 'refused' | 'file' | 'unavailable' | 'timeout' | 'interrupted';

export class Refusal extends Error {
  constructor(
    readonly kind: RefusalKind,
    /** One sentence for the user; empty when it has been said already. */
    message: string,
    /** What to do about it. */
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

/** What went wrong with a file of the host, in words. Rethrows what is not an error of the file system. */
export function fileError(error: unknown, doing: string, path: string): Refusal {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'part of the path is not a directory',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENAMETOOLONG: 'the name is too long',
    EMFILE: 'too many open files',
    ELOOP: 'too many symbolic links',
    ERR_FS_FILE_TOO_LARGE: 'it is too large',
    ERR_STRING_TOO_LONG: 'it is too large',
    ERR_INVALID_ARG_VALUE: 'the path is not valid',
  };
  if (code === undefined) throw error;
  return new Refusal('file', `cannot ${doing} ${path}: ${reasons[code] ?? code}`);
}
