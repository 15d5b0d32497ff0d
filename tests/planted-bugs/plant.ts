// A bug planted on purpose, as data: one place in the source, what it becomes, and the tests that must notice.

/** A test that a plant must make fail. */
export interface Finder {
  /** Path of the test file, from the root of the repository. */
  readonly file: string;
  /** The test's name, or a part of it, as it stands in the file. Several tests may match: all must fail. */
  readonly test: string;
  /** What the failure must say, for a test that may fail for many reasons. */
  readonly says?: string;
}

export interface Plant {
  /** What is wrong with the planted system, in a sentence; also its name for PLANTED_BUG. */
  readonly name: string;
  /** Path of the source file, from the root of the repository: one that vitest loads as a module. */
  readonly file: string;
  /** Source text that occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly foundBy: readonly Finder[];
}

/** The source with the bug in it. Throws when the text to replace isn't there exactly once. */
export function planted(plant: Plant, source: string): string {
  const at = source.indexOf(plant.find);
  if (at < 0) throw new Error(`${plant.file} does not hold what the plant "${plant.name}" replaces`);
  if (source.includes(plant.find, at + 1)) {
    throw new Error(`${plant.file} holds more than once what the plant "${plant.name}" replaces`);
  }
  return source.slice(0, at) + plant.replace + source.slice(at + plant.find.length);
}
