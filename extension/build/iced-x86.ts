import { readFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';

/**
 * iced-x86 ships for Node only: it reads its WebAssembly from beside its script, and takes TextDecoder from `util`.
 * This makes it a module for every host, with the WebAssembly inside the bundle.
 */
const REPLACEMENTS: readonly (readonly [string, string])[] = [
  ['const { TextDecoder, TextEncoder } = require(`util`);', ''],
  ["const path = require('path').join(__dirname, 'iced_x86_bg.wasm');", ''],
  ["const bytes = require('fs').readFileSync(path);", "const bytes = require('./iced_x86_bg.wasm');"],
];

export const portableIced: Plugin = {
  name: 'portable-iced-x86',
  setup(build) {
    build.initialOptions.loader = { ...build.initialOptions.loader, '.wasm': 'binary' };
    build.onLoad({ filter: /[\\/]iced-x86[\\/]iced_x86\.js$/ }, ({ path }) => {
      let contents = readFileSync(path, 'utf8');
      for (const [before, after] of REPLACEMENTS) {
        if (!contents.includes(before)) throw new Error(`iced-x86 has changed: no line "${before}"`);
        contents = contents.replace(before, after);
      }
      return { contents, loader: 'js' };
    });
  },
};
