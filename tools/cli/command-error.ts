// How a command ends when not well: an exit code by name, and what the user should read. Never shown with a stack.

import type { ExitName } from './exit-codes.ts';

export class CommandError extends Error {
  constructor(
    readonly exit: ExitName,
    /** One sentence for the user; empty when the command has already said it. */
    message: string,
    /** What to do about it. */
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}

/** What went wrong with a file of the host, in words. Rethrows what is not an error of the file system. */
export function fileError(error: unknown, doing: string, path: string): CommandError {
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
  return new CommandError('file', `cannot ${doing} ${path}: ${reasons[code] ?? code}`);
}
