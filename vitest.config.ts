import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/helpers/postgres-setup.ts',
    pool: 'forks',
    // Many tests wait for processes of their own: more workers than cores keep the cores busy.
    maxWorkers: 3,
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
