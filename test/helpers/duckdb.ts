import { DuckDBInstance } from '@duckdb/node-api';

/** Asks DuckDB, which knows nothing of Landfall, and gives the rows as arrays of texts, numbers and null. */
export async function askDuckdb(sql: string): Promise<readonly (readonly unknown[])[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const connection = await instance.connect();
    try {
      return (await connection.runAndReadAll(sql)).getRowsJson();
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}
