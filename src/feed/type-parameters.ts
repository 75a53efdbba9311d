import { z } from 'zod';
import type { ColumnType, TypeParameters } from '../columns/column-type.ts';
import { MOST_DECIMAL_DIGITS } from '../columns/decimal.ts';
import { isCountry } from '../columns/phone.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../columns/registry.ts';
import { isZone } from '../columns/time-zone.ts';
import { MOST_PRECISION } from '../columns/timestamp.ts';

const digits = (most: number) => {
  const error = `must be a whole number from 0 to ${most}`;
  return z.int(error).min(0, error).max(most, error).optional();
};

/** What a column of a feed definition may say beside its type. */
export const typeParameterShape = {
  scale: digits(MOST_DECIMAL_DIGITS),
  precision: digits(MOST_PRECISION),
  zone: z.string().refine(isZone, 'is no time zone; expected for example America/Chicago').optional(),
  country: z.string().refine(isCountry, 'is no country; expected two capitals, for example US').optional(),
} satisfies Record<keyof TypeParameters, z.ZodType>;

const NAMES = Object.keys(typeParameterShape) as (keyof TypeParameters)[];

/** What a column says of its type. */
export function parametersOf(column: TypeParameters): TypeParameters {
  return Object.fromEntries(NAMES.flatMap((name) => (column[name] === undefined ? [] : [[name, column[name]]])));
}

/** What a column says that its type does not take, and what it does not say that its type needs. */
export function parameterProblems(
  column: TypeParameters & { readonly type: ColumnTypeName },
  path: readonly (string | number)[],
): readonly { path: readonly (string | number)[]; problem: string }[] {
  const { parameters = [], needs = [] }: ColumnType = COLUMN_TYPES[column.type];
  const given = NAMES.filter((name) => column[name] !== undefined);
  return [
    ...given
      .filter((name) => !parameters.includes(name))
      .map((name) => ({ path: [...path, name], problem: `is nothing that a column of type ${column.type} takes` })),
    ...needs
      .filter((name) => !given.includes(name))
      .map((name) => ({ path: [...path, name], problem: `is missing: a column of type ${column.type} needs it` })),
  ];
}
