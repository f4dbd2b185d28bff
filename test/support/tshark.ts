import { spawnSync } from 'node:child_process';
import { Unavailable } from './debian.ts';

/**
 * Wireshark's own opinion of a capture: one row of the named fields for each frame.
 * @throws Unavailable where tshark is not installed
 */
export function tshark(file: string, fields: readonly string[], ...options: readonly string[]): string[][] {
  const columns = fields.flatMap((field) => ['-e', field]);
  const words = ['-n', '-r', file, '-T', 'fields', '-E', 'separator=|', ...columns, ...options];
  const { status, stdout, stderr, error } = spawnSync('tshark', words, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (error !== undefined) throw new Unavailable('needs tshark (Debian package tshark)');
  if (status !== 0) throw new Error(`tshark cannot read ${file}: ${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('|'));
}
