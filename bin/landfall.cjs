#!/usr/bin/env node
// Plain CommonJS on purpose: an old Node cannot load a .ts file at all, so the check has to stand before the first one.
'use strict';

const wanted = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major < wanted) {
  process.stderr.write(
    `landfall needs Node ${wanted} or newer, this is ${process.versions.node}: run it as "npm start" or ` +
      `"npm run -s landfall -- COMMAND", which bring the right one along, or install Node ${wanted}.\n`,
  );
  process.exitCode = 1;
} else {
  // Node keeps what it has made of the sources (types stripped, compiled): half the time to start, 20 MB less memory. Where the
  // folder cannot be written it does without. Not in /tmp: whoever can write there could have code run.
  require('node:module').enableCompileCache(require('node:path').join(module.path, '../node_modules/.cache/landfall'));
  import('../src/main.ts').catch((error) => {
    process.stderr.write(`landfall could not start: ${error.stack}\n`);
    process.exitCode = 1;
  });
}
