import type { TypeParameters } from '../columns/column-type.ts';
import type { ProtectionName } from '../columns/protections.ts';
import type { ColumnTypeName } from '../columns/registry.ts';
import type { MappingRules } from '../columns/row-mapper.ts';
import type { Check } from './check.ts';
import type { Expectation, VolumeRule } from './expectation.ts';
import type { ColumnRules } from '../columns/row-rules.ts';

export interface Column {
  /** The header cell as the sender documents it, e.g. `PatientID`. */
  readonly header: string;
  /** Other header cells taken for it. */
  readonly aliases: readonly string[];
  /** The column of the table, a validated SQL identifier, e.g. `patient_id`. */
  readonly name: string;
  readonly type: ColumnTypeName;
  /** What the feed says of the type, e.g. the scale of a decimal. */
  readonly parameters?: TypeParameters;
  /** What its values must be, beyond their type; null: nothing. */
  readonly rules?: ColumnRules | null;
  /** A row without a value here is refused (`missing_value`). The key is always required. */
  readonly required: boolean;
  /** A file may lack this column altogether; its values are then NULL. */
  readonly optional: boolean;
  /** What is done to its values before they are stored; null: nothing. A reference has the protection of its key. */
  readonly protect?: ProtectionName | null;
  /** Holds patient data by name (not a promise that the others hold none). */
  readonly phi: boolean;
  /** The table whose key this column refers to, or null. */
  readonly references: string | null;
  /** The table has an index on it, for those who ask for its values; `landfall schema` makes that. */
  readonly index?: boolean;
}

export interface Dataset {
  /** As it stands in file names, e.g. `Patient`. */
  readonly name: string;
  /** The table, a validated SQL identifier, e.g. `patients`. */
  readonly table: string;
  /** The columns that identify a row: the first one, or those that `key` of the feed definition names, in its order. */
  readonly keys: readonly Column[];
  /** The first of the keys; of a dataset that others refer to it is the only one. */
  readonly key: Column;
  /** All columns, in the order of the feed definition. */
  readonly columns: readonly Column[];
  /** When its files are expected; null: whenever they come. */
  readonly expect: Expectation | null;
  /** How many rows a file may have; null: any number. */
  readonly rows: VolumeRule | null;
  /** What its files are checked with, those that may hold a file first. */
  readonly checks: readonly Check[];
}

/** How the feed's files are written, where the feed says so; null means: found from each file. */
export interface FeedFormat extends MappingRules {
  readonly delimiter: string | null;
  readonly quote: '"' | "'" | null;
  readonly escape: 'double' | 'backslash' | null;
  readonly encoding: Encoding | null;
  /** `none`: files have no header line; fields stand in the order of the dataset's columns. */
  readonly header: 'present' | 'none';
}

/** Fixes nothing: all is found from the file. */
export const ANY_FORMAT: FeedFormat = {
  delimiter: null,
  quote: null,
  escape: null,
  encoding: null,
  header: 'present',
  dateOrder: 'month-first',
  thousandsSeparator: true,
  nulls: [],
};

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** How a feed's files are called: `<prefix><dataset>_[YYYYMMDD_hhmmss]<extension>`, or by a pattern of its own. */
export type Naming =
  | {
      readonly kind: 'prefix';
      /** What stands before the dataset's name, e.g. `HospitalABC_VisitPay_`. */
      readonly prefix: string;
      /** With its dot, e.g. `.txt`. */
      readonly extension: string;
    }
  | { readonly kind: 'pattern'; readonly pattern: NamePattern };

/** A pattern of paths below the landing folder, as names are held against it. */
export interface NamePattern {
  /** As the feed says it, e.g. `{dataset}/{dataset}_{stamp:YYYYMMDD}.csv`. */
  readonly text: string;
  /** With its dot; empty where there is none. */
  readonly extension: string;
  /** How many parts the paths have: 1 where there are no folders. */
  readonly depth: number;
  /** E.g. `YYYYMMDD`; null: names have no stamp. */
  readonly stampFormat: string | null;
  readonly name: RegExp;
  /** What names match with one thing wrong. */
  readonly inAnyCase: RegExp;
  readonly withAnyStamp: RegExp;
  /** Its groups are what stands for the dataset. */
  readonly withAnyDataset: RegExp;
  readonly withAnyExtension: RegExp;
  /** For each dataset what its names have before the stamp, in letters and digits. */
  readonly stems: readonly string[];
}

export interface Feed {
  /** e.g. `visitpay`. */
  readonly name: string;
  /** SHA-256 (hex) of the definition's bytes, of its checks, and of the values of its environment where there is one. */
  readonly hash: string;
  /** The folder of the definition: its migrations, views and environments lie below it. */
  readonly folder: string;
  /** What the environment says for `${name}`; nothing where none was asked for. */
  readonly values: Readonly<Record<string, string | number | boolean>>;
  readonly naming: Naming;
  /** Whether files may also come compressed by gzip, with `.gz` behind their names. */
  readonly compressed: boolean;
  /** Parents before children: a dataset refers only to tables of datasets before it. */
  readonly datasets: readonly Dataset[];
  readonly format: FeedFormat;
  /** The share (0–1) of a file's rows that may be rejected; above it the file is quarantined. */
  readonly maxBadRows: number;
}

/** What a file name says. */
export type FileName =
  /** `stamp`: null where names have none. `warning`: the name can be taken, but not quite as documented (a stamp cut short). */
  | {
      readonly kind: 'taken';
      readonly dataset: Dataset;
      readonly stamp: string | null;
      readonly warning: string | null;
    }
  /** Meant for the feed but not to be taken; `reason` says what is wrong with it. */
  | { readonly kind: 'near_miss'; readonly code: NameProblem; readonly reason: string }
  /** An upload under way (`.tmp`, `.part`, `.filepart`, a leading dot) of a name of the feed. */
  | { readonly kind: 'partial' }
  /** Nothing to do with the feed. */
  | { readonly kind: 'foreign' };

export type NameProblem = 'bad_stamp' | 'bad_brackets' | 'bad_dataset' | 'bad_extension' | 'bad_case' | 'bad_name';
