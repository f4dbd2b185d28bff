import { expect, it } from 'vitest';
import { parsePoint } from '../../../../emulator/debug/xen-events/criterion.ts';

const LIMITS = { maxPort: 1023, maxGrants: 32768 };
const criterion = (name: string) => parsePoint(name, LIMITS).criterion;
const message = (name: string): string => {
  const { verdict } = parsePoint(name, LIMITS);
  expect(verdict.verified).toBe(false);
  return verdict.message;
};

it.each([
  ['evtchn:3', { kind: 'evtchn', port: 3 }],
  ['evtchn:0x10.sent', { kind: 'evtchn', port: 16, action: 'sent' }],
  ['evtchn:*', { kind: 'evtchn', port: undefined }],
  ['grant: 8.map', { kind: 'grant', ref: 8, action: 'map' }],
  ['grant:*.fail', { kind: 'grant', ref: undefined, action: 'fail' }],
  ['xenstore:/local/domain/1/name', { kind: 'xenstore', path: '/local/domain/1/name', below: false }],
  ['xenstore:/local/*', { kind: 'xenstore', path: '/local', below: true }],
  ['xenstore:/*', { kind: 'xenstore', path: '/', below: true }],
  ['trap:14', { kind: 'trap', vector: 14 }],
  ['trap:page_fault', { kind: 'trap', vector: 14 }],
  ['trap:TRAP_gp_fault', { kind: 'trap', vector: 13 }],
  ['trap:#UD', { kind: 'trap', vector: 6 }],
  ['trap:0x80', { kind: 'trap', vector: 128 }],
  ['cr3', { kind: 'cr3' }],
  ['console:login: ', { kind: 'console', text: 'login:' }],
])('%s', (name, expected) => {
  expect(criterion(name)).toMatchObject(expected);
});

it.each([
  ['evtchn:', 'Write a number after "evtchn:", or * for any.'],
  ['evtchn:0', 'Event-channel ports go from 1 to 1023.'],
  ['evtchn:1024', 'Event-channel ports go from 1 to 1023.'],
  ['evtchn:3.snet', '"snet" is nothing that happens to it; did you mean sent?'],
  ['grant:32768', 'Grant references go from 0 to 32767.'],
  ['xenstore:device/vif', 'A xenstore path starts with "/", such as xenstore:/local/domain/1/device/*.'],
  [
    'xenstore:/a b',
    'A xenstore path has letters, digits, "-", "_" and "@" between its slashes, and no slash at its end.',
  ],
  ['trap:pgae_fault', 'There is no trap "pgae_fault"; did you mean page_fault?'],
  ['trap:256', 'Vectors go from 0 to 255.'],
  ['trap:double_fault', expect.stringContaining('double_fault cannot happen')],
  ['trap:18', expect.stringContaining('machine_check cannot happen')],
  ['cr3:5', '"cr3" takes nothing after it; give the frame as a condition: to == 0x1234.'],
  ['console:', 'Name the text to wait for: console:login.'],
])('%s is answered with the reason', (name, expected) => {
  expect(message(name)).toEqual(expected);
});
