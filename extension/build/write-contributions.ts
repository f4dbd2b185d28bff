/** Part of `npm run gen`: writes `contributes` of package.json from extension/manifest. */
import { readFileSync, writeFileSync } from 'node:fs';
import { contributions } from '../manifest/contributions.ts';

const file = 'package.json';
const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
const text = `${JSON.stringify({ ...manifest, contributes: contributions }, null, 2)}\n`;
if (text !== readFileSync(file, 'utf8')) writeFileSync(file, text);
