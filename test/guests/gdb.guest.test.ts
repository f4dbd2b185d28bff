/** The real gdb against `xenoscope run --gdb`: Debian's package gdb. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grub } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { xenoscope } from './xenoscope.ts';

const TIMEOUT = 60_000;

let machine: ChildProcessWithoutNullStreams | undefined;
let output = '';
let status: Promise<number | null>;

beforeEach((context) => {
  if (spawnSync('gdb', ['--version']).error !== undefined) context.skip('needs gdb: apt-get install gdb');
});

afterEach(() => {
  machine?.kill();
});

/** Boots a configuration and waits until it listens; the port. */
async function boot(config: string): Promise<string> {
  const words = [await xenoscope(), 'run', config, '--gdb', '0', '--timeout', '60'];
  const child = spawn(process.execPath, words, { stdio: 'pipe' });
  machine = child;
  output = '';
  status = new Promise((resolve) => child.on('exit', resolve));
  child.stdout.on('data', (piece: Buffer) => {
    output += piece.toString();
  });
  return await new Promise((resolve, reject) => {
    let errors = '';
    child.stderr.on('data', (piece: Buffer) => {
      errors += piece.toString();
      const port = /127\.0\.0\.1:(\d+)/.exec(errors)?.[1];
      if (port !== undefined) resolve(port);
    });
    child.on('exit', () => reject(new Error(errors)));
  });
}

/** What gdb prints while it carries these commands out, one after the other. */
function gdb(port: string, commands: readonly string[], symbols: readonly string[] = []): Promise<string> {
  const all = ['set pagination off', 'set confirm off', `target remote 127.0.0.1:${port}`, ...commands];
  const words = ['-q', '-batch', '-nx', ...symbols, ...all.flatMap((command) => ['-ex', command])];
  const child = spawn('gdb', words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
  }
  return new Promise((resolve) => child.on('exit', () => resolve(text)));
}

describe('gdb and a 64-bit domain', () => {
  const sample = (port: string, commands: readonly string[]): Promise<string> =>
    gdb(port, commands, ['-d', 'test/guests/minimal', 'test/guests/minimal/guest.elf']);

  it('breaks and steps by source, sees variables and threads, and kills', async () => {
    const text = await sample(await boot('test/guests/minimal/guest.cfg'), [
      'print/x $rip',
      'break main',
      'continue',
      'next',
      'next',
      'print line[0]',
      'info threads',
      'kill',
    ]);
    expect(text).toContain('$1 = 0xffffffff80100000');
    expect(text).toMatch(/Breakpoint 1, main \(\) at main\.c:\d+/);
    expect(text).toMatch(/\n\d+\s+shared_info = \(struct shared_info \*\)shared_info_page;/);
    expect(text).toContain("$2 = 0 '\\000'");
    expect(text).toContain('"sample/0"');
    expect(await status).toBe(0);
  });

  it('watches a variable, writes memory and registers, and unwinds', async () => {
    const text = await sample(await boot('test/guests/minimal/guest.cfg'), [
      'watch count',
      'continue',
      'backtrace',
      'print count = 77',
      'set $r15 = 0x123456789abcdef0',
      'flushregs',
      'print/x $r15',
      'x/gd &count',
      'detach',
    ]);
    expect(text).toMatch(/Old value = 0\s+New value = 1\s+timer_tick \(\)/);
    expect(text).toMatch(/#1 .* upcall \(/);
    expect(text).toContain('= 0x123456789abcdef0');
    expect(text).toMatch(/<count>:\s+77/);
  });

  it('stops before hypercalls, and tells what only Xen knows', async () => {
    const text = await sample(await boot('test/guests/minimal/guest.cfg'), [
      'monitor break set_trap_table nonsense',
      'continue',
      'x/i $pc',
      'print $rax',
      'monitor hypercall',
      'monitor walk 0xffffffff80100000',
      'monitor nonsense',
      'monitor delete',
      'kill',
    ]);
    expect(text).toContain('set_trap_table: stops');
    expect(text).toContain('There is no hypercall "nonsense"');
    expect(text).toMatch(/=> 0x[0-9a-f]+ <.*>:\s+syscall/);
    expect(text).toContain('$1 = 0');
    expect(text).toMatch(/set_trap_table \(0\)[\s\S]*vector = .*\b0\b/);
    expect(text).toMatch(/L1 table at 0x[0-9a-f]+, entry 256: 0x[0-9a-f]{16} P RW US/);
    expect(text).toContain('there is no such command');
  });

  it('a crash is a SIGSEGV, and can be looked at', async () => {
    const running = sample(await boot('test/guests/minimal/guest.cfg'), ['continue', 'backtrace', 'continue']);
    while (!output.includes('sample>')) await new Promise((resolve) => setTimeout(resolve, 20));
    machine?.stdin.write('crash\n');
    const text = await running;
    expect(text).toContain('the guest reported that it crashed');
    expect(text).toContain('SIGSEGV');
    expect(text).toMatch(/ trap \(registers=.*vector=14\)/);
    expect(await status).toBe(4);
  });

  it('a connection that is cut lets the machine go on, and the next gdb stops it', async () => {
    const port = await boot('test/guests/minimal/guest.cfg');
    await sample(port, ['disconnect']);
    // The machine runs now: a gdb that comes stops it first.
    const text = await sample(port, ['info registers rip', 'break timer_tick', 'continue', 'kill']);
    expect(text).toMatch(/rip\s+0xffffffff80/);
    expect(text).toContain('Breakpoint 1, timer_tick');
    expect(output).toContain('hello from a paravirtualised domain');
  });
});

it('a 32-bit domain has the registers of an i386', async (context) => {
  const kernel = orSkip(context, () => grub(32));
  const config = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-gdb-')), 'grub.cfg');
  writeFileSync(config, `name = "grub"\nkernel = "${kernel}"\nmemory = 64\n`);
  const text = await gdb(await boot(config), [
    'show architecture',
    'print/x $eip',
    'stepi',
    'stepi',
    'print/x $cs',
    'x/s (char *)$esi',
    'kill',
  ]);
  expect(text).toMatch(/architecture is .*"i386"/);
  expect(text).toContain('$1 = 0x0');
  // FLAT_COMPAT_RING1_CS of a 64-bit Xen, and start_info's magic, to which ESI points at the start.
  expect(text).toContain('$2 = 0xe019');
  expect(text).toMatch(/"xen-3\.0-x86_32p"/);
});
