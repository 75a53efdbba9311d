import { z } from 'zod';
import { definitionSchema } from './schema.ts';

/** The JSON Schema of `feed.yaml`, by which editors complete and check it while it is written. */
export function feedJsonSchema(): object {
  const schema = z.toJSONSchema(definitionSchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'A feed of Landfall (feed.yaml)' };
}
