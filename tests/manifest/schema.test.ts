import { expect, test } from 'vitest';
import type { Fields, Shape } from '../../tools/manifest/field.ts';
import { readDocument } from '../../tools/manifest/reader.ts';
import { manifestType } from '../../tools/manifest/schema.ts';
import { Source } from '../../tools/manifest/source.ts';

test('every default is a value of its field', () => {
  const check = (fields: Fields): void => {
    for (const field of Object.values(fields)) {
      if (field.default !== undefined) {
        const { problems } = readDocument(new Source('default', field.default), field.type.shape);
        expect(problems).toEqual([]);
      }
      descend(field.type.shape);
    }
  };
  const descend = (shape: Shape): void => {
    if (shape.kind === 'record') check(shape.fields);
    else if (shape.kind === 'list' || shape.kind === 'map') descend(shape.of);
    else if (shape.kind === 'variants')
      for (const fields of [shape.common, ...Object.values(shape.of).map((each) => each.fields)]) check(fields);
  };
  descend(manifestType.shape);
});
