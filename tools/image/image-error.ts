// What is wrong with an image file: where, what, and what to do about it. A value, for the file is a stranger's.

export interface ImageError {
  /** The part of the file, and its byte offset where there is one: "program header 2 (byte 0x78)". */
  readonly place: string;
  readonly message: string;
  readonly remedy: string;
}

/** What reading a stranger's file comes to. */
export type ReadResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ImageError };

export function failure(place: string, message: string, remedy: string): { ok: false; error: ImageError } {
  return { ok: false, error: { place, message, remedy } };
}

/** The error as one sentence, without a full stop. */
export function describeImageError({ place, message }: ImageError): string {
  return `${place}: ${message}`;
}

/** An address or offset as people write it. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
