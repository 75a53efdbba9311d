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
  // For minutes after each collection V8's memory reducer would wake a daemon that waits every 8 s, which costs more than all else it does.
  // It is stopped here, before it can have begun: in the middle of its work V8 ends the process. Every other command is spared it:
  // with a flag changed, V8 compiles Node's own modules anew, and that takes a tenth of a short command.
  if (process.argv[2] === 'run') require('node:v8').setFlagsFromString('--memory-reducer-gc-count=0');
  const { enableCompileCache, registerHooks } = require('node:module');
  // Node keeps what it has made of the sources (types stripped, compiled): half the time to start, 20 MB less memory. Where the
  // folder cannot be written it does without. Not in /tmp, and made for its owner alone: whoever can write there could have code run.
  process.umask(0o077);
  enableCompileCache(require('node:path').join(module.path, '../node_modules/.cache/landfall'));
  // Each import of a path names its file. Without looking for other spellings, links and package.json, a command starts an eighth sooner.
  // Zod brings its messages in 60 languages, a file each. English, which it takes by itself, will do: `status --check` takes a sixth less.
  registerHooks({
    resolve(specifier, context, next) {
      if (!/^\.\.?\//.test(specifier) || !context.conditions.includes('import')) return next(specifier, context);
      const isLanguages = specifier === '../locales/index.js' && context.parentURL.includes('/node_modules/zod/');
      return { url: new URL(isLanguages ? '../locales/en.js' : specifier, context.parentURL).href, shortCircuit: true };
    },
  });
  import('../src/main.ts').catch((error) => {
    process.stderr.write(`landfall could not start: ${error.stack}\n`);
    process.exitCode = 1;
  });
}
