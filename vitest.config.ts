import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Tests start many processes: each takes half the time where Node keeps what it has compiled, as bin/landfall.cjs has it do.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/landfall');

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/helpers/postgres-setup.ts',
    pool: 'forks',
    // Many tests wait for processes of their own: more workers than cores keep the cores busy.
    maxWorkers: 3,
    // The modules are loaded once for all files that a worker runs: nothing in them is changed by a test.
    isolate: false,
    // Beside other tests a process may get no processor for seconds.
    expect: { poll: { timeout: 30_000, interval: 20 } },
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
