// Files exist, are what the manifest expects, and can run on this machine.

import { basename } from 'node:path';
import { nativeLayout } from '../../plan/conventions.ts';
import type { DocumentPath } from '../diagnostic.ts';
import type { FileFacts, ManifestFiles } from '../files.ts';
import { type ImageFormat, readImageHeader, type Segment } from '../image-header.ts';
import type { ImageFile } from '../model.ts';
import { suggest } from '../nearest.ts';
import { formatAddress, formatSize } from '../units.ts';
import { quote } from '../wording.ts';
import type { RuleContext } from './context.ts';

/** The files found, by the path of the field that names them. */
export type ResolvedImages = ReadonlyMap<string, ImageFile>;

export const imageKey = (path: DocumentPath): string => path.join('/');

export function checkImages(context: RuleContext, files: ManifestFiles): ResolvedImages {
  const { draft } = context;
  const found = new Map<string, ImageFile>();

  const inspect = (name: string, location: string, path: DocumentPath, tried = [location]): FileFacts | undefined => {
    const facts = files.inspect(location);
    if (facts === 'missing')
      context.report({
        code: 'image-missing',
        path,
        message: `there is no file ${quote(name)}`,
        hint: `looked for ${tried.join(', ')}`,
      });
    else if (facts === 'unreadable')
      context.report({
        code: 'image-unreadable',
        path,
        message: `${quote(name)} cannot be read`,
        hint: `is ${location} a file, and may you read it?`,
      });
    else if ('source' in facts) {
      const { place, message, remedy } = facts.source;
      context.report({ code: 'source-mistake', path, message: `${quote(name)}, ${place}: ${message}`, hint: remedy });
    } else return facts;
    return undefined;
  };
  const note = (
    path: DocumentPath,
    name: string,
    facts: FileFacts,
    format: ImageFile['format'],
    segments: readonly Segment[] = [],
  ) =>
    found.set(imageKey(path), { name, path: facts.path, bytes: facts.bytes, sha256: facts.sha256, format, segments });
  const data = (name: string | undefined, path: DocumentPath): FileFacts | undefined => {
    const facts = name === undefined ? undefined : inspect(name, files.locate(name), path);
    if (facts !== undefined) note(path, name!, facts, 'data');
    return facts;
  };

  for (const [name, image] of draft.images ?? []) {
    const facts = data(image?.path, ['images', name, 'path']);
    if (facts === undefined || image?.sha256 === undefined || image.sha256 === facts.sha256) continue;
    context.report({
      code: 'image-hash',
      path: ['images', name, 'sha256'],
      message: `${quote(image.path ?? '')} has another hash: ${facts.sha256}`,
      hint: 'write this hash if the file is the right one',
      related: [{ path: ['images', name, 'path'], message: 'the file' }],
    });
  }
  for (const [name, region] of draft.regions ?? []) {
    const path = ['regions', name, 'prefill'];
    const facts = data(region?.prefill, path);
    if (facts !== undefined && region?.size !== undefined && facts.bytes > region.size) {
      context.report({
        code: 'prefill-too-large',
        path,
        message: `${quote(region.prefill!)} has ${facts.bytes} bytes, and the region ${formatSize(region.size)}`,
        hint: 'make the region larger',
        related: [{ path: ['regions', name, 'size'], message: 'the region' }],
      });
    }
  }
  for (const [name, device] of draft.devices ?? []) data(device?.backing, ['devices', name, 'backing']);
  data(draft.faults?.plan, ['faults', 'plan']);

  /** An image of a cell: declared under images, or a file. */
  const image = (
    name: string | undefined,
    path: DocumentPath,
    formats: readonly ImageFormat[] | 'data' | 'program',
  ) => {
    if (name === undefined) return;
    const declared = draft.images?.has(name) === true;
    if (declared && draft.images?.get(name)?.path === undefined) return;
    const written = declared ? draft.images!.get(name)!.path! : name;
    const candidates = formats === 'program' ? files.programCandidates(written) : [files.locate(written)];
    const location =
      candidates.find(
        (each) => files.inspect(each) !== 'missing' && !(candidates.length > 1 && files.inspect(each) === 'unreadable'),
      ) ?? candidates[0]!;
    const missing = files.inspect(location) === 'missing';
    // A declared image that is missing has been complained about where it is declared.
    if (declared && missing) return;
    if (missing && draft.images !== undefined && !/[./\\]/.test(name)) {
      context.report({
        code: 'unknown-image',
        path,
        message: `${quote(name)} is neither a declared image nor a file`,
        hint: suggest(name, [...draft.images.keys()], 'images'),
      });
      return;
    }
    const facts = declared ? files.inspect(location) : inspect(name, location, path, candidates);
    if (facts === undefined || typeof facts === 'string' || 'source' in facts) return;
    if (formats === 'data') {
      note(path, name, facts, 'data');
      return;
    }
    if (formats === 'program' && /\.[jt]s$/.test(location)) {
      note(path, name, facts, 'typescript');
      return;
    }
    const header = readImageHeader(facts.head, formats === 'program' ? ['elf'] : formats);
    if ('format' in header) {
      const segments = header.format === 'elf' ? header.segments : [];
      note(path, name, facts, header.format, segments);
      if (formats === 'program') checkSegments(context, path, segments);
      return;
    }
    const related = declared ? [{ path: ['images', name, 'path'], message: 'the file' }] : [];
    context.report({
      code: header.code,
      path,
      message: `${quote(basename(location))} cannot run: ${header.message}`,
      hint: header.hint,
      related,
    });
  };
  for (const [name, cell] of context.cells()) {
    const at = (field: string): DocumentPath => ['cells', name, field];
    switch (cell.kind) {
      case 'native':
        image(cell.program, at('program'), 'program');
        break;
      case 'vm':
        image(cell.kernel, at('kernel'), ['linux-image', 'elf']);
        image(cell.initrd, at('initrd'), 'data');
        break;
      case 'posix':
        image(cell.rootfs, at('rootfs'), 'data');
        break;
      case 'rtos':
        image(cell.image, at('image'), ['elf']);
        break;
      default:
        cell satisfies never;
    }
  }
  return found;
}

/** The segments of a server lie where servers have their image, and are mapped with their permissions. */
function checkSegments(context: RuleContext, path: DocumentPath, segments: readonly Segment[]): void {
  const { image, imageEnd, reserved, reservedEnd } = nativeLayout;
  for (const segment of segments) {
    const what = `${formatAddress(segment.at)} to ${formatAddress(segment.at + segment.bytes)}`;
    const end = segment.at + segment.bytes;
    if (segment.at < image || end > imageEnd || (segment.at < reservedEnd && end > reserved)) {
      const hint = `link it from ${formatAddress(image)} to ${formatAddress(reserved)}, or from ${formatAddress(reservedEnd)} to ${formatAddress(imageEnd)}`;
      context.report({ code: 'map-outside', path, message: `a segment of the image lies at ${what}`, hint });
    }
    if (segment.perms.write && segment.perms.execute) {
      const hint = 'give code and data segments of their own';
      context.report({
        code: 'write-and-execute',
        path,
        message: `the segment at ${what} is writable and executable`,
        hint,
      });
    }
  }
}
