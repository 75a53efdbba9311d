import type { StorageClass } from './column-type.ts';
import { PROTECTIONS, type ProtectionName } from './protections.ts';
import { COLUMN_TYPES, type ColumnTypeName } from './registry.ts';

/** How the values of a column are kept: as its type says, unless what protects them makes something else of them. */
export function storageOf(column: {
  readonly type: ColumnTypeName;
  readonly protect?: ProtectionName | null;
}): StorageClass {
  const { storage } = COLUMN_TYPES[column.type];
  return column.protect == null ? storage : (PROTECTIONS[column.protect].storage ?? storage);
}
