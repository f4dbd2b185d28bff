import { expect, test } from 'vitest';
import { orSkip } from '../../support/skip.ts';
import { run } from '../xenoscope.ts';
import { networkPair } from './pair.ts';

test('64 MB by TCP between two Debian domains arrive as they were sent', async (context) => {
  const pair = orSkip(context, () => networkPair(64));
  const outcome = await run(...pair.files, '--timeout', '1800');
  expect(outcome.console).toContain(`server: ${pair.md5}  -`);
  expect(outcome.status).toBe(0);
});
