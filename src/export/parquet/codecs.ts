import type { SchemaElement } from 'hyparquet';
import { isDay } from '../../columns/calendar.ts';
import type { StorageClass } from '../../columns/column-type.ts';
import { MOST_DECIMAL_DIGITS } from '../../columns/decimal.ts';
import type { Bytes } from './bytes.ts';

/** A value as Parquet keeps it: days, microseconds, units of a decimal; texts and numbers as they are. */
export type Physical = string | number | bigint | boolean;

/** How the values of a storage class stand in a Parquet file (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md). */
export interface Codec {
  /** Its column in the file's schema, without its name. */
  readonly element: Omit<SchemaElement, 'name'>;
  /** Whether equal values may be kept once, in a dictionary. */
  readonly hasDictionary: boolean;
  /**
   * The value as it is kept.
   * @throws RangeError, without the value, where it is none of its class
   */
  readonly physical: (value: string | number) => Physical;
  /** Writes it in the encoding PLAIN; of a boolean a byte, which is packed later. */
  readonly put: (value: Physical, into: Bytes) => void;
}

const DECIMAL_BYTES = 16;

/** How a column is kept in Parquet. Every column may be NULL there: its readers need no more, and a view says nothing of it. */
export function codecOf(storage: StorageClass, scale: number | null): Codec {
  switch (storage) {
    case 'text':
      return {
        element: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
        hasDictionary: true,
        physical: String,
        put: (value, into) => {
          into.putText(value as string);
        },
      };
    case 'integer':
      return { ...INT64, element: { type: 'INT64' }, physical: wholeNumber };
    case 'number':
      return {
        element: { type: 'DOUBLE' },
        hasDictionary: true,
        physical: (value) => (typeof value === 'number' ? value : fail('a number')),
        put: (value, into) => {
          into.putDouble(value as number);
        },
      };
    case 'decimal':
      return decimalCodec(scale ?? 0);
    case 'date':
      return {
        element: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
        hasDictionary: true,
        physical: (value) => daysOf(String(value)),
        put: (value, into) => {
          into.putInt32(value as number);
        },
      };
    case 'timestamp':
      return {
        ...INT64,
        element: {
          type: 'INT64',
          converted_type: 'TIMESTAMP_MICROS',
          logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
        },
        physical: (value) => microsecondsOf(String(value)),
      };
    case 'boolean':
      return {
        element: { type: 'BOOLEAN' },
        hasDictionary: false,
        physical: (value) => (value === 0 || value === 1 ? value === 1 : fail('a boolean')),
        put: (value, into) => {
          into.putByte(value === true ? 1 : 0);
        },
      };
  }
}

const INT64: Pick<Codec, 'hasDictionary' | 'put'> = {
  hasDictionary: true,
  put: (value, into) => {
    into.putInt64(value as bigint | number);
  },
};

function wholeNumber(value: string | number): number {
  return Number.isSafeInteger(value) ? (value as number) : fail('a whole number');
}

function decimalCodec(scale: number): Codec {
  const spelling = scale === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${scale}}$`);
  const limit = 10n ** BigInt(MOST_DECIMAL_DIGITS);
  return {
    element: {
      type: 'FIXED_LEN_BYTE_ARRAY',
      type_length: DECIMAL_BYTES,
      converted_type: 'DECIMAL',
      logical_type: { type: 'DECIMAL', precision: MOST_DECIMAL_DIGITS, scale },
      precision: MOST_DECIMAL_DIGITS,
      scale,
    },
    hasDictionary: true,
    physical(value) {
      const text = String(value);
      if (!spelling.test(text)) fail(`a decimal with ${scale} digits behind the point`);
      const units = BigInt(text.replace('.', ''));
      return units < limit && units > -limit ? units : fail(`a decimal of at most ${MOST_DECIMAL_DIGITS} digits`);
    },
    put: (value, into) => {
      into.putBigEndian(value as bigint, DECIMAL_BYTES);
    },
  };
}

const DAY_MS = 86_400_000;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const MOMENT = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?Z$/;

/** Days since 1970-01-01, before it too, in the calendar of today throughout (as ISO 8601 has it). */
function daysOf(text: string): number {
  const [, year, month, day] = DAY.exec(text) ?? [];
  // Date.parse takes the 30th of February for the 2nd of March.
  if (!isDay(Number(year), Number(month), Number(day))) fail('a date such as 2026-08-01');
  return Date.parse(`${text}T00:00:00Z`) / DAY_MS;
}

/** Microseconds since 1970-01-01, UTC. */
function microsecondsOf(text: string): bigint {
  const [, day = '', time = '', fraction = ''] = MOMENT.exec(text) ?? [];
  const ms = Date.parse(`${day}${time}Z`);
  if (Number.isNaN(ms) || daysOf(day) !== Math.floor(ms / DAY_MS)) fail('a timestamp such as 2026-08-01T06:00:00Z');
  return BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

function fail(expected: string): never {
  throw new RangeError(`a value that is not ${expected}`);
}
